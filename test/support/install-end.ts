/** A process that installs a fake package: `FOLDER VERSION`, into the folder's `bin`. */
import { join } from 'node:path'
import { installExecutables } from '../../commands/install/executables.ts'
import { frontBytes, writeExecutable } from './fake-executable.ts'

const [folder = '', version = ''] = process.argv.slice(2)
const source = {
  executable: writeExecutable(join(folder, 'packaged'), version),
  version,
  names: ['flannel', 'bridge', 'cni'],
  readFront: () => frontBytes(version),
}
installExecutables(source, join(folder, 'bin'), () => {})
