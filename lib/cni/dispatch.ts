/**
 * From a call to its reply: parameters, configuration and version are judged in the order in which
 * the Go library judges them, before the plugin is asked to do anything.
 */
import type { Environment } from '../base/environment.ts'
import { errorText } from '../base/errors.ts'
import { encodeJson } from '../base/json.ts'
import { createLog, type LogLevel, parseLogLevel } from '../base/log.ts'
import { stage } from '../base/stage.ts'
import { Tools } from '../firewall/node-tool.ts'
import type { Call, Reply } from './call.ts'
import { CniError, ErrorCode, toCniError } from './errors.ts'
import type { Host } from './host.ts'
import { negotiateVersion } from './negotiate.ts'
import { parseNetConf, type UncheckedNetConf } from './net-conf.ts'
import { checkNetns } from './netns-guard.ts'
import { checkParameters, parseCommand } from './parameters.ts'
import type { Context, Delegate, Plugin, PluginCommand, Request } from './plugin.ts'
import { encodeResult } from './result-encode.ts'
import { Trace } from './trace.ts'
import { hasValidAttachments, validAttachmentsKeys } from './valid-attachments.ts'
import { currentVersion, supportedVersions } from './versions.ts'

/** Serves one call of a plugin. Never throws: what goes wrong stands in the reply. */
export function dispatch(plugin: Plugin, call: Call, host: Host): Reply {
  if ((call.env['CNI_COMMAND'] ?? '') === '') {
    host.writeStderr(about(plugin, host))
    return { exitCode: 0, stdout: '' }
  }
  using trace = new Trace(describe(plugin, call.env), host)
  trace.follow(levelOf(call.env))
  const reply = answer(plugin, call, host, trace)
  const { writeStdout } = call
  if (writeStdout !== undefined && reply.stdout !== '') {
    stage('writing the result', () => writeStdout(reply.stdout))
  }
  return reply
}

function about({ name }: Plugin, { version }: Host): string {
  const title =
    name === 'flannel' ? `CNI Plugin flannel version v${version}` : `CNI ${name} plugin v${version}`
  return `${title}\nCNI protocol versions supported: ${supportedVersions.join(', ')}\n`
}

/** How lines about a call begin. */
function describe({ name }: Plugin, env: Environment): string {
  const { CNI_CONTAINERID: containerId = '', CNI_IFNAME: ifName = '' } = env
  const attachment = containerId === '' ? '' : ` ${containerId}/${ifName}`
  return `${name}: ${env['CNI_COMMAND']}${attachment}`
}

function levelOf(env: Environment): LogLevel {
  return parseLogLevel(env['CNI_LOG_LEVEL'])
}

function answer(plugin: Plugin, call: Call, host: Host, trace: Trace): Reply {
  try {
    return { exitCode: 0, stdout: serve(plugin, call, host, trace) }
  } catch (error) {
    return { exitCode: 1, stdout: encodeJson(toCniError(error).toObject(), 4) }
  }
}

function serve(plugin: Plugin, call: Call, host: Host, trace: Trace): string {
  checkParameters(call.env)
  if (call.env['CNI_COMMAND'] === 'VERSION') {
    return `${encodeJson({ cniVersion: currentVersion, supportedVersions })}\n`
  }
  const stdin = readStdin(call)
  const request = stage('parsing stdin', () => parseRequest(call.env, stdin))
  trace.follow(levelOf(request.env), 'reading and parsing stdin')
  checkNetns(request)
  return run(plugin, request, buildContext(plugin, request, host))
}

function readStdin(call: Call): string {
  try {
    return call.readStdin()
  } catch (error) {
    throw new CniError(
      ErrorCode.ioFailure,
      `error reading from stdin: ${errorText(error)}`,
      'the runtime must write the network configuration to stdin and close it',
      { cause: error },
    )
  }
}

function parseRequest(env: Environment, stdin: string): Request {
  const conf = parseNetConf(stdin)
  const command = parseCommand(env) as PluginCommand // VERSION has been answered
  return buildRequest(command, env, conf, stdin)
}

function buildRequest(
  command: PluginCommand,
  env: Environment,
  conf: UncheckedNetConf,
  stdin: string,
): Request {
  return {
    command,
    network: conf.name,
    containerId: env['CNI_CONTAINERID'] ?? '',
    netns: env['CNI_NETNS'] ?? '',
    ifName: env['CNI_IFNAME'] ?? '',
    args: env['CNI_ARGS'] ?? '',
    path: env['CNI_PATH'] ?? '',
    conf: { ...conf, cniVersion: negotiateVersion(command, conf.cniVersion) },
    configuredVersion: conf.cniVersion,
    stdin,
    // A delegate of a configuration with `log` logs at the same level.
    env: typeof conf['log'] === 'string' ? { ...env, CNI_LOG_LEVEL: conf['log'] } : env,
  }
}

function buildContext(plugin: Plugin, request: Request, host: Host): Context {
  const { env } = request
  return {
    log: createLog(describe(plugin, env), levelOf(env), (text) => host.writeStderr(text)),
    delegate: otherPlugins(plugin, host),
    linkRemoval: host.linkRemoval,
    tools: new Tools(env['PATH']),
    randomBytes: (length) => host.randomBytes(length),
    now: () => host.now(),
    sleep: (ms) => host.sleep(ms),
  }
}

/** Delegates to any plugin but the one that asks: it would call itself for ever. */
function otherPlugins({ name }: Plugin, { delegate }: Host): Delegate {
  const checkOther = (type: string) => {
    if (type !== name) return
    throw new CniError(
      ErrorCode.invalidNetworkConfig,
      `the ${name} plugin cannot delegate to itself`,
      '"ipam.type" or "delegate.type" of the network configuration names it; name another one',
    )
  }
  return {
    add(type, request, stdin) {
      checkOther(type)
      return delegate.add(type, request, stdin)
    },
    run(command, type, request, stdin) {
      checkOther(type)
      delegate.run(command, type, request, stdin)
    },
  }
}

function run(plugin: Plugin, request: Request, context: Context): string {
  switch (request.command) {
    case 'ADD':
      return encodeResult(plugin.add(request, context), request.conf.cniVersion)
    case 'DEL':
      plugin.del(request, context)
      return ''
    case 'CHECK':
      plugin.check?.(request, context)
      return ''
    case 'STATUS':
      plugin.status?.(request, context)
      return ''
    case 'GC':
      collect(plugin, request, context)
      return ''
  }
}

/** A GC without a list of what is valid removes nothing, and is no error: nothing is known. */
function collect(plugin: Plugin, request: Request, context: Context): void {
  if (hasValidAttachments(request.conf)) return plugin.gc?.(request, context)
  context.log.warn(
    `nothing is removed: the configuration has no ${validAttachmentsKeys[0]}, and GC removes what ` +
      'is not in that list; cni gc NETWORK calls plugins with one',
  )
}
