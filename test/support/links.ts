/** Links between the pages of this repository, and from the texts of its source to them. */
import { existsSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'

const root = join(import.meta.dirname, '../..')

/** Links of Markdown, images of HTML, and pages of docs/ that any text names. */
const targets = [
  /\]\(([^)\s]+)\)/g,
  /\b(?:src|srcset|href)="([^"]+)"/g,
  /(?<![\w/.(-])(docs\/[\w-]+\.md(?:#[\w-]+)?)/g,
]

/**
 * The first link in a line that leads nowhere: to a file, or a section of a page, that is not there.
 * `path` is that of the file with the line, from the root. Other hosts are not asked.
 */
export function brokenLink(path: string, line: string): string | undefined {
  const [inMarkdown, inHtml, named] = targets.map((pattern) =>
    Array.from(line.matchAll(pattern), ([, target = '']) => target),
  )
  const written = path.endsWith('.md') ? [...(inMarkdown ?? []), ...(inHtml ?? [])] : []
  const local = written.filter((target) => !/^[a-z]+:/.test(target))
  const folder = join(root, path, '..')
  return (
    local.find((target) => !leadsSomewhere(folder, join(root, path), target)) ??
    (path.startsWith('docs/') ? undefined : named?.find((each) => !leadsSomewhere(root, '', each)))
  )
}

function leadsSomewhere(folder: string, self: string, target: string): boolean {
  const [name = '', anchor] = target.split('#')
  const file = name === '' ? self : join(folder, name)
  if (!existsSync(file)) return false
  if (anchor === undefined) return true
  return statSync(file).isFile() && anchors(readFileSync(file, 'utf8')).includes(anchor)
}

/** The anchors of a page's headings, as GitHub makes them. */
export function anchors(markdown: string): string[] {
  const text = markdown.replaceAll(/^```.*?^```/gms, '')
  return Array.from(text.matchAll(/^#+ (.*)$/gm), ([, heading = '']) =>
    heading
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N}\s_-]/gu, '')
      .replaceAll(' ', '-'),
  )
}
