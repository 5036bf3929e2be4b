/**
 * The rules that keep the parts of this repository apart, checked on the text of its files. They
 * read TypeScript line by line, as prettier formats it.
 */
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { mayImport } from './layers.ts'

const root = join(import.meta.dirname, '../..')

interface Rule {
  /** What a file must not do, as it stands behind the file's name and line. */
  readonly message: string
  /** The files it is about, by their paths from the root. */
  readonly applies: (path: string) => boolean
  /** Whether a line of such a file breaks it. */
  readonly breaks: (line: Line) => boolean
}

interface Line {
  readonly path: string
  readonly text: string
  /** The text without comments, and without what stands in strings. */
  readonly code: string
  /** What people read: the comment of a source file's line, any other file's whole line. */
  readonly prose: string
  /** The module that the line loads, a relative one by its path from the root; else empty. */
  readonly module: string
}

const isSource = (path: string) => path.endsWith('.ts')
const isProduct = (path: string) =>
  isSource(path) && /^(?:lib|plugins|ipam|commands|resident)\//.test(path)
const hosts = [
  'plugins/main.ts',
  'commands/main.ts',
  'lib/cni/host-process.ts',
  'resident/host-server.ts',
  'resident/thread.ts',
]
const netlinkIo = ['connection', 'socket', 'error'].map((name) => `lib/netlink/${name}.ts`)

const rules: readonly Rule[] = [
  {
    message: 'the process and the console belong to the hosts',
    applies: (path) => isProduct(path) && !hosts.includes(path),
    breaks: ({ text, code, module }) =>
      /(?<![\w$.-])(?:process|console)(?=\.|\?\.|\[| as )|\bglobalThis\b/.test(code) ||
      (module === 'node:process' && !text.startsWith('import { getBuiltinModule } from')) ||
      module === 'node:console',
  },
  {
    message: 'child processes are started by lib/base/exec.ts alone',
    applies: (path) => isProduct(path) && path !== 'lib/base/exec.ts',
    breaks: ({ module }) => /^(?:node:)?(?:child_process|cluster)$/.test(module),
  },
  {
    message: 'threads are started by resident/thread.ts alone',
    applies: (path) => isProduct(path) && path !== 'resident/thread.ts',
    breaks: ({ text, module }) =>
      module === 'node:worker_threads' && !text.startsWith('import type '),
  },
  {
    message: 'native code is called by lib/linux/libc.ts alone',
    applies: (path) => isProduct(path) && path !== 'lib/linux/libc.ts',
    breaks: ({ module }) => module === 'node:ffi',
  },
  {
    message: 'a layer knows only those below it (test/support/layers.ts)',
    applies: isProduct,
    breaks: ({ path, module }) => !mayImport(path, module),
  },
  {
    message: 'codecs do no I/O',
    applies: (path) => path.startsWith('lib/netlink/') && !netlinkIo.includes(path),
    breaks: ({ module }) =>
      /^(?:node:fs|node:net|lib\/linux\/libc\.ts|lib\/base\/(?:exec|files)\.ts)/.test(module) ||
      netlinkIo.slice(0, 2).includes(module),
  },
  {
    message: 'it names a file that this repository does not have',
    applies: () => true,
    breaks: ({ prose }) => namesMissingFile(prose),
  },
  {
    message: 'it names a place on the machine of its author',
    applies: () => true,
    breaks: ({ text }) => /(?<![\w.$}-])\/(?:work|home|mnt|Users)\/\w/.test(text),
  },
]

const maxLines = 300

/** Markdown files anywhere, and source files by their paths from the root. */
const mentions = [
  /(?<![\w./$}-])(?:[\w-]+\/)*[\w-]+\.md\b/g,
  /(?<![\w./$}-])(?:lib|plugins|ipam|commands|resident|scripts|test|conf)\/[\w/.-]*\.(?:ts|cjs|env|conflist)\b/g,
]

function namesMissingFile(prose: string): boolean {
  const files = mentions.flatMap((pattern) => prose.match(pattern) ?? [])
  return files.some((file) => !existsSync(join(root, file)))
}

/** What is wrong with a file, e.g. `lib/base/exec.ts:3: codecs do no I/O`; `path` is from the root. */
export function violations(path: string, source: string): string[] {
  const lines = source.trimEnd().split('\n')
  const applying = rules.filter((rule) => rule.applies(path))
  const broken = lines.flatMap((text, index) => {
    const prose = isSource(path) ? commentOf(text) : text
    const line = { path, text, code: codeOf(text), prose, module: moduleOf(path, text) }
    return applying
      .filter((rule) => rule.breaks(line))
      .map(({ message }) => `${path}:${index + 1}: ${message}`)
  })
  const tooLong = isSource(path) && lines.length > maxLines
  return tooLong ? [...broken, `${path}: ${lines.length} lines, at most ${maxLines}`] : broken
}

function commentOf(text: string): string {
  return /^\s*\/?\*.*|(?:^|\s)\/\/ .*/.exec(text)?.[0] ?? ''
}

function codeOf(text: string): string {
  if (/^\s*(?:\/?\*|\/\/)/.test(text)) return ''
  return text
    .replaceAll(/`(?:\\.|[^`\\])*`/g, (template) => template.match(/\$\{[^}]*\}/g)?.join() ?? '')
    .replaceAll(/'(?:\\.|[^'\\])*'|"(?:\\.|[^"\\])*"/g, "''")
    .replace(/\/\/ .*$/, '')
}

function moduleOf(path: string, text: string): string {
  const loads = /(?:\bfrom|^\s*import|\bimport\(|\bgetBuiltinModule\(|\brequire\()\s*'([^']+)'/
  const [, module = ''] = loads.exec(text) ?? []
  return module.startsWith('.') ? join(path, '..', module) : module
}
