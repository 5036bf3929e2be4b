/** A transaction in nft's own language, nft(8): one command in a line. */
import {
  type Address,
  addressFamily,
  commentOf,
  formatAddress,
  formatMark,
  formatTarget,
  type Rule,
  type Statement,
} from './rule.ts'
import type { Chain, Change, TableChanges, TableName } from './transaction.ts'

/** Throws a `RangeError` for a name that nft's language has no quotes for. */
export function nftText(transaction: readonly TableChanges[]): string {
  return transaction
    .flatMap(({ table, changes }) => changes.map((change) => `${command(table, change)}\n`))
    .join('')
}

function command(table: TableName, change: Change): string {
  const of = `${tableFamily(table)} ${nameText(table.name)}`
  switch (change.do) {
    case 'add table':
      return `add table ${of}${blockText(commentTexts(change))}`
    case 'delete table':
      return `delete table ${of}`
    case 'add chain':
      return `add chain ${of} ${nameText(change.chain.name)}${blockText(chainTexts(change.chain))}`
    case 'flush chain':
    case 'delete chain':
      return `${change.do} ${of} ${nameText(change.chain)}`
    case 'add rule':
    case 'insert rule':
      return `${change.do} ${of} ${nameText(change.chain)} ${ruleText(change.rule)}`
    case 'delete rule': {
      const { chain, key } = change.rule
      if (typeof key !== 'number') throw new RangeError('the rule to delete is not of nft')
      return `delete rule ${of} ${nameText(chain)} handle ${key}`
    }
  }
}

/** The word for a table's family. */
export function tableFamily({ family }: TableName): string {
  return family === 4 ? 'ip' : family === 6 ? 'ip6' : family
}

function chainTexts({ hook, comment }: Chain): string[] {
  const hooked = hook && `type ${hook.type} hook ${hook.hook} priority ${hook.priority}`
  const policy = hook?.policy && `policy ${hook.policy}`
  const texts = [hooked, policy].filter((text) => text !== undefined)
  return comment === undefined ? texts : [...texts, ...commentTexts({ comment })]
}

function commentTexts({ comment }: { readonly comment?: string }): string[] {
  return comment === undefined ? [] : [`comment ${quote(comment)}`]
}

function blockText(texts: readonly string[]): string {
  return texts.length === 0 ? '' : ` { ${texts.map((text) => `${text} ; `).join('')}}`
}

/** A rule in nft's language. Its comment is the last, wherever it stands in the data. */
export function ruleText(rule: Rule): string {
  const comment = commentOf(rule)
  const texts = rule.filter((each) => !('comment' in each)).map(statementText)
  return [...texts, ...commentTexts(comment === '' ? {} : { comment })].join(' ')
}

function statementText(statement: Statement): string {
  const op = 'op' in statement && statement.op !== undefined ? `${statement.op} ` : ''
  if ('source' in statement) {
    const { source } = statement
    return `${addressWord(source)} saddr ${op}${formatAddress(source)}`
  }
  if ('destination' in statement) {
    const { destination } = statement
    return `${addressWord(destination)} daddr ${op}${formatAddress(destination)}`
  }
  if ('destinationType' in statement) return `fib daddr type ${statement.destinationType}`
  if ('port' in statement) return `${statement.protocol} dport ${statement.port}`
  if ('ports' in statement) return `${statement.protocol} dport { ${statement.ports.join(', ')} }`
  if ('mark' in statement) {
    return `meta mark & ${formatMark(statement.mark)} == ${formatMark(statement.mark)}`
  }
  if ('sourceMac' in statement) return `ether saddr ${statement.sourceMac}`
  if ('inputInterface' in statement) return `iifname ${quote(statement.inputInterface)}`
  if ('words' in statement) return statement.words.join(' ')
  if ('verdict' in statement) return statement.verdict
  if ('jump' in statement) return `jump ${nameText(statement.jump)}`
  if ('goto' in statement) return `goto ${nameText(statement.goto)}`
  if ('dnat' in statement) return `dnat to ${formatTarget(statement.dnat)}`
  if ('setMark' in statement) return `meta mark set meta mark | ${formatMark(statement.setMark)}`
  if ('masquerade' in statement) {
    return statement.masquerade.fullyRandom ? 'masquerade fully-random' : 'masquerade'
  }
  throw new RangeError('a rule of an unknown kind can be written as JSON alone')
}

function addressWord(address: Address): string {
  return addressFamily(address) === 4 ? 'ip' : 'ip6'
}

function nameText(name: string): string {
  if (/^[A-Za-z_][\w./-]*$/.test(name)) return name
  throw new RangeError(`nft's language has no way to write the name ${JSON.stringify(name)}`)
}

/** Text between double quotes in nft's language, which has no way to write a quote or a newline. */
function quote(text: string): string {
  return `"${text.replaceAll(/["\n]/g, '')}"`
}
