/** Leases of other nodes that are of no use to this one. */
import { setTimeout } from 'node:timers/promises'
import t from 'tap'
import { loneAgentSkip, startLoneAgent } from '../support/lone-agent.ts'

const good = {
  PublicIP: '192.168.9.2',
  PublicIPv6: null,
  BackendType: 'vxlan',
  BackendData: { VNI: 1, VtepMAC: '0e:00:00:00:00:02' },
}

const options = { skip: loneAgentSkip }
t.test('they are said, and are not counted as reached', options, async (t) => {
  const agent = await startLoneAgent(t, {
    '10.244.200.0-24': good,
    '10.244.201.0-24': { ...good, PublicIP: '192.168.9.3', BackendType: 'host-gw' },
    '10.244.202.0-24': { ...good, PublicIP: '192.168.9.4', BackendData: {} },
  })
  while ((await agent.metric('flannel_peers_programmed')) === 0) await setTimeout(100)
  t.equal(await agent.metric('flannel_leases'), 3)
  t.equal(await agent.metric('flannel_peers_programmed'), 1)
  t.match(agent.log(), /10\.244\.201\.0-24 is passed over: its backend is host-gw/)
  t.match(agent.log(), /10\.244\.202\.0\/24 cannot be reached: BackendData has no VtepMAC/)
  t.match(agent.ip('route show dev flannel.1'), /^10\.244\.200\.0\/24 via \S+ onlink\s+$/)
})
