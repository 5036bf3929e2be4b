/**
 * Writes down what Go's flannel does in the cases of flannel:
 *
 *     node test/reference/record-flannel.ts FILE
 *
 * FILE is its executable, built from https://github.com/flannel-io/cni-plugin. The tests compare
 * ours with what is written down, and need no Go.
 */
import { writeFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { flannelCommandCases } from './cases/flannel-commands.ts'
import { flannelConfCases } from './cases/flannel-conf.ts'
import { runFlannel } from './flannel-run.ts'
import { recordFile } from './recorded.ts'

const [file] = process.argv.slice(2)
if (file === undefined) throw new Error('which executable? node record-flannel.ts FILE')
const texts: string[] = []
for (const each of [...flannelConfCases, ...flannelCommandCases]) {
  const steps = (await runFlannel(each, resolve(file))).map((seen) => JSON.stringify(seen))
  texts.push(`${JSON.stringify(each.name)}: [\n  ${steps.join(',\n  ')}\n]`)
}
writeFileSync(recordFile, `{\n${texts.join(',\n')}\n}\n`)
