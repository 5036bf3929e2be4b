import { readFileSync } from 'node:fs'
import type { SecureClientSessionOptions } from 'node:http2'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import t from 'tap'
import { EtcdClient } from '../../../../flanneld/subnet/etcd/client.ts'
import type { WatchResponse } from '../../../../flanneld/subnet/etcd/messages.ts'
import type { Scope } from '../../../../scripts/lab/node.ts'
import { makeCertificates } from '../../../support/certificates.ts'
import { Etcd, etcdSkip } from '../../../../scripts/lab/etcd.ts'

const options = { skip: etcdSkip() }

function clientOf(scope: Scope, ...endpoints: string[]): EtcdClient {
  const client = new EtcdClient({ endpoints })
  scope.teardown(() => client[Symbol.dispose]())
  return client
}

t.test('keys and leases, beside etcdctl', options, async (t) => {
  const etcd = await Etcd.start(t)
  const client = clientOf(t, etcd.url)
  t.strictSame((await client.get('/a')).kvs, [])

  const value = '{"PublicIP":"192.0.2.1","text":"ü"}'
  await client.put('/net/config', value)
  t.equal(etcd.ctl('get', '--print-value-only', '/net/config'), `${value}\n`)
  etcd.ctl('put', '/net/subnets/10.1.2.0-24', 'x')
  etcd.ctl('put', '/net/subnets0', 'no subnet')
  const { kvs, revision } = await client.list('/net/subnets/')
  t.match(kvs, [{ key: '/net/subnets/10.1.2.0-24', value: 'x', version: 1, lease: 0n }])
  t.equal(kvs.length, 1)
  t.ok(revision >= 4)

  const { id, ttl } = await client.grant(3600)
  t.equal(ttl, 3600)
  t.equal(await client.create('/net/subnets/10.1.3.0-24', 'y', id), true)
  t.equal(await client.create('/net/subnets/10.1.3.0-24', 'z', id), false, 'it is there')
  t.match(
    etcd.ctl('lease', 'timetolive', '--keys', id.toString(16)),
    /keys\(\[.*10\.1\.3\.0-24\]\)/,
  )
  t.ok((await client.timeToLive(id)) > 3590)
  t.equal(await client.keepAlive(id), 3600)
  await client.revoke(id)
  t.equal(etcd.ctl('get', '/net/subnets/10.1.3.0-24'), '')
  t.strictSame([await client.keepAlive(id), await client.timeToLive(id)], [0, 0])

  t.equal(await client.delete('/net/config'), true)
  t.equal(await client.delete('/net/config'), false)
})

/** Collects the answers of a watch until `done` says so. */
async function collect(
  watch: AsyncIterable<WatchResponse>,
  done: (all: readonly WatchResponse[]) => boolean,
): Promise<WatchResponse[]> {
  const all: WatchResponse[] = []
  for await (const response of watch) {
    all.push(response)
    if (done(all)) break
  }
  return all
}

const eventsOf = (all: readonly WatchResponse[]) =>
  all.flatMap(({ events }) =>
    events.map((event) => [event?.type, event?.kv?.key, event?.kv?.value]),
  )

t.test('a watch sees what happened since a revision', options, async (t) => {
  const etcd = await Etcd.start(t)
  const client = clientOf(t, etcd.url)
  await client.put('/p/a', '1')
  const { revision } = await client.list('/p/')
  await client.put('/p/b', '2')
  await client.put('/q', '3')
  const seen = collect(client.watch('/p/', revision + 1), (all) => eventsOf(all).length === 3)
  await setTimeout(200)
  etcd.ctl('put', '/p/b', '4')
  etcd.ctl('del', '/p/a')
  const all = await seen
  t.equal(all[0]?.created, true)
  t.strictSame(eventsOf(all), [
    [0, '/p/b', '2'],
    [0, '/p/b', '4'],
    [1, '/p/a', ''],
  ])

  const abort = new AbortController()
  const waiting = collect(client.watch('/p/', 1, abort.signal), () => false)
  await setTimeout(100)
  abort.abort()
  await t.rejects(waiting, { name: 'GrpcError', code: 1 })
})

