/** The environment of a call. */
import type { Case } from '../case.ts'
import { add, bridge, check, del, hostLocal, loopback, portmap, v4, withEnv } from './builders.ts'

const ipam = { subnet: v4 }
const all = ['CNI_CONTAINERID', 'CNI_NETNS', 'CNI_IFNAME', 'CNI_PATH']
const nothing = Object.fromEntries(all.map((name) => [name, undefined]))

export const environmentCases: readonly Case[] = [
  hostLocal('every variable is missing', ipam, {
    differs: ['version-1.1'],
    steps: [add, check, del, { command: 'VERSION' }].map((call) => withEnv(call, nothing)),
  }),
  ...[add, check, del].map((call) =>
    hostLocal(`one variable is missing from ${call.command}`, ipam, {
      differs: call === del ? ['no-folder'] : [],
      steps: all.map((name) => withEnv(call, { [name]: call === add ? '' : undefined })),
    }),
  ),
  hostLocal('two variables are missing', ipam, {
    steps: [add, check, del].map((call) =>
      withEnv(call, { CNI_CONTAINERID: undefined, CNI_IFNAME: undefined }),
    ),
  }),
  hostLocal('a container ID that is none', ipam, {
    steps: ['a b', '-a', '.a', 'a/b', '../a', 'a\nb', 'a\n', 'ä', 'a:b'].map((id) =>
      withEnv(add, { CNI_CONTAINERID: id }),
    ),
  }),
  hostLocal('unusual container IDs', ipam, {
    steps: ['a', '0', 'A_b.c-d', 'a..', 'x'.repeat(200)].flatMap((id) =>
      [add, del].map((call) => withEnv(call, { CNI_CONTAINERID: id })),
    ),
  }),
  hostLocal('an interface name that is none', ipam, {
    steps: ['.', '..', 'a/b', 'a:b', 'a b', 'a\tb', 'a\u00a0b', 'abcdefghijklmnop', 'ääääääää'].map(
      (name) => withEnv(add, { CNI_IFNAME: name }),
    ),
  }),
  hostLocal('unusual interface names', ipam, {
    steps: ['abcdefghijklmno', 'ä', '...', 'a.b', '-'].flatMap((name) =>
      [add, del].map((call) => withEnv(call, { CNI_IFNAME: name })),
    ),
  }),
  hostLocal('what is malformed comes before what is missing', ipam, {
    steps: [
      withEnv(add, { CNI_CONTAINERID: 'a b', CNI_PATH: undefined }),
      withEnv(add, { CNI_CONTAINERID: undefined, CNI_IFNAME: 'a/b' }),
      withEnv(add, { CNI_CONTAINERID: 'a b', CNI_IFNAME: 'a/b' }),
    ],
    differs: ['malformed-first'],
  }),
  hostLocal('DEL without a sandbox', ipam, {
    steps: [add, withEnv(del, { CNI_NETNS: undefined }), withEnv(del, { CNI_NETNS: '' })],
  }),
  ...['add', 'Add', 'UNKNOWN', 'ADD '].map((command) =>
    hostLocal(`the command ${JSON.stringify(command)}`, ipam, {
      steps: [{ command }, { command, stdin: '{' }],
      differs: ['undecodable'],
    }),
  ),
  ...(['bridge', 'host-local', 'loopback', 'portmap'] as const).map((plugin) => ({
    ...hostLocal(`no command for ${plugin}`, ipam),
    plugin,
    steps: [withEnv(add, { CNI_COMMAND: undefined }), withEnv(add, { CNI_COMMAND: '' })],
    differs: ['about'],
  })),
  ...[bridge, loopback, portmap].map((plugin) => ({
    ...plugin('VERSION', {}),
    kernel: 'left alone' as const,
    steps: [
      { command: 'VERSION' },
      withEnv({ command: 'VERSION', stdin: 'no JSON' }, nothing),
      { command: 'VERSION', stdin: '{"cniVersion":"0.3.1"}' },
    ],
    differs: ['version-1.1'],
  })),
  hostLocal('VERSION', ipam, { steps: [{ command: 'VERSION' }], differs: ['version-1.1'] }),
  ...[add, del].map((call) =>
    hostLocal(`${call.command} with the node’s own sandbox`, ipam, {
      steps: [withEnv(call, { CNI_NETNS: '$NODE' })],
      differs: ['own-sandbox'],
    }),
  ),
  hostLocal('the node’s own sandbox by CNI_NETNS_OVERRIDE', ipam, {
    steps: [
      withEnv(add, { CNI_NETNS: '$NODE', CNI_NETNS_OVERRIDE: '1' }),
      withEnv(check, { CNI_NETNS: '$NODE' }),
      withEnv(del, { CNI_NETNS: '$NODE', CNI_NETNS_OVERRIDE: 'True' }),
    ],
  }),
]
