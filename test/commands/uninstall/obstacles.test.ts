import { join } from 'node:path'
import t from 'tap'
import {
  attachedPods,
  foreignFlannel,
  foreignPorts,
} from '../../../commands/uninstall/obstacles.ts'
import { writeExecutable, writeScript } from '../../support/fake-executable.ts'
import { attachmentOf, vethOf } from '../node/attachment.ts'

t.test('pods whose interface is there', async (t) => {
  const args = [
    ['K8S_POD_NAMESPACE', 'default'],
    ['K8S_POD_NAME', 'web'],
  ] as const
  const netns = '/run/netns/none'
  t.strictSame(
    attachedPods([
      attachmentOf({ args, netns: '' }),
      attachmentOf({ netns, port: undefined }),
      attachmentOf({ netns: '', port: undefined }),
      attachmentOf({ netns: '/proc/self/ns/net', ifName: 'lo', port: undefined }),
    ]),
    ['default/web, by eth0 to network cbr0', 'container c1, by lo to network cbr0'],
  )
})

t.test('ports of others', async (t) => {
  t.match(foreignPorts([vethOf({ name: 'tap0' })]), [/^tap0, a port of the bridge/])
})

t.test('another flannel', async (t) => {
  const dir = t.testdir({})
  const executable = writeExecutable(join(dir, 'running'), '1.0.0')
  const own = { executable, version: '1.0.0', names: ['flannel'] }
  t.strictSame(foreignFlannel(own, dir), [], 'none')
  writeExecutable(join(dir, 'flannel'), '1.0.0', 'another build')
  t.strictSame(foreignFlannel(own, dir), [], 'ours')
  writeScript(join(dir, 'flannel'), '#!/bin/sh\n')
  t.match(foreignFlannel(own, dir), [/flannel, which is of another plugin set or version/])
})
