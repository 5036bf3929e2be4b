/**
 * A transaction as libnftables-json(5) has it. nft's own language is easier on the eye, and takes
 * the conditions that a user writes; but it has no quotes for the names of chains.
 */
import { formatIp } from '../ip/ip.ts'
import { tableFamily } from './nft-write.ts'
import { type Address, addressFamily, commentOf, type Rule, type Statement } from './rule.ts'
import type { Chain, Change, TableChanges, TableName } from './transaction.ts'

/** The commands; throws a `RangeError` for a rule in the words of nft's language. */
export function nftJson(transaction: readonly TableChanges[]): unknown[] {
  return transaction.flatMap(({ table, changes }) =>
    changes.map((change) => command(table, change)),
  )
}

function command(table: TableName, change: Change): unknown {
  const family = tableFamily(table)
  const of = { family, table: table.name }
  switch (change.do) {
    case 'add table': {
      const { comment } = change
      return {
        add: { table: { family, name: table.name, ...(comment !== undefined && { comment }) } },
      }
    }
    case 'delete table':
      return { delete: { table: { family, name: table.name } } }
    case 'add chain':
      return { add: { chain: { ...of, ...chainFields(change.chain) } } }
    case 'flush chain':
      return { flush: { chain: { ...of, name: change.chain } } }
    case 'delete chain':
      return { delete: { chain: { ...of, name: change.chain } } }
    case 'add rule':
      return { add: { rule: { ...of, chain: change.chain, ...ruleFields(change.rule) } } }
    case 'insert rule':
      return { insert: { rule: { ...of, chain: change.chain, ...ruleFields(change.rule) } } }
    case 'delete rule': {
      const { chain, key: handle } = change.rule
      if (typeof handle !== 'number') throw new RangeError('the rule to delete is not of nft')
      return { delete: { rule: { ...of, chain, handle } } }
    }
  }
}

function chainFields({ name, hook, comment }: Chain): object {
  return {
    name,
    ...(hook && { type: hook.type, hook: hook.hook, prio: hook.priority }),
    ...(hook?.policy !== undefined && { policy: hook.policy }),
    ...(comment !== undefined && { comment }),
  }
}

function ruleFields(rule: Rule): object {
  const comment = commentOf(rule)
  const expr = rule.filter((each) => !('comment' in each)).map(encodeStatement)
  return { expr, ...(comment !== '' && { comment }) }
}

const mark = { meta: { key: 'mark' } }

function encodeStatement(statement: Statement): unknown {
  if ('source' in statement) return matchAddress('saddr', statement.source, statement.op)
  if ('destination' in statement) return matchAddress('daddr', statement.destination, statement.op)
  if ('destinationType' in statement) {
    return match({ fib: { result: 'type', flags: ['daddr'] } }, statement.destinationType)
  }
  if ('port' in statement) return match(payload(statement.protocol, 'dport'), statement.port)
  if ('ports' in statement) {
    return match(payload(statement.protocol, 'dport'), { set: statement.ports })
  }
  if ('mark' in statement) return match({ '&': [mark, statement.mark] }, statement.mark)
  if ('sourceMac' in statement) return match(payload('ether', 'saddr'), statement.sourceMac)
  if ('inputInterface' in statement) {
    return match({ meta: { key: 'iifname' } }, statement.inputInterface)
  }
  if ('verdict' in statement) return { [statement.verdict]: null }
  if ('jump' in statement) return { jump: { target: statement.jump } }
  if ('goto' in statement) return { goto: { target: statement.goto } }
  if ('dnat' in statement) {
    const { ip, port } = statement.dnat
    return { dnat: { addr: formatIp(ip), port } }
  }
  if ('setMark' in statement) {
    return { mangle: { key: mark, value: { '|': [mark, statement.setMark] } } }
  }
  if ('masquerade' in statement) {
    return { masquerade: statement.masquerade.fullyRandom ? { flags: 'fully-random' } : null }
  }
  if ('other' in statement) return statement.other
  throw new RangeError('a rule in the words of a backend cannot be written as JSON')
}

function matchAddress(field: string, address: Address, op?: '==' | '!='): unknown {
  const protocol = addressFamily(address) === 4 ? 'ip' : 'ip6'
  const right =
    'prefix' in address
      ? { prefix: { addr: formatIp(address.ip), len: address.prefix } }
      : formatIp(address)
  return match(payload(protocol, field), right, op)
}

function payload(protocol: string, field: string): unknown {
  return { payload: { protocol, field } }
}

function match(left: unknown, right: unknown, op: '==' | '!=' = '=='): unknown {
  return { match: { op, left, right } }
}
