/** A container image made on the spot: busybox and nothing else, in the OCI image layout. */
import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import {
  copyFileSync,
  mkdirSync,
  readFileSync,
  renameSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { dirname, join } from 'node:path'
import { arch } from 'node:process'
import { runSync } from '../../scripts/lab/run.ts'

export const imageName = 'cnits.invalid/busybox:latest'

const applets = ['cat', 'echo', 'httpd', 'ip', 'mkdir', 'ping', 'sh', 'sleep', 'wget']
const layerType = 'application/vnd.oci.image.layer.v1.tar'
const configType = 'application/vnd.oci.image.config.v1+json'
const manifestType = 'application/vnd.oci.image.manifest.v1+json'

interface Descriptor {
  readonly mediaType: string
  readonly digest: string
  readonly size: number
}

/**
 * Writes the image as a tar file at `path` for `ctr image import`, with `busybox` (a path) as its
 * one program. OCI image specification 1.0, "Image Layout".
 */
export function writeBusyboxImage(path: string, busybox: string): void {
  const layout = `${path}.layout`
  mkdirSync(join(layout, 'blobs/sha256'), { recursive: true })
  const layer = addLayer(layout, busybox)
  const config = addBlob(layout, configType, {
    architecture: arch === 'x64' ? 'amd64' : arch,
    os: 'linux',
    rootfs: { type: 'layers', diff_ids: [layer.digest] },
    config: { Env: ['PATH=/bin'], Cmd: ['sleep', 'infinity'] },
  })
  const manifest = addBlob(layout, manifestType, { schemaVersion: 2, config, layers: [layer] })
  const annotations = { 'io.containerd.image.name': imageName }
  writeJson(join(layout, 'index.json'), {
    schemaVersion: 2,
    manifests: [{ ...manifest, annotations }],
  })
  writeJson(join(layout, 'oci-layout'), { imageLayoutVersion: '1.0.0' })
  runSync(['tar', '-C', layout, '-cf', path, '.'])
}

function addLayer(layout: string, busybox: string): Descriptor {
  const rootfs = join(layout, '../rootfs')
  mkdirSync(join(rootfs, 'bin'), { recursive: true })
  copyFileSync(busybox, join(rootfs, 'bin/busybox'))
  for (const library of libraries(busybox)) {
    mkdirSync(join(rootfs, dirname(library)), { recursive: true })
    copyFileSync(library, join(rootfs, library))
  }
  for (const applet of applets) symlinkSync('busybox', join(rootfs, 'bin', applet))
  const tar = join(layout, 'layer.tar')
  runSync(['tar', '-C', rootfs, '-cf', tar, '.'])
  const bytes = readFileSync(tar)
  const descriptor = describe(layerType, bytes)
  renameSync(tar, blobPath(layout, descriptor))
  return descriptor
}

/** The libraries that a program needs: none when it is static, as busybox-static's is. */
function libraries(program: string): string[] {
  const { stdout } = spawnSync('ldd', [program], { encoding: 'utf8' })
  return [...stdout.matchAll(/(\/\S+) \(0x/g)].map(([, path = '']) => path)
}

function addBlob(layout: string, mediaType: string, value: object): Descriptor {
  const bytes = Buffer.from(JSON.stringify(value))
  const descriptor = describe(mediaType, bytes)
  writeFileSync(blobPath(layout, descriptor), bytes)
  return descriptor
}

function describe(mediaType: string, bytes: Uint8Array): Descriptor {
  const digest = `sha256:${createHash('sha256').update(bytes).digest('hex')}`
  return { mediaType, digest, size: bytes.length }
}

function blobPath(layout: string, { digest }: Descriptor): string {
  return join(layout, 'blobs', digest.replace(':', '/'))
}

function writeJson(path: string, value: object): void {
  writeFileSync(path, JSON.stringify(value))
}