t.test('a compacted history is told', options, async (t) => {
  const etcd = await Etcd.start(t)
  const client = clientOf(t, etcd.url)
  for (const value of ['1', '2', '3']) await client.put('/p/a', value)
  const { revision } = await client.list('/p/')
  etcd.ctl('compact', String(revision))
  const all = await collect(client.watch('/p/', 1), () => false)
  const last = all.at(-1)
  t.strictSame([last?.canceled, last?.compactRevision], [true, revision])
})

t.test('a lost server is told, and found again', options, async (t) => {
  const etcd = await Etcd.start(t)
  const client = clientOf(t, 'http://127.0.0.1:1', etcd.url)
  await client.put('/p/a', '1')
  const watch = collect(client.watch('/p/', 1), () => false)
  const lost = t.rejects(watch, { name: 'GrpcError', code: 14 })
  await setTimeout(200)
  await etcd.stop('SIGKILL')
  await lost
  await t.rejects(client.get('/p/a'), { name: 'GrpcError', code: 14 })
  await etcd.start()
  t.match((await client.get('/p/a')).kvs, [{ value: '1' }])
})

t.test('watches that fail together go to the next endpoint together', options, async (t) => {
  const etcd = await Etcd.start(t)
  const client = clientOf(t, 'http://127.0.0.1:1', etcd.url)
  const begin = () => Promise.allSettled([1, 2].map(() => client.watch('/p/', 1).next()))
  t.match(await begin(), [{ status: 'rejected' }, { status: 'rejected' }])
  t.match(await begin(), [{ value: { value: { created: true } } }, { status: 'fulfilled' }])
})

t.test('a user with a password, also after a restart', options, async (t) => {
  const etcd = await Etcd.start(t)
  for (const words of [
    'user add root:secret --interactive=false',
    'user grant-role root root',
    'auth enable',
  ]) {
    etcd.ctl(...words.split(' '))
  }
  const stranger = clientOf(t, etcd.url)
  await t.rejects(stranger.get('/a'), { name: 'GrpcError', message: /user name is empty/ })
  const user = { name: 'root', password: 'secret' }
  const client = new EtcdClient({ endpoints: [etcd.url], user })
  t.teardown(() => client[Symbol.dispose]())
  await client.put('/a', '1')
  await etcd.stop()
  await etcd.start()
  await client.put('/a', '2')
  t.match((await client.get('/a')).kvs, [{ value: '2' }])
  etcd.ctl('--user=root:secret', 'user', 'add', 'other:secret', '--interactive=false')
  await client.put('/a', '3') // the token is older than the users
})

t.test('by TLS, with a client’s certificate or with the authority alone', options, async (t) => {
  const dir = t.testdir()
  makeCertificates(dir)
  const file = (name: string) => readFileSync(join(dir, name))
  const served = [`--cert-file=${dir}/server.crt`, `--key-file=${dir}/server.key`]
  const wanted = ['--client-cert-auth', `--trusted-ca-file=${dir}/ca.crt`]
  const ca = file('ca.crt')
  const pair = { cert: file('client.crt'), key: file('client.key') }
  const attempt = (etcd: Etcd, tls: SecureClientSessionOptions) => {
    const client = new EtcdClient({ endpoints: [etcd.url], tls })
    t.teardown(() => client[Symbol.dispose]())
    return client.put('/a', '1')
  }

  const open = await Etcd.start(t, ...served)
  await attempt(open, { ca })
  await t.rejects(attempt(open, {}), { name: 'GrpcError', code: 14, message: /certificate/ })
  const closed = await Etcd.start(t, ...served, ...wanted)
  await attempt(closed, { ca, ...pair })
  await t.rejects(attempt(closed, { ca }), { name: 'GrpcError', code: 14 })
})
