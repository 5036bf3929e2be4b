/** One call of a plugin, in objects: what is text about it is the business of who has it called. */
import type { Environment } from '../base/environment.ts'
import { createLog, type LogLevel, parseLogLevel } from '../base/log.ts'
import { stage } from '../base/stage.ts'
import { Tools } from '../firewall/node-tool.ts'
import { CniError, ErrorCode } from './errors.ts'
import type { Host } from './host.ts'
import { negotiateVersion } from './negotiate.ts'
import { parseNetConf } from './net-conf.ts'
import { commandOf, parseCommand } from './parameters.ts'
import type { Context, Delegate, Plugin, PluginCommand, Request } from './plugin.ts'
import { buildRequest } from './request.ts'
import type { Result } from './result.ts'
import { Trace } from './trace.ts'
import { hasValidAttachments, validAttachmentsKeys } from './valid-attachments.ts'

/** The request that `parse` gives of the call that `trace` is about; throws what that throws. */
export function readRequest(parse: () => Request, trace: Trace): Request {
  const request = stage('parsing stdin', parse)
  trace.follow(levelOf(request.env), 'reading and parsing stdin')
  return request
}

/** Has the plugin serve a request: the result of an ADD, undefined for every other command. */
export function serve(plugin: Plugin, request: Request, host: Host): Result | undefined {
  const context = buildContext(plugin, request, host)
  switch (request.command) {
    case 'ADD':
      return plugin.add(request, context)
    case 'DEL':
      plugin.del(request, context)
      return undefined
    case 'CHECK':
      plugin.check?.(request, context)
      return undefined
    case 'STATUS':
      plugin.status?.(request, context)
      return undefined
    case 'GC':
      collect(plugin, request, context)
      return undefined
  }
}

/** The trace of a call in this environment, which a configuration can still ask for. */
export function openTrace(plugin: Plugin, env: Environment, host: Host): Trace {
  const trace = new Trace(describe(plugin, env), host)
  trace.follow(levelOf(env))
  return trace
}

/** How lines about a call begin. */
function describe({ name }: Plugin, env: Environment): string {
  const { CNI_CONTAINERID: containerId = '', CNI_IFNAME: ifName = '' } = env
  const attachment = containerId === '' ? '' : ` ${containerId}/${ifName}`
  return `${name}: ${commandOf(env)}${attachment}`
}

function levelOf(env: Environment): LogLevel {
  return parseLogLevel(env['CNI_LOG_LEVEL'])
}

/** The request of a call whose parameters have been checked; throws a `CniError`. */
export function parseRequest(env: Environment, stdin: string): Request {
  const conf = parseNetConf(stdin)
  const command = parseCommand(env) as PluginCommand // VERSION has been answered
  return buildRequest(command, env, conf, stdin)
}

/**
 * The request of a delegate that is called in this process, in the environment `env` and with a
 * configuration of its own or that of its caller, which has been parsed. Throws a `CniError`.
 */
export function delegatedRequest(
  caller: Request,
  command: PluginCommand,
  env: Environment,
  stdin: string,
): Request {
  if (stdin !== caller.stdin) return buildRequest(command, env, parseNetConf(stdin), stdin)
  negotiateVersion(command, caller.configuredVersion) // not every version has every command
  return { ...caller, command, env }
}

function buildContext(plugin: Plugin, request: Request, host: Host): Context {
  const { env } = request
  return {
    log: createLog(describe(plugin, env), levelOf(env), (text) => host.writeStderr(text)),
    delegate: otherPlugins(plugin, host),
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

/** A GC without a list of what is valid removes nothing, and is no error: nothing is known. */
function collect(plugin: Plugin, request: Request, context: Context): void {
  if (hasValidAttachments(request.conf)) return plugin.gc?.(request, context)
  context.log.warn(
    `nothing is removed: the configuration has no ${validAttachmentsKeys[0]}, and GC removes what ` +
      'is not in that list; cni gc NETWORK calls plugins with one',
  )
}
