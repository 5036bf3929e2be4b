/**
 * A node with processes that outlive a command: the folders of its own stay mounted, and all its
 * processes end with the test, also when that is killed.
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import type { Node } from '../../scripts/lab/node.ts'
import { makeOwnFolders, onNode } from '../../scripts/lab/own-folders.ts'

/** The command line that runs `argv` on the machine. */
export type Enter = (argv: readonly string[]) => string[]

const isolated = ['unshare', '--pid', '--fork', '--kill-child', '--mount-proc']
// The end of its stdin is the end of the test; then the kernel kills the rest of the namespace.
const init = 'echo up; cat; eval "$1"'

/**
 * Boots the node, and returns when its folders are in place. It is halted with the scope; `cleanUp`
 * is the shell script that it then runs.
 */
export async function bootMachine(
  node: Node,
  scope: { teardown(halt: () => Promise<void>): void },
  cleanUp: string,
): Promise<Enter> {
  makeOwnFolders(node)
  const [program = '', ...args] = onNode(node, [...isolated, 'sh', '-c', init, 'sh', cleanUp])
  const machine = spawn(program, args, { stdio: ['pipe', 'pipe', 'inherit'] })
  const halted = once(machine, 'exit')
  scope.teardown(async () => {
    machine.stdin.end()
    await halted
  })
  const [said] = await Promise.race([once(machine.stdout, 'data'), halted])
  if (String(said) !== 'up\n') throw new Error(`a machine did not boot: ${said}`)
  const { pid } = machine
  const into = [`--target=${pid}`, '--net', '--mount', '--root']
  return (argv) => ['nsenter', ...into, `--pid=/proc/${pid}/ns/pid_for_children`, '--', ...argv]
}
