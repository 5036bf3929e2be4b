import { linkSync, mkdirSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { planExecutables } from '../../../commands/uninstall/executables.ts'
import { writeExecutable, writeScript } from '../../support/fake-executable.ts'

const names = ['flannel', 'bridge', 'host-local', 'loopback', 'cni']

t.test('removes what is ours, and says what is not', async (t) => {
  const dir = t.testdir({ bin: {} })
  const bin = join(dir, 'bin')
  const executable = writeExecutable(join(dir, 'running'), '1.0.0')
  linkSync(executable, join(bin, 'flannel'))
  writeExecutable(join(bin, 'bridge'), '1.0.0', 'another build')
  writeExecutable(join(bin, 'host-local'), '1.1.0')
  writeScript(join(bin, 'loopback'), '#!/bin/sh\n')
  writeScript(join(bin, 'ptp'), '#!/bin/sh\n')
  mkdirSync(join(bin, '.flannel-ts.new'))
  const lines: string[] = []
  const own = { executable, version: '1.0.0', names }
  const plan = planExecutables(own, bin, (line) => lines.push(line))
  t.strictSame(
    plan.map(({ what }) => what),
    ['.flannel-ts.new', 'flannel', 'bridge'].map((name) => join(bin, name)),
  )
  t.strictSame(lines, [
    `keeping ${join(bin, 'host-local')}: it has version 1.1.0, and this is 1.0.0: ` +
      'remove it with its own cni uninstall',
    `keeping ${join(bin, 'loopback')}: it is of another plugin set`,
  ])
  for (const { remove } of plan) remove()
  for (const { remove } of plan) remove()
  t.strictSame(readdirSync(bin), ['host-local', 'loopback', 'ptp'])
  t.strictSame(planExecutables(own, join(dir, 'none'), t.fail), [])
})
