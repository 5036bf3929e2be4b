import t from 'tap'
import { listOfOne, parseConfList } from '../../../lib/libcni/conf-list.ts'
import { parsePluginConf } from '../../../lib/libcni/plugin-conf.ts'
import { thrown } from '../../support/thrown.ts'

const plugins = [{ type: 'foo' }]
const parse = (list: object) => parseConfList(JSON.stringify({ name: 'net1', plugins, ...list }))

t.test('reads a list', async (t) => {
  const source = `{
    "name": "some-network", "cniVersion": "0.2.0", "disableCheck": true,
    "plugins": [{ "type": "host-local", "subnet": "10.0.0.1/24" }, { "type": "bridge" }]
  }`
  t.match(parseConfList(source), {
    name: 'some-network',
    cniVersion: '0.2.0',
    disableCheck: true,
    disableGC: false,
    loadOnlyInlinedPlugins: false,
    plugins: [
      { type: 'host-local', conf: { type: 'host-local', subnet: '10.0.0.1/24' } },
      { type: 'bridge', conf: { type: 'bridge' } },
    ],
    source,
  })
  t.strictSame(parse({ plugins: undefined }).plugins, [], 'they may stand in a folder')
})

const versions: [keys: object, want: string][] = [
  [{}, ''],
  [{ cniVersion: '0.4.0' }, '0.4.0'],
  [{ cniVersion: '1.2.3' }, '1.2.3'],
  [{ cniVersions: ['1.1.0', '0.4.0', '1.0.0'] }, '1.1.0'],
  [{ cniVersions: ['99.0.0', '1.1.0', '0.4.0', '1.0.0'] }, '1.1.0'],
  [{ cniVersion: '1.0.0', cniVersions: ['0.1.0', '0.4.0'] }, '1.0.0'],
  [{ cniVersion: '0.3.1', cniVersions: ['0.4.0', '0.4.0'] }, '0.4.0'],
  [{ cniVersion: '99.0.0', cniVersions: ['0.4.0'] }, '0.4.0'],
  [{ cniVersion: '99.0.0', cniVersions: ['98.0.0'] }, '99.0.0'],
  [{ cniVersions: [] }, ''],
]

t.test('chooses the version', async (t) => {
  for (const [keys, want] of versions) t.equal(parse(keys).cniVersion, want, JSON.stringify(keys))
})

t.test('reads flags in both forms', async (t) => {
  for (const key of ['disableCheck', 'disableGC', 'loadOnlyInlinedPlugins'] as const) {
    for (const value of [true, 'true', 'True']) t.equal(parse({ [key]: value })[key], true)
    for (const value of [false, 'FALSE', null]) t.equal(parse({ [key]: value })[key], false)
    const error = thrown(() => parse({ [key]: 'Sphagnum' }))
    t.equal(error.message, `error parsing configuration list: invalid value "sphagnum" for ${key}`)
  }
})

const refused: [list: object, want: string][] = [
  [{ name: undefined }, 'no name'],
  [{ name: 5 }, 'invalid name 5: expected a string'],
  [{ plugins: [] }, 'no plugins in list'],
  [{ plugins: {} }, "invalid 'plugins' {}: expected an array"],
  [{ cniVersion: 1 }, 'invalid cniVersion 1: expected a string'],
  [{ cniVersions: '1.0.0' }, 'invalid cniVersions "1.0.0": expected an array'],
  [{ cniVersions: [1] }, 'invalid cniVersions entry 1 at index 0: expected a string'],
  [{ disableGC: 1 }, 'invalid value 1 for disableGC'],
  [
    { plugins: undefined, loadOnlyInlinedPlugins: true },
    "`loadOnlyInlinedPlugins` is true, and no 'plugins' key",
  ],
]

t.test('refuses what is no list', async (t) => {
  for (const [list, want] of refused) {
    const error = thrown(() => parse(list))
    t.equal(error.message, `error parsing configuration list: ${want}`)
    t.equal(error.code, 7)
    t.not(error.details, '')
  }
  t.equal(thrown(() => parseConfList('[]')).code, 7)
})

t.test('says which version cannot be read', async (t) => {
  const prefix = 'error parsing configuration list: invalid cniVersion'
  const reason =
    'failed to convert micro version part "f": strconv.Atoi: parsing "f": invalid syntax'
  const entry = thrown(() => parse({ cniVersions: ['1.1.0', '1.0.f'] }))
  t.equal(entry.message, `${prefix}s entry 1.0.f at index 1: ${reason}`)
  const single = thrown(() => parse({ cniVersion: '1.0.f', cniVersions: [] }))
  t.equal(single.message, `${prefix} 1.0.f: ${reason}`)
})

t.test('says which plugin is wrong', async (t) => {
  const error = thrown(() => parse({ plugins: [{ type: 'a' }, { some: 'b' }] }))
  const want = "failed to parse plugin config 1: error parsing configuration: missing 'type'"
  t.equal(error.message, want)
})

t.test('says where the JSON breaks, on one line', async (t) => {
  const error = thrown(() => parseConfList('{"name": "x",\n"plugins": [{"type":"a"},\n]}'))
  t.equal(error.code, 6)
  t.match(error.message, /^error parsing configuration list: Unexpected token ']', .*\] ?\}/)
  t.notMatch(error.message, /\n/)
})

t.test('makes a list of a single configuration', async (t) => {
  const conf = { name: 'some-plugin', type: 'foobar', cniVersion: '0.3.1' }
  const list = listOfOne(parsePluginConf(conf))
  t.match(list, { name: 'some-plugin', cniVersion: '0.3.1', plugins: [{ type: 'foobar', conf }] })
  t.equal(
    list.source,
    '{"cniVersion":"0.3.1","name":"some-plugin",' +
      '"plugins":[{"cniVersion":"0.3.1","name":"some-plugin","type":"foobar"}]}',
  )
})
