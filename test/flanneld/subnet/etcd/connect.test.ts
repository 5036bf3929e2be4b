import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import {
  connectEtcd,
  type EtcdFlags,
  etcdOptions,
} from '../../../../flanneld/subnet/etcd/connect.ts'
import { makeCertificates } from '../../../support/certificates.ts'
import { Etcd, etcdSkip } from '../../../../scripts/lab/etcd.ts'
import { EtcdNode, leases, valueOf } from '../../../support/etcd-node.ts'
import { eventually } from '../../../support/eventually.ts'
import { thrownDetailed } from '../../../support/thrown.ts'

const options = { skip: etcdSkip() }

function flags(given: Partial<EtcdFlags> = {}): EtcdFlags {
  return {
    'etcd-endpoints': 'http://127.0.0.1:4001,http://127.0.0.1:2379',
    'etcd-keyfile': '',
    'etcd-certfile': '',
    'etcd-cafile': '',
    'etcd-username': '',
    'etcd-password': '',
    ...given,
  }
}

t.test('by TLS, with a client’s certificate or with the authority alone', options, async (t) => {
  const dir = t.testdir()
  makeCertificates(dir)
  const ca = { 'etcd-cafile': `${dir}/ca.crt` }
  const pair = { 'etcd-certfile': `${dir}/client.crt`, 'etcd-keyfile': `${dir}/client.key` }
  const served = [`--cert-file=${dir}/server.crt`, `--key-file=${dir}/server.key`]
  const wanted = ['--client-cert-auth', `--trusted-ca-file=${dir}/ca.crt`]
  const attempt = async (etcd: Etcd, given: Partial<EtcdFlags>) => {
    using client = connectEtcd(flags({ 'etcd-endpoints': etcd.url, ...given }))
    await client.put('/a', '1')
  }
  const open = await Etcd.start(t, ...served)
  await attempt(open, ca)
  const { port } = new URL(open.url)
  await attempt(open, { ...ca, 'etcd-endpoints': `127.0.0.1:${port}` })
  await t.rejects(attempt(open, {}), { name: 'GrpcError', message: /certificate/ })
  const closed = await Etcd.start(t, ...served, ...wanted)
  await attempt(closed, { ...ca, ...pair })
  await t.rejects(attempt(closed, ca), { name: 'GrpcError' })
})

t.test('a user with a password, also when etcd has forgotten the token', options, async (t) => {
  const etcd = await Etcd.start(t)
  for (const words of [
    'user add root:secret --interactive=false',
    'user grant-role root root',
    'auth enable',
  ]) {
    etcd.ctl(...words.split(' '))
  }
  etcd.ctl('--user=root:secret', 'put', '/net/config', '{"Network": "10.3.0.0/16"}')
  const user = { 'etcd-username': 'root', 'etcd-password': 'secret' }
  const node = new EtcdNode(t, 1, etcdOptions(flags({ 'etcd-endpoints': etcd.url, ...user })))
  await node.acquire('10.3.1.1/24')
  const seen = node.watch(t)
  node.keep(t)
  await eventually('a first list', () => seen.length > 0)
  await etcd.stop()
  await etcd.start()
  etcd.ctl('--user=root:secret', 'put', `${leases}10.3.2.0-24`, valueOf(2))
  await eventually('what was put', () => seen.includes('put 10.3.2.0-24 192.0.2.2'))
  etcd.ctl('--user=root:secret', 'del', `${leases}10.3.1.0-24`)
  const said = (text: string) => node.log.some((line) => line.includes(text))
  await eventually('the own lease', () => said('is taken again'))
})

t.test('what the options mean', async (t) => {
  t.strictSame(etcdOptions(flags()), {
    endpoints: ['http://127.0.0.1:4001', 'http://127.0.0.1:2379'],
  })
  const endpoints = ' 192.0.2.1:2379/, https://[fd00::1]:2379,http://etcd '
  t.strictSame(etcdOptions(flags({ 'etcd-endpoints': endpoints })).endpoints, [
    'http://192.0.2.1:2379',
    'https://[fd00::1]:2379',
    'http://etcd',
  ])
})

t.test('what is wrong with them is told', options, async (t) => {
  const dir = t.testdir({ garbage: 'x' })
  makeCertificates(dir)
  writeFileSync(join(dir, 'broken'), '-----BEGIN CERTIFICATE-----\nx\n-----END CERTIFICATE-----\n')
  const error = (given: Partial<EtcdFlags>) => thrownDetailed(() => etcdOptions(flags(given)))
  const [crt, key] = [`${dir}/client.crt`, `${dir}/client.key`]
  const pair = (cert: string, key: string) => ({ 'etcd-certfile': cert, 'etcd-keyfile': key })
  const expected: readonly (readonly [Partial<EtcdFlags>, message: RegExp | string])[] = [
    [pair('', key), '--etcd-keyfile is given, and --etcd-certfile is not'],
    [pair(crt, ''), '--etcd-certfile is given, and --etcd-keyfile is not'],
    [{ 'etcd-username': 'x' }, '--etcd-username is given, and --etcd-password is not'],
    [{ 'etcd-password': 'x' }, '--etcd-password is given, and --etcd-username is not'],
    [{ 'etcd-cafile': '/nowhere/ca' }, /^--etcd-cafile: open \/nowhere\/ca: no such file/],
    [{ 'etcd-cafile': dir }, /^--etcd-cafile: read .*: is a directory/],
    [{ 'etcd-cafile': `${dir}/garbage` }, /^--etcd-cafile: .*garbage has no "-----BEGIN "/],
    [{ 'etcd-cafile': `${dir}/broken` }, /broken: error:/],
    [pair(`${dir}/broken`, key), /client\.key: error:/],
    [pair(crt, `${dir}/server.key`), /key values mismatch/],
    [{ 'etcd-endpoints': ' , ' }, '--etcd-endpoints is empty'],
    [{ 'etcd-endpoints': 'ftp://x' }, '--etcd-endpoints has "ftp://x"'],
    [{ 'etcd-endpoints': 'http://x/v2' }, '--etcd-endpoints has "http://x/v2"'],
    [{ 'etcd-endpoints': 'http://' }, '--etcd-endpoints has "http://"'],
  ]
  for (const [given, message] of expected) {
    const { message: found, details } = error(given)
    t.match(found, message)
    t.notMatch(found + details, 'secret')
    t.match(details, /expected|give both/)
  }
})
