/** The environment of a call (CNI specification, section 2 "Parameters"). */
import { type Environment } from '../base/environment.ts'
import { CniError, ErrorCode } from './errors.ts'
import { checkContainerId, checkIfName } from './names.ts'
import { type Command, commands } from './plugin.ts'

interface Parameter {
  readonly name: string
  readonly requiredFor: readonly Command[]
  readonly check?: (value: string) => void
}

const attachmentCommands = ['ADD', 'CHECK', 'DEL'] as const

const parameters: readonly Parameter[] = [
  { name: 'CNI_COMMAND', requiredFor: commands },
  { name: 'CNI_CONTAINERID', requiredFor: attachmentCommands, check: checkContainerId },
  { name: 'CNI_NETNS', requiredFor: ['ADD', 'CHECK'] },
  { name: 'CNI_IFNAME', requiredFor: attachmentCommands, check: checkIfName },
  { name: 'CNI_ARGS', requiredFor: [] },
  { name: 'CNI_PATH', requiredFor: ['ADD', 'CHECK', 'DEL', 'GC', 'STATUS'] },
]

/** CNI_COMMAND as it is given, which may be no command; empty when it is not. */
export function commandOf(env: Environment): string {
  return env['CNI_COMMAND'] ?? ''
}

/**
 * Checks that every parameter the command needs is there and well-formed. Throws a `CniError` with
 * code 4: for the first malformed one, or one that lists all the missing ones. An unknown command
 * needs nothing, so that its configuration is judged first.
 */
export function checkParameters(env: Environment): void {
  const command = commandOf(env)
  const missing: string[] = []
  for (const { name, requiredFor, check } of parameters) {
    const value = env[name] ?? ''
    // No process has such a variable, but a caller in this process can.
    if (value.includes('\0')) throw new CniError(ErrorCode.invalidEnvironment, `${name} holds NUL`)
    const required = name === 'CNI_COMMAND' || requiredFor.some((word) => word === command)
    if (!required) continue
    if (value === '') missing.push(name)
    else check?.(value)
  }
  if (missing.length > 0) {
    throw new CniError(
      ErrorCode.invalidEnvironment,
      `required env variables [${missing.join(',')}] missing`,
      'a container runtime sets these variables; to call a plugin by hand use the cni command',
    )
  }
}

/** Whether a call in this environment has its stdin read; otherwise it is answered without. */
export function readsStdin(env: Environment): boolean {
  const command = commandOf(env)
  if (command === '' || command === 'VERSION') return false
  try {
    checkParameters(env)
    return true
  } catch {
    return false // what is wrong is said by the answer
  }
}

/** The command of a call; throws a `CniError` with code 4 when there is no such command. */
export function parseCommand(env: Environment): Command {
  const text = commandOf(env)
  const command = commands.find((word) => word === text)
  if (command === undefined) {
    throw new CniError(
      ErrorCode.invalidEnvironment,
      `unknown CNI_COMMAND: ${text}`,
      `expected one of ${commands.join(', ')}`,
    )
  }
  return command
}
