import t from 'tap'
import { describePlugin, parsePluginConf, pluginStdin } from '../../../lib/libcni/plugin-conf.ts'
import { thrown } from '../../support/thrown.ts'

const list = { name: 'net1', cniVersion: '1.1.0' }

t.test('reads what a runtime needs of a plugin', async (t) => {
  const conf = {
    type: 'noop',
    name: 'some-plugin',
    capabilities: { portMappings: true, somethingElse: true, noCapability: false },
  }
  t.strictSame(parsePluginConf(conf), {
    type: 'noop',
    name: 'some-plugin',
    cniVersion: '',
    capabilities: ['portMappings', 'somethingElse'],
    conf,
  })
  const otherCase = parsePluginConf({ Type: 'noop', CAPABILITIES: { ips: true }, name: null })
  t.match(otherCase, { type: 'noop', name: '', capabilities: ['ips'] })
})

const refused: [conf: unknown, want: string][] = [
  [{ name: 'x' }, "missing 'type'"],
  [{ type: '' }, "missing 'type'"],
  [{ type: 5 }, "'type' must be a string, found 5"],
  [{ type: 'x', name: {} }, "'name' must be a string, found {}"],
  [{ type: 'x', capabilities: [] }, "'capabilities' must be an object, found []"],
  [
    { type: 'x', capabilities: { ips: 'yes' } },
    `'capabilities.ips' must be true or false, found "yes"`,
  ],
  [[], 'expected an object, found []'],
  [null, 'expected an object, found null'],
]

t.test('refuses what is no plugin configuration', async (t) => {
  for (const [conf, want] of refused) {
    const error = thrown(() => parsePluginConf(conf))
    t.equal(error.message, `error parsing configuration: ${want}`)
    t.equal(error.code, 7)
    t.not(error.details, '')
  }
})

t.test('sends the name and version of the list, keys sorted, Go escapes', async (t) => {
  const plugin = parsePluginConf({ type: 'noop', name: 'own', zeta: '<a>&', alpha: { b: 1, a: 2 } })
  t.equal(
    pluginStdin(plugin, list, {}),
    '{"alpha":{"a":2,"b":1},"cniVersion":"1.1.0","name":"net1","type":"noop",' +
      '"zeta":"\\u003ca\\u003e\\u0026"}',
  )
})

t.test('sends prevResult, and the capabilities that the plugin has', async (t) => {
  const plugin = parsePluginConf({ type: 'noop', capabilities: { ips: true, mac: false } })
  const prevResult = { cniVersion: '1.1.0' }
  const capabilityArgs = { ips: ['10.0.0.1'], mac: 'x', other: 1 }
  t.same(JSON.parse(pluginStdin(plugin, list, { prevResult, capabilityArgs })), {
    ...list,
    type: 'noop',
    capabilities: { ips: true, mac: false },
    prevResult,
    runtimeConfig: { ips: ['10.0.0.1'] },
  })
  const without = JSON.parse(pluginStdin(plugin, list, { capabilityArgs: { mac: 'x' } }))
  t.notOk('runtimeConfig' in without, 'nothing that the plugin can use')
})

t.test('sends the attachments of a GC under both names', async (t) => {
  const plugin = parsePluginConf({ type: 'noop' })
  for (const validAttachments of [[{ network: 'net1', containerId: 'c1', ifName: 'eth0' }], []]) {
    const stdin = JSON.parse(pluginStdin(plugin, list, { validAttachments }))
    const want = validAttachments.map(() => ({ containerID: 'c1', ifname: 'eth0' }))
    t.strictSame(stdin['cni.dev/valid-attachments'], want)
    t.strictSame(stdin['cni.dev/attachments'], want)
  }
})

t.test('names a plugin as Go does', async (t) => {
  t.equal(describePlugin(parsePluginConf({ type: 'x' })), 'type="x"')
  t.equal(describePlugin(parsePluginConf({ type: 'x', name: 'n' })), 'type="x" name="n"')
})
