import type { Reply } from '../../support/fake-plugin.ts'

/** A message that tells of a mistake in our own code, or of where it stands. */
const betrayal = /Cannot (?:read|set) prop|is not (?:a function|iterable)|undefined|\n\s+at /

/** What is wrong with the reply to a command, by the CNI specification; undefined for nothing. */
export function flaw({ exitCode, stdout }: Reply, command: string): string | undefined {
  if (stdout === '') {
    return exitCode === 0 && command !== 'ADD' ? undefined : `no answer, exit status ${exitCode}`
  }
  const answer = JSON.parse(stdout) as Record<string, unknown> // what is no JSON throws here
  if (exitCode === 0) {
    if (command !== 'ADD' && command !== 'VERSION') return `${command} has an answer`
    return typeof answer['cniVersion'] === 'string' ? undefined : 'a result without a version'
  }
  const { code, msg, details = '', ...others } = answer
  if (!Number.isInteger(code) || code === 0) return `the code ${String(code)}`
  if (typeof msg !== 'string' || msg.trim() === '') return 'no message'
  if (typeof details !== 'string') return 'details that are no text'
  if (betrayal.test(msg)) return msg
  return Object.keys(others).length === 0 ? undefined : 'keys that an error does not have'
}
