/** The language of iptables-restore(8) and of `iptables -S`: words, quoted where need be. */

/**
 * One command of iptables-restore from its words. Throws a `RangeError` for a word with a line
 * break or a zero byte, which the language cannot write.
 */
export function joinWords(words: readonly string[]): string {
  return words.map(quote).join(' ')
}

function quote(word: string): string {
  if (/[\n\0]/.test(word)) {
    throw new RangeError(`iptables cannot be given ${JSON.stringify(word)}: it has a line break`)
  }
  if (/^[\w./:,=!@%+-]+$/.test(word)) return word
  return `"${word.replaceAll(/["\\]/g, '\\$&')}"`
}

/** The words of a line; between double quotes a backslash makes the next character an ordinary one. */
export function splitWords(line: string): string[] {
  const words = line.match(/"(?:[^"\\]|\\.)*"|[^\s"]+/g) ?? []
  return words.map((word) =>
    word.startsWith('"') ? word.slice(1, -1).replaceAll(/\\(.)/g, '$1') : word,
  )
}
