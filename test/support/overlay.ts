/** A machine on which everything can be written, and what was written is seen. */
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import type { Node } from '../../scripts/lab/node.ts'
import { inside, type Outcome, run } from '../../scripts/lab/run.ts'

/** The line before the list of what was written. */
const mark = '--- written ---'

/** What is written lies in a file system of memory; it goes with the mount namespace. */
const script = `set -e
mount --make-rprivate /
mount -t tmpfs none "$1"
mkdir "$1/upper" "$1/work" "$1/root"
mount -t overlay -o "lowerdir=/,upperdir=$1/upper,workdir=$1/work" none "$1/root"
for folder in proc sys dev run/netns; do mount --rbind "/$folder" "$1/root/$folder"; done
mkdir -p "$1/root/state" "$1/root/var/lib/cni"
cd "$1/upper"
shift
status=0
chroot ../root "$@" || status=$?
echo '${mark}'
find . ! -type d
exit $status`

export interface OverlayOutcome extends Outcome {
  /** The paths of all that was written, removed or replaced, but for folders. */
  readonly written: readonly string[]
}

/**
 * Runs a program on the node with the machine's files, and an empty folder /state beside them.
 * Nothing that it writes stays.
 */
export async function runOnOverlay(
  node: Node,
  argv: readonly string[],
  env: Readonly<Record<string, string | undefined>>,
): Promise<OverlayOutcome> {
  const folder = join(node.dir, 'overlay')
  mkdirSync(folder)
  const unshare = ['unshare', '--mount', '--', 'sh', '-c', script, 'sh', folder, ...argv]
  const outcome = await run(inside(node.netns, unshare), { env })
  const [stdout = '', list = ''] = outcome.stdout.split(`${mark}\n`)
  const paths = list.split('\n').filter((path) => path !== '')
  return { ...outcome, stdout, written: paths.map((path) => path.slice(1)) }
}
