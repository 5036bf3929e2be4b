import { readdirSync, readFileSync, statSync, utimesSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { AttachmentCache } from '../../../lib/libcni/attachment-cache.ts'
import { attachment, cacheFile, cacheText, conflist, result } from '../../support/libcni.ts'
import { contextOf } from '../../support/request.ts'
import { thrown } from '../../support/thrown.ts'

const mode = (path: string) => (statSync(path).mode & 0o777).toString(8)

t.test('keeps an attachment in the file that Go would write', async (t) => {
  const folder = t.testdir()
  const cache = new AttachmentCache(join(folder, 'cni'))
  cache.write(attachment, conflist, result, '1.0.0')
  const results = join(folder, 'cni/results')
  t.strictSame(readdirSync(results), [cacheFile])
  t.equal(readFileSync(join(results, cacheFile), 'utf8'), cacheText)
  t.equal(mode(results), '700')
  t.equal(mode(join(results, cacheFile)), '600')
})

t.test('reads it, writes it again, and forgets it', async (t) => {
  const folder = t.testdir({ results: { [cacheFile]: cacheText, [`.${cacheFile}.tmp`]: 'torn' } })
  const cache = new AttachmentCache(folder)
  t.strictSame(cache.readResult(attachment), result)
  t.strictSame(cache.find(attachment), attachment)
  cache.write(attachment, conflist, result, '1.0.0')
  t.strictSame(readdirSync(join(folder, 'results')), [cacheFile], 'an interrupted write is gone')
  cache.remove(attachment)
  cache.remove(attachment)
  t.equal(cache.readResult(attachment), undefined)
  t.equal(cache.find(attachment), undefined)
})

t.test('says which file is garbled', async (t) => {
  const folder = t.testdir({ results: { [cacheFile]: 'adf' } })
  const cache = new AttachmentCache(folder)
  const error = thrown(() => cache.readResult(attachment))
  t.match(error.message, /^decoding version from network config: Unexpected token 'a'/)
  t.match(error.details, join(folder, 'results', cacheFile))
  t.equal(cache.find(attachment), undefined, 'it does not say what was made')
})

t.test('leads no name out of its folder', async (t) => {
  const cache = new AttachmentCache(t.testdir())
  const outside = { ...attachment, containerId: '../../x' }
  t.equal(thrown(() => cache.remove(outside)).message, 'invalid characters in containerID')
  t.equal(thrown(() => cache.remove({ ...attachment, network: '../x' })).code, 7)
  t.equal(thrown(() => cache.remove({ ...attachment, ifName: 'a/b' })).code, 4)
})

t.test('lists the attachments of one network', async (t) => {
  const other = cacheText.replace('"networkName":"cbr0"', '"networkName":"cbr0-b"')
  const folder = t.testdir({
    results: {
      'cbr0-c2-eth0': cacheText.replaceAll(attachment.containerId, 'c2'),
      'cbr0-b-c3-eth0': other.replaceAll(attachment.containerId, 'c3'),
      'cbr0-c4-eth0': 'adf',
      'cbr0-c5-eth0': t.fixture('symlink', 'cbr0-c2-eth0'),
      '.cbr0-c6-eth0.tmp': cacheText,
      'net-c1-eth0': 'adf',
      [cacheFile]: cacheText,
    },
  })
  const { log, warnings } = contextOf()
  const ids = new AttachmentCache(folder).list('cbr0', log).map(({ containerId }) => containerId)
  t.strictSame(ids, ['c2', attachment.containerId])
  t.equal(warnings.length, 2)
  t.match(warnings[0], /^left alone, .*cbr0-c4-eth0: Unexpected token/)
  t.match(warnings[1], /^left alone, .*cbr0-c5-eth0: too many levels of symbolic links/)
})

t.test('removes what is no JSON', async (t) => {
  const folder = t.testdir({
    results: {
      'cbr0-c1-eth0': '',
      'cbr0-c2-eth0': cacheText.slice(0, 99),
      'cbr0-c3-eth0': '{"cniVersion":"0.2.0"}', // as runtimes before the Go library 0.8 kept it
      'cbr0-c4-eth0': t.fixture('symlink', 'net-c1-eth0'),
      'net-c1-eth0': 'adf',
    },
  })
  const { log, warnings } = contextOf()
  new AttachmentCache(folder).removeGarbled('cbr0', log)
  const left = ['cbr0-c3-eth0', 'cbr0-c4-eth0', 'net-c1-eth0']
  t.strictSame(readdirSync(join(folder, 'results')).sort(), left)
  t.match(warnings, [/cbr0-c1-eth0 is garbled; it is removed$/, /cbr0-c2-eth0 is garbled/])
})

t.test('tells when a file is about an attachment that it does not name', async (t) => {
  const check = (results: object) => {
    const folder = t.testdir({ results: { [cacheFile]: cacheText, ...results } })
    new AttachmentCache(folder).requireNames('cbr0')
  }
  check({ 'cbr0-c1-eth0': 'torn', 'net-c1-eth0': '{}', '.cbr0-c6-eth0.tmp': '{}' })
  const unnamed: [content: unknown, problem: RegExp][] = [
    ['{"cniVersion":"0.2.0"}', /expected an object with "kind"/],
    [{}, /is a directory/],
    [t.fixture('symlink', cacheFile), /too many levels of symbolic links/],
  ]
  for (const [content, problem] of unnamed) {
    const { message, details } = thrown(() => check({ 'cbr0-c3-eth0': content }))
    t.match(message, /^the attachments in use are not known: .*cbr0-c3-eth0: /)
    t.match(message, problem)
    t.match(details, 'move it away when the pod that it is about is gone')
  }
})

t.test('lists those of all networks, and since when they are kept', async (t) => {
  const other = cacheText.replace('"networkName":"cbr0"', '"networkName":"net2"')
  const folder = t.testdir({
    results: {
      [cacheFile]: cacheText,
      'net2-c3-eth0': other.replaceAll(attachment.containerId, 'c3'),
      '.net2-c4-eth0.tmp': 'torn',
      'net3-c5-eth0': 'adf',
    },
  })
  utimesSync(join(folder, 'results', cacheFile), 1_700_000_000, 1_700_000_000)
  const { log, warnings } = contextOf()
  const [first, second, ...more] = new AttachmentCache(folder).listAll(log)
  t.strictSame(first, { ...attachment, keptSince: 1_700_000_000_000 })
  t.match(second, { network: 'net2', containerId: 'c3' })
  t.strictSame(more, [])
  t.match(warnings, [/^left alone, .*net3-c5-eth0/])
})

t.test('knows no attachment before there is a folder', async (t) => {
  const { log } = contextOf()
  t.strictSame(new AttachmentCache(join(t.testdir(), 'none')).list('cbr0', log), [])
})
