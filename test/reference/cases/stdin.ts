/** What arrives on stdin instead of a network configuration. */
import type { Call, Case } from '../case.ts'
import { add, bridge, check, del, hostLocal, loopback, v4, withKeys } from './builders.ts'

const ipam = { subnet: v4 }

function sent(command: string, ...texts: readonly string[]): Call[] {
  return texts.map((stdin) => ({ command, stdin }))
}

const noJson = ['', '{', '}', 'x', '{"name":', '{"name":"a"} x', '{"name":"a"}{}', "{'name':'a'}"]
const noObject = ['[]', '"text"', '1', 'true', '[{"name":"a"}]']

export const stdinCases: readonly Case[] = [
  ...(['ADD', 'CHECK', 'DEL'] as const).map((command) =>
    hostLocal(`${command} of what is no JSON`, ipam, {
      steps: sent(command, ...(command === 'ADD' ? noJson : ['', '{'])),
      differs: ['undecodable'],
    }),
  ),
  hostLocal('JSON that is no object', ipam, {
    steps: sent('ADD', ...noObject),
    differs: ['no-object'],
  }),
  hostLocal('null and an empty object', ipam, {
    steps: sent('ADD', 'null', '{}'),
    differs: ['null'],
  }),
  ...[bridge('no JSON', {}), loopback('no JSON', {})].map((each) => ({
    ...each,
    steps: ['ADD', 'CHECK', 'DEL'].flatMap((command) => sent(command, '{')),
    differs: ['undecodable'],
  })),
  hostLocal('a key of the wrong type', ipam, {
    steps: sent('ADD', '{"name":1}', '{"name":"a","cniVersion":1}', '{"name":"a","cniVersion":{}}'),
    differs: ['wrong-type'],
  }),
  hostLocal('no network name', ipam, {
    steps: [
      ...[undefined, '', null].map((name) => withKeys(add, { name })),
      ...[check, del].map((call) => withKeys(call, { name: undefined })),
    ],
  }),
  hostLocal('a network name that is none', ipam, {
    steps: [
      ...['a b', '-a', '../a', 'a/b', 'a\n', 'ä'].map((name) => withKeys(add, { name })),
      withKeys(del, { name: '../a' }),
    ],
  }),
  hostLocal('unusual network names', ipam, {
    steps: ['a', '0', 'a_b.c-d', 'A..'].flatMap((name) =>
      [add, del].map((call) => withKeys(call, { name })),
    ),
  }),
  hostLocal('keys in any case', ipam, {
    keys: {
      ipam: undefined,
      IPAM: { dataDIR: '$DIR/networks', SubNet: v4, rangestart: '10.1.2.9' },
    },
    steps: [add, check, del],
  }),
  hostLocal('a key that is there twice', ipam, {
    steps: sent(
      'ADD',
      `{"cniVersion":"1.0.0","name":"net2","name":"net1",
        "ipam":{"dataDir":"$DIR/networks","subnet":"10.9.9.0/24","Subnet":"${v4}"}}`,
    ),
  }),
  hostLocal(
    'keys that nobody knows',
    { ...ipam, unknown: [1, { a: null }] },
    {
      keys: { unknown: {}, capabilities: { portMappings: true }, disableCheck: true },
    },
  ),
  hostLocal(
    'keys that are null',
    { ...ipam, rangeStart: null, resolvConf: null, routes: null },
    {
      keys: { args: null, runtimeConfig: null, dns: null },
    },
  ),
  hostLocal('stdin with white space around it', ipam, {
    steps: sent(
      'ADD',
      `\n\t {"cniVersion":"1.0.0","name":"net1","ipam":{"dataDir":"$DIR/networks","subnet":"${v4}"}}\r\n `,
    ),
  }),
]
