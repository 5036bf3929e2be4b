/** How the demo looks. */
import { styleText } from 'node:util'

let titles = 0

/** A numbered heading. */
export function title(text: string): void {
  titles++
  console.log(`\n${styleText('bold', `${titles}. ${text}`)}`)
}

/** A sentence or two, one line each. */
export function say(...lines: string[]): void {
  console.log(lines.map((line) => `   ${line}`).join('\n'))
}

/** A file or a value, set off from the text. */
export function quote(content: string | object): void {
  const text = typeof content === 'string' ? content.trimEnd() : JSON.stringify(content, null, 2)
  console.log(styleText('cyan', text.replace(/^/gm, '     ')))
}

/** Something that was tried and is as it should be. */
export function confirm(text: string): void {
  console.log(`   ${styleText('green', '✓')} ${text}`)
}
