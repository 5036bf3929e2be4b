/** What flanneld is told by its command line and its environment. */
import type { Environment } from '../lib/base/environment.ts'
import { DetailedError } from '../lib/base/errors.ts'
import {
  booleanFlag,
  fillFromEnvironment,
  flagUsage,
  listFlag,
  numberFlag,
  parseFlags,
  textFlag,
} from './flags.ts'

/** Upstream's flags, by their names. */
const flags = {
  'etcd-endpoints': textFlag(
    'http://127.0.0.1:4001,http://127.0.0.1:2379',
    'a comma-delimited list of etcd endpoints',
  ),
  'etcd-prefix': textFlag('/coreos.com/network', 'etcd prefix'),
  'etcd-keyfile': textFlag('', 'file of the key of the client for etcd'),
  'etcd-certfile': textFlag('', 'file of the certificate of the client for etcd'),
  'etcd-cafile': textFlag('', 'file of the certificate authority of etcd'),
  'etcd-username': textFlag('', 'user name for etcd'),
  'etcd-password': textFlag('', 'password for etcd'),
  'kube-subnet-mgr': booleanFlag(false, 'contact the Kubernetes API for subnets instead of etcd'),
  'kube-api-url': textFlag('', 'URL of the Kubernetes API server, in place of the kubeconfig’s'),
  'kubeconfig-file': textFlag('', 'kubeconfig file; without it the pod’s service account is used'),
  'kube-annotation-prefix': textFlag('flannel.alpha.coreos.com', 'prefix of node annotations'),
  'net-config-path': textFlag(
    '/etc/kube-flannel/net-conf.json',
    'file of the network configuration, with kube-subnet-mgr',
  ),
  'set-node-network-unavailable': booleanFlag(
    true,
    'set the condition NetworkUnavailable of the node to false when ready',
  ),
  iface: listFlag('interface to use, by name or address; can be given several times'),
  'iface-regex': listFlag('regular expression for the interface; can be given several times'),
  'iface-can-reach': textFlag('', 'use the interface that leads to this address'),
  'public-ip': textFlag('', 'address for other nodes to reach this one'),
  'public-ipv6': textFlag('', 'IPv6 address for other nodes to reach this one'),
  'subnet-file': textFlag('/run/flannel/subnet.env', 'file to write the subnet and MTU to'),
  'subnet-lease-renew-margin': numberFlag(60, 'minutes before its end to renew a lease: 1 to 1439'),
  'ip-masq': booleanFlag(false, 'masquerade what leaves the network'),
  'ip-masq-fully-random-disable': booleanFlag(false, 'masquerade without choosing ports at random'),
  'iptables-resync': numberFlag(5, 'seconds between checks of firewall rules'),
  'iptables-forward-rules': booleanFlag(true, 'accept forwarded packets of the network'),
  'ip-blackhole-route': booleanFlag(false, 'have a blackhole route for the node’s own subnet'),
  'healthz-ip': textFlag('0.0.0.0', 'address for healthz to listen on'),
  'healthz-port': numberFlag(0, 'port for healthz to listen on; 0 for none'),
  version: booleanFlag(false, 'print the version and end'),
  v: numberFlag(0, 'how much to log'),
  vmodule: textFlag('', 'accepted for compatibility'),
  log_backtrace_at: textFlag(':0', 'accepted for compatibility'),
}

type FlagsOf = typeof flags
export type Options = {
  readonly [K in keyof FlagsOf]: FlagsOf[K]['kind']['initial']
}

/** A command line that asks for the usage. */
export class HelpRequest extends Error {
  override readonly name = 'HelpRequest'
}

/**
 * The options of a command line and an environment. Throws a `FlagError` for a command line that is
 * not understood, a `HelpRequest`, and a `DetailedError` for a value that cannot be.
 */
export function parseOptions(
  words: readonly string[],
  env: Environment,
  warn: (message: string) => void,
): Options {
  if (words.some((word) => /^--?(?:h|help)$/.test(word))) throw new HelpRequest()
  const parsed = parseFlags<Options>(flags, words)
  const options = fillFromEnvironment<Options>(flags, parsed, env, 'FLANNELD_', warn)
  requireBetween(options, 'subnet-lease-renew-margin', 1, 1439)
  requireBetween(options, 'healthz-port', 0, 65535)
  requireBetween(options, 'iptables-resync', 1, 86_400)
  return options
}

function requireBetween(
  options: Options,
  name: 'subnet-lease-renew-margin' | 'healthz-port' | 'iptables-resync',
  least: number,
  most: number,
): void {
  const value = options[name]
  if (value >= least && value <= most) return
  throw new DetailedError(`--${name} is ${value}`, `expected ${least} to ${most}`)
}

/** What `--help` prints. */
export function usage(): string {
  return `Usage: flanneld [OPTION]...\n${flagUsage<Options>(flags)}`
}
