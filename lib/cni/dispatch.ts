/**
 * From a call to its reply: parameters, configuration and version are judged in the order in which
 * the Go library judges them, before the plugin is asked to do anything.
 */
import { errorText } from '../base/errors.ts'
import { encodeJson } from '../base/json.ts'
import type { Call, ExitCode } from './call.ts'
import { CniError, ErrorCode, toCniError } from './errors.ts'
import type { Host } from './host.ts'
import { checkNetns } from './netns-guard.ts'
import { checkParameters, commandOf } from './parameters.ts'
import type { Plugin } from './plugin.ts'
import { encodeResult } from './result-encode.ts'
import { openTrace, parseRequest, readRequest, serve } from './serve.ts'
import type { Trace } from './trace.ts'
import { currentVersion, supportedVersions } from './versions.ts'

/** Serves one call of a plugin, and answers it. Never throws: what goes wrong is the answer. */
export function dispatch(plugin: Plugin, call: Call, host: Host): ExitCode {
  if (commandOf(call.env) === '') {
    host.writeStderr(about(plugin, host))
    return 0
  }
  using trace = openTrace(plugin, call.env, host)
  const { exitCode, text } = answer(plugin, call, host, trace)
  if (text !== '') call.writeStdout(text)
  return exitCode
}

function about({ name }: Plugin, { version }: Host): string {
  const title =
    name === 'flannel' ? `CNI Plugin flannel version v${version}` : `CNI ${name} plugin v${version}`
  return `${title}\nCNI protocol versions supported: ${supportedVersions.join(', ')}\n`
}

interface Answer {
  readonly exitCode: ExitCode
  /** Empty when there is nothing to say. */
  readonly text: string
}

function answer(plugin: Plugin, call: Call, host: Host, trace: Trace): Answer {
  try {
    return { exitCode: 0, text: output(plugin, call, host, trace) }
  } catch (error) {
    return { exitCode: 1, text: encodeJson(toCniError(error).toObject(), 4) }
  }
}

function output(plugin: Plugin, call: Call, host: Host, trace: Trace): string {
  checkParameters(call.env)
  if (commandOf(call.env) === 'VERSION') {
    return `${encodeJson({ cniVersion: currentVersion, supportedVersions })}\n`
  }
  const stdin = readStdin(call)
  const request = readRequest(() => parseRequest(call.env, stdin), trace)
  checkNetns(request)
  const result = serve(plugin, request, host)
  return result === undefined ? '' : encodeResult(result, request.conf.cniVersion)
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
