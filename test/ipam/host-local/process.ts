/** host-local as a process of its own: called as an executable is, but from source. */
import { hostLocal } from '../../../ipam/host-local/index.ts'
import { runProcess } from '../../../lib/cni/host-process.ts'

runProcess(hostLocal, [hostLocal])
