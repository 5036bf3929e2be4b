/** Containers that ctr runs, with the network that containerd's own CNI client gives them. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { imageName } from './busybox-image.ts'
import type { Containerd } from './containerd.ts'

export interface Container {
  /** What the script wrote, on stdout and stderr. */
  readonly output: string
  /** Ends the container, and returns when containerd has removed it and its network. */
  remove(): Promise<void>
}

const runOptions = ['run', '--rm', '--cni', '--snapshotter=native']
const through = 'script is through'

/**
 * Runs a shell script in a new container of the busybox image on the node's network, and returns
 * when the script is through; the container stays.
 */
export async function runContainer(
  containerd: Containerd,
  id: string,
  script: string,
): Promise<Container> {
  const waiting = `${script}\necho ${through}\nread line`
  const [program = '', ...args] = containerd.ctrLine(
    ...runOptions,
    `--cgroup=/cnits-${process.pid}-${id}`, // others may run containers of this name
    imageName,
    id,
    ...['sh', '-c', waiting],
  )
  const ctr = spawn(program, args, { stdio: 'pipe' })
  const closed = once(ctr, 'close')
  let output = ''
  const ready = new Promise<void>((resolve) => {
    const take = (chunk: Buffer) => {
      output += chunk.toString()
      if (output.includes(through)) resolve()
    }
    ctr.stdout.on('data', take)
    ctr.stderr.on('data', take)
  })
  await Promise.race([ready, closed])
  if (!output.includes(through)) throw new Error(`container ${id} ended early: ${output}`)
  const remove = async () => {
    ctr.stdin.end()
    await closed
  }
  return { output, remove }
}
