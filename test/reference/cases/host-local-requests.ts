/** Addresses that an attachment asks for. */
import type { Call, Case } from '../case.ts'
import {
  add,
  check,
  container,
  del,
  hostLocal,
  life,
  v4,
  v6,
  withEnv,
  withKeys,
} from './builders.ts'

const args = (call: Call, text: string) => withEnv(call, { CNI_ARGS: text })
const listed = (call: Call, ...ips: unknown[]) => withKeys(call, { args: { cni: { ips } } })
const capability = (call: Call, ...ips: unknown[]) => withKeys(call, { runtimeConfig: { ips } })

const dual = { ranges: [[{ subnet: v4 }], [{ subnet: v6 }]] }
const lifeWith = (change: (call: Call) => Call) => [add, check, del].map(change)

export const requestCases: readonly Case[] = [
  hostLocal(
    'IP of CNI_ARGS',
    { subnet: v4 },
    { steps: lifeWith((call) => args(call, 'IP=10.1.2.77')) },
  ),
  hostLocal(
    'IP of CNI_ARGS beside what nobody knows',
    { subnet: v4 },
    {
      steps: lifeWith((call) => args(call, 'K8S_POD_NAME=x;IgnoreUnknown=1;IP=10.1.2.77')),
    },
  ),
  hostLocal('ips of args', dual, {
    steps: lifeWith((call) => listed(call, '10.1.2.77', 'fd00::77')),
  }),
  hostLocal('ips of runtimeConfig', dual, {
    steps: lifeWith((call) => capability(call, 'fd00::77', '10.1.2.77')),
  }),
  hostLocal('ips with prefixes', dual, {
    steps: lifeWith((call) => capability(call, '10.1.2.77/8', 'FD00:0::77/120')),
  }),
  hostLocal(
    'all ways at once',
    { ranges: [[{ subnet: v4 }], [{ subnet: '10.1.3.0/24' }], [{ subnet: v6 }]] },
    {
      steps: lifeWith((call) =>
        args(listed(capability(call, 'fd00::77'), '10.1.3.77'), 'IP=10.1.2.77'),
      ),
    },
  ),
  hostLocal('a request for one of two sets', dual, {
    steps: lifeWith((call) => capability(call, '10.1.2.77')),
  }),
  hostLocal(
    'what comes behind a requested address',
    { subnet: v4 },
    {
      steps: [capability(add, '10.1.2.77'), container('c2', add), del, container('c3', add)],
    },
  ),
  hostLocal(
    'an address that is taken',
    { subnet: v4 },
    {
      steps: [add, container('c2', capability(add, '10.1.2.2')), container('c2', add)],
      differs: ['try-again'],
    },
  ),
  hostLocal(
    'the gateway',
    { subnet: v4 },
    { steps: [capability(add, '10.1.2.1'), add], differs: ['configuration-mistake'] },
  ),
  hostLocal('an address outside of all sets', dual, {
    steps: [capability(add, '10.9.9.9')],
    differs: ['configuration-mistake', 'served-request'],
  }),
  hostLocal(
    'an address outside of the range',
    { subnet: v4, rangeEnd: '10.1.2.99' },
    {
      steps: [capability(add, '10.1.2.100')],
      differs: ['configuration-mistake', 'served-request'],
    },
  ),
  ...[add, check, del].map((call) =>
    hostLocal(
      `requests that are none in ${call.command}`,
      { subnet: v4 },
      {
        steps: ['x', '10.1.2.300', '10.1.2.3/99', '10.1.2.03'].map((ip) => capability(call, ip)),
        differs: call === del ? ['lenient-del'] : ['configuration-mistake'],
      },
    ),
  ),
  hostLocal(
    'requests that are empty',
    { subnet: v4 },
    {
      steps: [capability(add, ''), listed(add, '', '10.1.2.9')],
      differs: ['configuration-mistake'],
    },
  ),
  hostLocal(
    'a request that is null',
    { subnet: v4 },
    { steps: [capability(add, null)], differs: ['empty-request'] },
  ),
  hostLocal(
    'no requests',
    { subnet: v4 },
    { steps: life, keys: { runtimeConfig: { ips: [] }, args: { cni: { ips: [] } } } },
  ),
]
