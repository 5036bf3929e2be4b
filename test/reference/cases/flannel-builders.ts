/** Parts of the cases of flannel. */
import type { Call, Case } from '../case.ts'
import { recorder } from '../flannel-run.ts'
import { shown } from './flannel-shown.ts'

/** What flanneld writes on a node of a Kubernetes cluster. */
export const leased = {
  FLANNEL_NETWORK: '10.244.0.0/16',
  FLANNEL_SUBNET: '10.244.1.1/24',
  FLANNEL_MTU: '1450',
  FLANNEL_IPMASQ: 'true',
}

/** The text of subnet.env; a key that is undefined is left out. */
export function subnetEnv(keys: Readonly<Record<string, string | undefined>> = {}): string {
  const entries = Object.entries({ ...leased, ...keys })
  return entries
    .flatMap(([key, value]) => (value === undefined ? [] : [`${key}=${value}\n`]))
    .join('')
}

/** A delegate that is called, and then does what the commands of sh(1) say. */
export function delegate(script: string): string {
  return `${recorder}${script}\n`
}

/** What a delegate answers in a version of the specification. */
export function answerIn(version: string): string {
  const address = '10.244.1.2/24'
  if (/^0\.[12]\.0$/.test(version)) {
    return `{"cniVersion":"${version}","ip4":{"ip":"${address}"},"dns":{}}`
  }
  const family = version.startsWith('0.') ? '"version":"4",' : ''
  return `{"cniVersion":"${version}","ips":[{${family}"address":"${address}"}],"dns":{}}`
}

/** Answers ADD in this version, and nothing else. */
export function answering(version: string): string {
  return delegate(`[ "$CNI_COMMAND" != ADD ] || echo '${answerIn(version)}'`)
}

export const add: Call = { command: 'ADD' }
export const del: Call = { command: 'DEL' }
export const check: Call = { command: 'CHECK' }

/** The configuration of every case. */
export const base = {
  cniVersion: '1.0.0',
  name: 'cbr0',
  type: 'flannel',
  subnetFile: '$DIR/subnet.env',
  dataDir: '$DIR/flannel',
}

interface Parts {
  /** The text of subnet.env; undefined for none. */
  readonly env?: string | undefined
  readonly steps?: Case['steps']
  /** Scripts of delegates by their names, besides `bridge`, which answers in 1.0.0. */
  readonly delegates?: Readonly<Record<string, string>>
}

/** A case of flannel: one ADD, unless there are other steps. */
export function flannel(name: string, conf: object, parts: Parts = {}): Case {
  const { steps = [add], delegates = {} } = parts
  const env = 'env' in parts ? parts.env : subnetEnv()
  const scripts = Object.entries({ bridge: answering('1.0.0'), ...delegates })
  return {
    name: `flannel: ${name}`,
    plugin: 'flannel',
    conf: { ...base, ...conf },
    files: {
      ...(env !== undefined && { 'subnet.env': env }),
      ...Object.fromEntries(scripts.map(([type, script]) => [`bin/${type}`, script])),
    },
    steps,
    differs: Object.keys(shown).filter((row) => shown[row]?.includes(name)),
  }
}

/** A configuration whose text is not what an encoder writes: `keys` stand before the usual ones. */
export function raw(name: string, keys: string, parts: Parts = {}): Case {
  const stdin = `{${keys},${JSON.stringify(base).slice(1)}`
  return flannel(name, {}, { ...parts, steps: [{ command: 'ADD', stdin }] })
}
