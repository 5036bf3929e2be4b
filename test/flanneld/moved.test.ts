/** A node whose address changes while etcd does not answer. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { Etcd, etcdSkip } from '../../scripts/lab/etcd.ts'
import { kernelSkip, makeNode } from '../../scripts/lab/node.ts'
import { inside, missingProgram, runSync } from '../../scripts/lab/run.ts'
import { eventually } from '../support/eventually.ts'
import { link } from '../support/ip.ts'

const skip = kernelSkip() || etcdSkip() || missingProgram('iptables')
const main = join(import.meta.dirname, '../../flanneld/main.ts')

t.test('the other nodes and the plugin are told as soon as it can be', { skip }, async (t) => {
  const node = makeNode(t)
  const ip = (words: string) => runSync(['ip', '-n', node.name, ...words.split(' ')])
  ip('link add wire type veth peer name other')
  ip('address add 192.168.9.1/24 dev wire')
  for (const name of ['wire', 'other']) ip(`link set ${name} up`)
  const etcd = await Etcd.startIn(t, node.netns, '127.0.0.1')
  const conf = '{"Network": "10.244.0.0/16", "Backend": {"Type": "vxlan"}}'
  etcd.ctl('put', '/coreos.com/network/config', conf)

  const file = join(node.dir, 'subnet.env')
  const words = [main, '--iface=wire', `--subnet-file=${file}`, `--etcd-endpoints=${etcd.url}`]
  const [program = '', ...args] = inside(node.netns, [process.execPath, ...words])
  const agent = spawn(program, args, { stdio: ['ignore', 'ignore', 'pipe'] })
  const ended = once(agent, 'exit')
  t.teardown(async () => {
    agent.kill('SIGKILL')
    await ended
  })
  let log = ''
  agent.stderr.on('data', (text: Buffer) => (log += text))
  await eventually('subnet.env', () => existsSync(file))

  await etcd.stop()
  ip('address add 192.168.10.2/24 dev wire')
  ip('address delete 192.168.9.1/24 dev wire')
  ip('link set wire mtu 1400')
  await eventually('an error', () => log.includes('the external interface has changed: '))
  await etcd.start()
  const stored = () => etcd.ctl('get', '--prefix', '/coreos.com/network/subnets/')
  await eventually('the new address', () => stored().includes('"PublicIP":"192.168.10.2"'))
  t.match(readFileSync(file, 'utf8'), 'FLANNEL_MTU=1350\n')
  t.equal(link(node, 'flannel.1')?.mtu, 1350)
  t.match(stored(), link(node, 'flannel.1')?.address)
})
