/**
 * Malformed calls of the packaged executables: each is answered by one error object, nothing on
 * the node changes, and nobody sees a stack trace.
 */
import t from 'tap'
import { kernelSkip } from '../../scripts/lab/node.ts'
import { confOf, isRefused, makeQuarantine } from '../support/quarantine.ts'

const options = { skip: kernelSkip() }
const plugins = ['flannel', 'bridge', 'host-local', 'loopback']

const names: [variable: string, value: string, code: number][] = [
  ...['../x', '..', '.', 'a/b', '/etc/x', 'a\nb', 'a b', '-x', 'ä'].map(
    (value): [string, string, number] => ['CNI_CONTAINERID', value, 4],
  ),
  ...['../x', '..', '.', 'a/b', '/', 'a\nb', 'a b', 'a:b', 'x'.repeat(16), 'x'.repeat(300)].map(
    (value): [string, string, number] => ['CNI_IFNAME', value, 4],
  ),
  ['CNI_CONTAINERID', '', 4],
  ['CNI_IFNAME', '', 4],
  ['CNI_PATH', '', 4],
  ['CNI_COMMAND', 'add', 4],
  ['CNI_COMMAND', 'ADD\n', 4],
  ['CNI_COMMAND', '../ADD', 4],
]

t.test('variables', options, async (t) => {
  const node = makeQuarantine(t)
  const before = node.everything()
  let turn = 0 // the commands take turns: they are parsed alike
  for (const [variable, value, code] of names) {
    const name = `${variable}=${JSON.stringify(value)}`
    const env = { CNI_COMMAND: turn++ % 2 === 0 ? 'ADD' : 'DEL', [variable]: value }
    isRefused(t, await node.call('flannel', env, confOf()), code, name)
  }
  t.strictSame(node.everything(), before)
})

const deep = (levels: number) => `${'['.repeat(levels)}${']'.repeat(levels)}`
const huge = 20 * 1024 * 1024
const inputs: Readonly<Record<string, [stdin: string, code: number]>> = {
  nothing: ['', 6],
  space: [' \n', 6],
  'half of it': [confOf().slice(0, -20), 6],
  'more than one': [confOf() + confOf(), 6],
  'a list': [`[${confOf()}]`, 6],
  null: ['null', 6],
  'a string': ['"net1"', 6],
  'a byte order mark': [`\ufeff${confOf()}`, 6],
  'zero bytes': ['\0'.repeat(100), 6],
  'a shell script': ['#!/bin/sh\nexit 0\n', 6],
  'single quotes': ["{'name': 'net1'}", 6],
  'deep nesting': [confOf({ x: 'y' }).replace('"y"', deep(100_000)), 6],
  'unclosed nesting': ['{"a":'.repeat(100_000), 6],
  'too much': [`{"name":"net1","x":"${'x'.repeat(huge)}"}`, 5],
  'no name': [confOf({ name: undefined }), 7],
  'an empty name': [confOf({ name: '' }), 7],
  'a number for a name': [confOf({ name: 5 }), 6],
  'a name in __proto__': ['{"cniVersion":"1.1.0","__proto__":{"name":"net1"}}', 7],
  'a number for a version': [confOf({ cniVersion: 1.1 }), 6],
  'a version to come': [confOf({ cniVersion: '2.0.0' }), 1],
  ...Object.fromEntries(
    ['..', '../x', 'a/b', '/etc', 'a\nb', 'a b', '.a', '__proto__', 'ä'].map((name) => [
      `the name ${JSON.stringify(name)}`,
      [confOf({ name }), 7] as [string, number],
    ]),
  ),
}

t.test('stdin', options, async (t) => {
  const node = makeQuarantine(t)
  const before = node.everything()
  let turn = 0 // the plugins take turns: they read it alike
  for (const [name, [stdin, code]] of Object.entries(inputs)) {
    for (const command of ['ADD', 'DEL']) {
      const plugin = plugins[turn++ % 4] ?? ''
      const outcome = await node.call(plugin, { CNI_COMMAND: command }, stdin)
      isRefused(t, outcome, code, `${plugin} ${command}: ${name}`)
    }
  }
  t.strictSame(node.everything(), before)
})
