/**
 * From a call to its reply: parameters, configuration and version are judged in the order in which
 * the Go library judges them, before the plugin is asked to do anything.
 */
import type { Call, Reply } from './call.ts'
import { CniError, ErrorCode, errorText, toCniError } from './errors.ts'
import type { Host } from './host.ts'
import { encodeJson } from './json.ts'
import { createLog, type LogLevel } from './log.ts'
import { negotiateVersion } from './negotiate.ts'
import { parseNetConf, type UncheckedNetConf } from './net-conf.ts'
import { checkNetns } from './netns-guard.ts'
import { checkParameters, parseCommand } from './parameters.ts'
import type { Context, Delegate, Environment, Plugin, PluginCommand, Request } from './plugin.ts'
import { encodeResult } from './result-encode.ts'
import { currentVersion, supportedVersions } from './versions.ts'

/** Serves one call of a plugin. Never throws: what goes wrong stands in the reply. */
export function dispatch(plugin: Plugin, call: Call, host: Host): Reply {
  if ((call.env['CNI_COMMAND'] ?? '') === '') {
    host.writeStderr(about(plugin, host))
    return { exitCode: 0, stdout: '' }
  }
  try {
    return { exitCode: 0, stdout: serve(plugin, call, host) }
  } catch (error) {
    return { exitCode: 1, stdout: encodeJson(toCniError(error).toObject(), 4) }
  }
}

function about({ name }: Plugin, { version }: Host): string {
  const title =
    name === 'flannel' ? `CNI Plugin flannel version v${version}` : `CNI ${name} plugin v${version}`
  return `${title}\nCNI protocol versions supported: ${supportedVersions.join(', ')}\n`
}

function serve(plugin: Plugin, call: Call, host: Host): string {
  checkParameters(call.env)
  if (call.env['CNI_COMMAND'] === 'VERSION') {
    return `${encodeJson({ cniVersion: currentVersion, supportedVersions })}\n`
  }
  const stdin = readStdin(call)
  const conf = parseNetConf(stdin)
  const command = parseCommand(call.env) as PluginCommand // VERSION has just been answered
  const request = buildRequest(command, call.env, conf, stdin)
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

function buildRequest(
  command: PluginCommand,
  env: Environment,
  conf: UncheckedNetConf,
  stdin: string,
): Request {
  return {
    command,
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
  const level: LogLevel = request.env['CNI_LOG_LEVEL'] === 'debug' ? 'debug' : 'warn'
  const attachment = request.containerId === '' ? '' : ` ${request.containerId}/${request.ifName}`
  const prefix = `${plugin.name}: ${request.command}${attachment}`
  return {
    log: createLog(prefix, level, (text) => host.writeStderr(text)),
    delegate: otherPlugins(plugin, host),
    linkRemoval: host.linkRemoval,
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
      plugin.gc?.(request, context)
      return ''
  }
}
