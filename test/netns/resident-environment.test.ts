/** The environment that a delegate of somebody else's gets from the front, with a server and without. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { frontSkip } from '../../scripts/lab/executables.ts'
import { kernelSkip, makeNode } from '../../scripts/lab/node.ts'
import { writeScript } from '../support/fake-executable.ts'
import { makeFlannelNetwork } from '../support/flannel-network.ts'
import { subnetEnv } from '../support/flannel.ts'
import { startResident } from '../support/resident.ts'

/** Variables of others, some of which look like those of Node. */
const kept = {
  NODE_NAME: 'node-1',
  NODE_IP: '192.0.2.1',
  NODE_OPTIONS: '--max-old-space-size=100',
  NODE_EXTRA_CA_CERTS: '/etc/ca.pem',
  NODE_DEBUGGER: 'no',
  SSL_CERT_FILE: '/etc/ca.pem',
  LD_SDK_KEY: 'x',
  LDAP: 'x',
  OPENSSL_FIPS: '1',
  EMPTY: '',
  EQUAL: 'a=b',
  LINES: 'a\nb',
}

const dropped = {
  NODE_DEBUG: 'module',
  NODE_CHANNEL_FD: '3',
  LD_PRELOAD: '/nowhere.so',
  LD_LIBRARY_PATH: '/nowhere',
  OPENSSL_CONF: '/nowhere',
}

/** What the shell sets itself, and by which calls are told to ask no server, or to ask one. */
const own = ['PWD', 'OLDPWD', 'SHLVL', '_', 'FLANNEL_CNI_SOCKET']

t.test(
  'a delegate gets all but what Node obeys',
  { skip: kernelSkip() || frontSkip() },
  async (t) => {
    const node = makeNode(t)
    const network = makeFlannelNetwork(node, subnetEnv)
    const server = await startResident(t, node)
    const file = join(node.dir, 'environment')
    writeScript(
      join(node.dir, 'recorder'),
      `#!/bin/sh\nenv -0 > ${file}\necho '{"cniVersion": "1.1.0"}'\n`,
    )
    const environmentBy = async (socket: string) => {
      // The program that enters the node's namespace would obey them.
      const early = Object.entries(dropped).map((pair) => pair.join('='))
      const argv = (executable: string) => ['env', ...early, executable]
      const call = { path: node.dir, env: { ...kept, FLANNEL_CNI_SOCKET: socket }, argv }
      await network.attach(pod, { delegate: { type: 'recorder' } }, call)
      const pairs = readFileSync(file, 'utf8').split('\0').slice(0, -1)
      const entries = pairs.map((pair) => pair.split(/=(.*)/s).slice(0, 2))
      return Object.fromEntries(entries.filter(([name = '']) => !own.includes(name)).sort())
    }
    const pod = node.pod()
    const served = await environmentBy(server.socket)
    t.match(served, { ...kept, CNI_COMMAND: 'ADD', CNI_PATH: node.dir })
    t.strictSame(
      Object.keys(dropped).filter((name) => name in served),
      [],
    )
    t.strictSame(await environmentBy(''), served, 'the same without a server')
    t.equal(await server.stop(), 0)
    t.match(server.said(), 'stopped: 1 calls served, 0 declined, 0 lost')
  },
)
