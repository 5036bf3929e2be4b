/** What iptables is told: the words of a rule, and the text of a transaction. */
import { joinWords } from './iptables-words.ts'
import { formatAddress, formatMark, formatTarget, type Rule, type Statement } from './rule.ts'
import type { Change, TableChanges } from './transaction.ts'

/** The text that iptables-restore(8) takes; throws a `RangeError` for what iptables cannot do. */
export function restoreText(transaction: readonly TableChanges[]): string {
  return transaction.map(tableText).join('')
}

function tableText({ table, changes }: TableChanges): string {
  const flushed = new Set(
    changes.flatMap((change) => (change.do === 'flush chain' ? change.chain : [])),
  )
  const made = changes.flatMap((change) => (change.do === 'add chain' ? change.chain.name : []))
  const kept = made.find((name) => !flushed.has(name))
  if (kept !== undefined) {
    throw new RangeError(`iptables cannot make chain ${kept} without emptying one of this name`)
  }
  // such a line makes a chain, or empties one
  const chains = made.map((name) => `:${name} - [0:0]`)
  const commands = changes
    .filter((change) => change.do !== 'flush chain' || !made.includes(change.chain))
    .flatMap(commandWords)
  return [`*${table.name}`, ...chains, ...commands.map(joinWords), 'COMMIT', ''].join('\n')
}

/** The words of the command for a change: one, or none where nothing is to be done. */
function commandWords(change: Change): (readonly string[])[] {
  switch (change.do) {
    case 'add table':
    case 'add chain':
      return []
    case 'flush chain':
      return [['-F', change.chain]]
    case 'delete chain':
      return [['-X', change.chain]]
    case 'add rule':
      return [['-A', change.chain, ...ruleWords(change.rule)]]
    case 'insert rule':
      return [['-I', change.chain, '1', ...ruleWords(change.rule)]]
    case 'delete rule': {
      const { chain, key } = change.rule
      if (typeof key === 'number') throw new RangeError('the rule to delete is not of iptables')
      return [['-D', chain, ...key]]
    }
    case 'delete table':
      throw new RangeError('iptables cannot delete a table')
  }
}

/** The words of a rule, without the chain that it is in. */
export function ruleWords(rule: Rule): string[] {
  return rule.flatMap(statementWords)
}

const masks = (bits: number) => `${formatMark(bits)}/${formatMark(bits)}`

function statementWords(statement: Statement): readonly string[] {
  const not = 'op' in statement && statement.op === '!=' ? ['!'] : []
  if ('source' in statement) return [...not, '-s', formatAddress(statement.source)]
  if ('destination' in statement) return [...not, '-d', formatAddress(statement.destination)]
  if ('destinationType' in statement) return ['-m', 'addrtype', '--dst-type', 'LOCAL']
  if ('port' in statement) return ['-p', statement.protocol, '--dport', String(statement.port)]
  if ('ports' in statement) {
    const { protocol, ports } = statement
    return ['-m', 'multiport', '-p', protocol, '--destination-ports', ports.join(',')]
  }
  if ('mark' in statement) return ['-m', 'mark', '--mark', masks(statement.mark)]
  if ('sourceMac' in statement) return ['-m', 'mac', '--mac-source', statement.sourceMac]
  if ('inputInterface' in statement) return ['-i', statement.inputInterface]
  if ('comment' in statement) return ['-m', 'comment', '--comment', statement.comment]
  if ('words' in statement) return statement.words
  if ('verdict' in statement) return ['-j', statement.verdict.toUpperCase()]
  if ('jump' in statement) return ['-j', statement.jump]
  if ('goto' in statement) return ['-g', statement.goto]
  if ('dnat' in statement) return ['-j', 'DNAT', '--to-destination', formatTarget(statement.dnat)]
  if ('setMark' in statement) return ['-j', 'MARK', '--set-xmark', masks(statement.setMark)]
  if ('masquerade' in statement) {
    return ['-j', 'MASQUERADE', ...(statement.masquerade.fullyRandom ? ['--random-fully'] : [])]
  }
  throw new RangeError('iptables cannot be given a rule that nft has listed')
}
