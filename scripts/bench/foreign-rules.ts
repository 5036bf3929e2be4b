/** iptables rules of others, as kube-proxy has them for services. */
import { spawnSync } from 'node:child_process'
import type { Node } from '../lab/node.ts'
import { inside } from '../lab/run.ts'
import type { Scenario } from './scenario.ts'

/** Gives the node as many rules of each family as the scenario says. */
export function addForeignRules({ netns }: Node, { families, foreignRules }: Scenario): void {
  if (foreignRules === 0) return
  restore(netns, 'iptables-restore', ruleset(foreignRules, '10.96', '/32'))
  if (families === 'dual-stack') {
    restore(netns, 'ip6tables-restore', ruleset(foreignRules, 'fd00:96:', '/128'))
  }
}

/** A service is a chain with a rule in it, and a rule that jumps there for its address. */
function ruleset(rules: number, prefix: string, length: string): string {
  const services = Array.from({ length: rules / 2 }, (_, index) => {
    const chain = `SERVICE-${index}`
    const separator = prefix.endsWith(':') ? ':' : '.'
    const address = `${prefix}${separator}${index >> 8}${separator}${index & 255}${length}`
    return { chain, address }
  })
  return [
    '*nat',
    ...services.map(({ chain }) => `:${chain} - [0:0]`),
    ...services.map(({ chain, address }) => `-A PREROUTING -d ${address} -j ${chain}`),
    ...services.map(({ chain }) => `-A ${chain} -j MARK --set-mark 1`),
    'COMMIT\n',
  ].join('\n')
}

function restore(netns: string, program: string, input: string): void {
  const [file = '', ...args] = inside(netns, [program, '--noflush'])
  const { status, stderr } = spawnSync(file, args, { input, encoding: 'utf8' })
  if (status !== 0) throw new Error(`${program}: ${stderr}`)
}
