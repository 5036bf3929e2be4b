/** The portmap plugin where it does not get as far as a rule. */
import t from 'tap'
import { portmap } from '../../../plugins/portmap/index.ts'
import { contextOf, requestOf } from '../../support/request.ts'
import { thrown } from '../../support/thrown.ts'

const prevResult = {
  interfaces: [{ name: 'eth0', sandbox: '/run/netns/none' }],
  ips: [{ address: '10.0.0.2/24', interface: 0 }],
}
const runtimeConfig = {
  portMappings: [{ hostPort: 80, containerPort: 80, protocol: 'tcp' }],
}
const add = (conf: object) => portmap.add(requestOf({ conf }), contextOf())
const check = (conf: object) => portmap.check?.(requestOf({ command: 'CHECK', conf }), contextOf())

t.test('passes the result on', async (t) => {
  const result = add({ prevResult })
  t.match(result, { interfaces: prevResult.interfaces, ips: [{ interface: 0 }] })
  t.strictSame(add({ prevResult, runtimeConfig: { portMappings: [] } }), result)
})

t.test('refuses what it cannot work with', async (t) => {
  const cases: [conf: object, message: string][] = [
    [{}, 'must be called as chained plugin'],
    [{ runtimeConfig }, 'must be called as chained plugin'],
    [{ prevResult: 7 }, 'failed to parse config: could not parse prevResult: '],
    [{ prevResult, backend: 'x' }, 'failed to parse config: unrecognized backend "x"'],
    [
      { prevResult, runtimeConfig: { portMappings: [{ hostPort: 70000, containerPort: 1 }] } },
      'failed to parse config: Invalid host port number: 70000',
    ],
  ]
  for (const [conf, message] of cases) {
    const error = thrown(() => add(conf))
    t.equal(error.code, 7, message)
    t.ok(error.message.startsWith(message), error.message)
  }
  t.equal(thrown(() => check({ runtimeConfig })).message, 'Required prevResult missing')
  t.equal(thrown(() => check({ backend: 'x' })).message, 'unrecognized backend "x"')
  check({ prevResult })
})

t.test('a container without an address', async (t) => {
  const context = contextOf()
  const conf = { prevResult: { ...prevResult, ips: [] }, runtimeConfig }
  t.strictSame(portmap.add(requestOf({ conf }), context).ips, [])
  t.match(context.warnings, ['no host port leads to the container, because it has no address'])
})
