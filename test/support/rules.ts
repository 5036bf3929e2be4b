/**
 * The rules that keep the parts of this repository apart and its texts right, checked on the text of
 * its files. They read TypeScript line by line, as prettier formats it. What a linter can find is in
 * .oxlintrc.json.
 */
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { mayImport } from './layers.ts'
import { brokenLink } from './links.ts'

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
  /** What people read: the comment of a source file's line, any other file's whole line. */
  readonly prose: string
  /** The module that the line imports, a relative one by its path from the root; else empty. */
  readonly module: string
}

const isSource = (path: string) => path.endsWith('.ts')
const isProduct = (path: string) =>
  isSource(path) && /^(?:lib|plugins|ipam|flanneld|commands|resident)\//.test(path)

/** Modules that are loaded while the program runs, by their names, and the files that may do it. */
const loadedBy: Readonly<Record<string, readonly string[]>> = {
  'node:child_process': ['lib/base/exec.ts'],
  'node:worker_threads': ['resident/thread.ts', 'flanneld/rules/thread.ts'],
  'node:ffi': ['lib/linux/libc.ts'],
  'node:cluster': [],
}

const packageJson = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as {
  readonly dependencies: Readonly<Record<string, string>>
  readonly devDependencies: Readonly<Record<string, string>>
}

const rules: readonly Rule[] = [
  {
    message: 'a module that other files may load (loadedBy in test/support/rules.ts)',
    applies: isProduct,
    breaks: ({ path, text }) => {
      const [, name = ''] = /\b(?:getBuiltinModule|require)\('(?:node:)?([^']+)'/.exec(text) ?? []
      return loadedBy[`node:${name}`]?.includes(path) === false
    },
  },
  {
    message: 'a package that package.json does not declare for this folder',
    applies: isSource,
    breaks: ({ path, module }) => {
      const [, name] = /^((?:@[\w-]+\/)?[a-z][\w-]*)(?:\/(?!.*\.ts$)|$)/.exec(module) ?? []
      const { dependencies, devDependencies } = packageJson
      const declared = isProduct(path) ? dependencies : { ...dependencies, ...devDependencies }
      return name !== undefined && !(name in declared)
    },
  },
  {
    message: 'a layer knows only those below it (test/support/layers.ts)',
    applies: isProduct,
    breaks: ({ path, module }) => !mayImport(path, module),
  },
  {
    message: 'scripts do not import tests; what both need is in scripts/lab',
    applies: (path) => path.startsWith('scripts/'),
    breaks: ({ module }) => module.startsWith('test/'),
  },
  {
    message: 'it names a file that this repository does not have',
    applies: () => true,
    breaks: ({ prose }) => namesMissingFile(prose),
  },
  {
    message: 'it leads to a file or section that this repository does not have',
    applies: (path) => path !== 'test/rules.test.ts',
    breaks: ({ path, text }) => brokenLink(path, text) !== undefined,
  },
  {
    message: 'it names a place on the machine of its author',
    applies: () => true,
    breaks: ({ text }) => /(?<![\w.$}-])\/(?:work|home|mnt|Users)\/\w/.test(text),
  },
]

/** The linter has the limit of source files. */
const maxLines: Readonly<Record<string, number>> = { 'README.md': 150 }

/** Markdown files anywhere, and source files by their paths from the root. */
const mentions = [
  /(?<![\w./$}-])(?:[\w-]+\/)*[\w-]+\.md\b/g,
  /(?<![\w./$}-])(?:lib|plugins|ipam|commands|resident|scripts|test|conf)\/[\w/.-]*\.(?:ts|cjs|env|conflist)\b/g,
]

function namesMissingFile(prose: string): boolean {
  const text = prose.replaceAll(/\]\([^)]*\)/g, ']') // links go from the page's folder
  const files = mentions.flatMap((pattern) => text.match(pattern) ?? [])
  return files.some((file) => !existsSync(join(root, file)))
}

/** What is wrong with a file, each with its name, line and rule; `path` is from the root. */
export function violations(path: string, source: string): string[] {
  const applying = rules.filter((rule) => rule.applies(path))
  const lines = source.trimEnd().split('\n')
  const broken = lines.flatMap((text, index) => {
    const prose = isSource(path) ? commentOf(text) : text
    const line = { path, text, prose, module: moduleOf(path, text) }
    return applying
      .filter((rule) => rule.breaks(line))
      .map(({ message }) => `${path}:${index + 1}: ${message}`)
  })
  const most = maxLines[path]
  if (most === undefined || lines.length <= most) return broken
  return [...broken, `${path}: ${lines.length} lines, at most ${most}`]
}

function commentOf(text: string): string {
  return /^\s*\/?\*.*|(?:^|\s)\/\/ .*/.exec(text)?.[0] ?? ''
}

function moduleOf(path: string, text: string): string {
  const imports =
    /^(?:import|export|\}) (?:.*\bfrom )?'([^']+)'|^import '([^']+)'|\bimport\('([^']+)'/
  const [, ...found] = imports.exec(text) ?? []
  const module = found.find((each) => each !== undefined) ?? ''
  return module.startsWith('.') ? join(path, '..', module) : module
}
