/**
 * Measures the node agent with a real etcd, in network namespaces and folders of its own. BENCH=quick
 * makes it short. It prints tables, and writes dist/bench-agent.json.
 */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { makeSite } from './bench/agent/site.ts'
import { type AgentSize, agentSizeNamed } from './bench/agent/size.ts'
import { measurePeers, measureStarts } from './bench/agent/starts.ts'
import { measureSteady } from './bench/agent/steady.ts'
import { agentTargets } from './bench/agent/targets.ts'
import { forgetFiles } from './bench/files.ts'
import { type Machine, thisMachine } from './bench/machine.ts'
import { formatTable, type Table } from './bench/table.ts'
import { formatTargets } from './bench/targets.ts'
import { binDir } from './lab/executables.ts'
import { kernelSkip } from './lab/node.ts'
import { missingProgram, runSync } from './lab/run.ts'

const output = join(import.meta.dirname, '../dist/bench-agent.json')

const obstacle = kernelSkip() || missingProgram('etcd', 'etcdctl', 'iptables', 'ss')
const interrupted = new AbortController()
for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => interrupted.abort())

if (obstacle !== false) {
  console.error(`no benchmark: ${obstacle}`)
  process.exitCode = 1
} else {
  try {
    await report(process.env['BENCH'] ?? '')
  } catch (error) {
    if (!interrupted.signal.aborted) throw error
    console.error('interrupted; what was made is removed')
    process.exitCode = 130
  }
}

/** Measures everything of a size, prints it as it comes, and writes it to the file. */
async function report(sizeName: string): Promise<void> {
  const size = agentSizeNamed(sizeName)
  forgetFiles([join(binDir(), 'flanneld')])
  const { 'Go plugins': _, ...machine }: Machine = { ...thisMachine(), etcd: etcdVersion() }
  for (const [name, fact] of Object.entries(machine)) console.log(`${name}: ${fact}`)
  console.log()
  const tables: Table[] = []
  for await (const table of measure(size)) {
    console.log(`${formatTable(table)}\n`)
    tables.push(table)
  }
  console.log(`${formatTargets(agentTargets(tables))}\n`)
  writeFileSync(output, `${JSON.stringify({ machine, size: sizeName, tables }, undefined, 2)}\n`)
  console.log(`All figures are in ${output}`)
}

function etcdVersion(): string {
  return /^etcd Version: (.*)$/m.exec(runSync(['etcd', '--version']))?.[1] ?? 'unknown'
}

/** The tables of a size. */
async function* measure(size: AgentSize): AsyncGenerator<Table> {
  await using stack = new AsyncDisposableStack()
  const site = await makeSite(stack, interrupted.signal)
  yield await measureStarts(site, size.starts)
  yield await measurePeers(site, size.peerStarts)
  yield* measureSteady(site, size)
}
