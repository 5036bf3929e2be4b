/** Executables for tests: small scripts that answer as the packaged one does. */
import { chmodSync, rmSync, writeFileSync } from 'node:fs'
import { formatStamp } from '../../lib/base/stamp.ts'

const script = `#!/bin/sh
case "$(basename "$0") $CNI_COMMAND $1" in
  *" VERSION "*) echo '{"cniVersion":"1.1.0","supportedVersions":["1.1.0"]}' ;;
  "cni  version") echo 'cni' ;;
  *) exit 1 ;;
esac
exit 0
`

/** Writes an executable of this version; `remark` makes it another build of the same. */
export function writeExecutable(path: string, version: string, remark = ''): string {
  writeScript(path, `${script}# ${remark}${formatStamp(version)}`)
  return path
}

/** The bytes of a front: without a `cni` beside it, it fails. */
export function frontBytes(version: string): Buffer {
  return Buffer.from(
    script.replace('\n', '\n[ -x "${0%/*}/cni" ] || exit 1\n') + formatStamp(version),
  )
}

/** Writes any script, as somebody else's plugin; other names of what was there keep that. */
export function writeScript(path: string, text: string): void {
  rmSync(path, { force: true })
  writeFileSync(path, text)
  chmodSync(path, 0o755)
}
