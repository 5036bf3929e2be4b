/** The lives of attachments, and what goes wrong in them. */
import type { Call, Case, Change, Step } from '../case.ts'
import {
  add,
  answerIn,
  answering,
  check,
  del,
  delegate,
  flannel,
  subnetEnv,
} from './flannel-builders.ts'

const shell = (commands: string): Change => ({ shell: commands })
const removeEnv = shell('rm subnet.env')
const withConf = (call: Call, conf: object): Call => ({ ...call, conf: { ...call.conf, ...conf } })
const withEnv = (call: Call, env: Call['env']): Call => ({ ...call, env: { ...call.env, ...env } })
const net1 = (call: Call) => withEnv(call, { CNI_IFNAME: 'net1' })
const newest = (call: Call) => withConf(call, { cniVersion: '1.1.0' })
const status = newest({ command: 'STATUS' })
const gc = newest({ command: 'GC', conf: { 'cni.dev/valid-attachments': [] } })
const prevResult = JSON.parse(answerIn('1.0.0')) as object

/** What a delegate does for ADD, by what is about it. */
const answers: Readonly<Record<string, string>> = {
  null: 'echo null',
  nothing: 'true',
  'no JSON': 'echo oops',
  'a list': "echo '[]'",
  'a number': 'echo 5',
  'an empty object': "echo '{}'",
  'no version': `echo '{"ips":[{"address":"10.244.1.2/24"}]}'`,
  'an older version': `echo '${answerIn('0.4.0')}'`,
  'the oldest version': `echo '${answerIn('0.1.0')}'`,
  'a newer version': `echo '${answerIn('1.1.0')}'`,
  'an unknown version': `echo '${answerIn('7.0.0')}'`,
  'keys that nobody knows': `echo '{"cniVersion":"1.0.0","ips":[],"other":{"a":1}}'`,
  'an address that is none': `echo '{"cniVersion":"1.0.0","ips":[{"address":"x"}]}'`,
  'an error': `echo '{"code":11,"msg":"later","details":"in an hour"}'; exit 1`,
  'an error without details': `echo '{"code":100,"msg":"no"}'; exit 1`,
  'an error and exit status 0': `echo '{"code":11,"msg":"later"}'`,
  'no JSON for an error': 'echo oops; exit 1',
  'its error on stderr': 'echo no device >&2; exit 1',
  'an exit status alone': 'exit 3',
  'its end by a signal': 'kill -TERM $$',
}

/** The saved configuration in place of what ADD has saved. */
const saved: Readonly<Record<string, string>> = {
  empty: ': > flannel/c1',
  'cut off': 'printf \'{"name":"cb\' > flannel/c1',
  'no object': 'echo 5 > flannel/c1',
  'without a type': 'echo \'{"name":"cbr0"}\' > flannel/c1',
  'with an empty type': 'echo \'{"name":"cbr0","type":""}\' > flannel/c1',
  'of another type': 'echo \'{"name":"cbr0","type":"ipvlan","ipam":{}}\' > flannel/c1',
  'of a type that is not there': 'echo \'{"name":"cbr0","type":"nowhere","ipam":{}}\' > flannel/c1',
  'a folder': 'rm flannel/c1; mkdir flannel/c1',
  removed: 'rm -r flannel',
}

/** A delegate that answers ADD and fails in another command. */
const failing = (command: string) => ({
  bridge: delegate(`case $CNI_COMMAND in
ADD) echo '${answerIn('1.0.0')}' ;;
${command}) echo '{"code":11,"msg":"later"}'; exit 1 ;;
esac`),
})

const rejected: Readonly<Record<string, object>> = {
  'a delegate that is not there': { delegate: { type: 'nowhere' } },
  'a path for a type': { delegate: { type: 'a/b' } },
  'an empty type': { delegate: { type: '' } },
  'a number for a type': { delegate: { type: 5 } },
  'flannel for a type': { delegate: { type: 'flannel' } },
  'a name in delegate': { delegate: { name: 'x' } },
  'routes that are none': { ipam: { routes: 5 } },
  'a list for a delegate': { delegate: [] },
  'a text for an ipam': { ipam: 'x' },
  'an empty subnetFile': { subnetFile: '' },
  'a number for dataDir': { dataDir: 5 },
}

const both = { both: answering('1.0.0') }

const lives: Readonly<Record<string, readonly Step[]>> = {
  'ADD, DEL, DEL': [add, del, del],
  'ADD, CHECK, DEL': [add, withConf(check, { prevResult }), del],
  'DEL with prevResult': [add, withConf(del, { prevResult }), del],
  'ADD twice': [add, withConf(add, { delegate: { mtu: 1 } }), del],
  'two interfaces': [add, net1(add), del, net1(del)],
  'two interfaces in the other order': [add, net1(add), net1(del), del],
  'an interface that is not eth0': [net1(add), net1(del), net1(del)],
  'two containers': [
    add,
    withEnv(add, { CNI_CONTAINERID: 'c2' }),
    del,
    withEnv(del, { CNI_CONTAINERID: 'c2' }),
  ],
  'DEL and CHECK of nothing': [del, check, withConf(check, { prevResult })],
  'DEL without subnet.env': [add, removeEnv, del, del],
  'CHECK without subnet.env': [add, removeEnv, withConf(check, { prevResult })],
  'DEL and CHECK of nothing without subnet.env': [removeEnv, del, check],
  'DEL without a sandbox': [add, withEnv(del, { CNI_NETNS: undefined })],
  'DEL in another version': [add, withConf(del, { cniVersion: '0.3.1' })],
  'DEL with another delegate': [add, withConf(del, { delegate: { type: 'other', mtu: 1 } })],
  'DEL with another runtimeConfig': [add, withConf(del, { runtimeConfig: { a: 1 } })],
  'DEL after subnet.env has changed': [
    add,
    shell('sed -i s/10.244.1.1/10.244.9.1/ subnet.env'),
    del,
  ],
  variables: [
    withEnv(add, { CNI_ARGS: 'A=1;B=2', OTHER: 'x' }),
    withEnv(del, { CNI_ARGS: '', OTHER: 'x' }),
  ],
  STATUS: [status, removeEnv, status],
  VERSION: [{ command: 'VERSION' }],
}

export const flannelCommandCases: readonly Case[] = [
  ...Object.entries(lives).map(([name, steps]) => flannel(name, {}, { steps })),
  // No ADD: it would save in the default folder.
  flannel('DEL with an empty dataDir', { dataDir: '' }, { steps: [del, del] }),
  flannel(
    'GC',
    { cniVersion: '1.1.0' },
    { delegates: { bridge: answering('1.1.0') }, steps: [add, gc, del] },
  ),
  flannel('STATUS with half a subnet.env', {}, { env: 'FLANNEL_MTU=1450\n', steps: [status] }),
  flannel(
    'STATUS of a delegate that is not ready',
    {},
    {
      delegates: { bridge: delegate(`echo '{"code":50,"msg":"no"}'; exit 1`) },
      steps: [status],
    },
  ),
  flannel(
    'a delegate that fails in DEL',
    {},
    { delegates: failing('DEL'), steps: [add, del, del] },
  ),
  flannel(
    'a delegate that fails in CHECK',
    {},
    {
      delegates: failing('CHECK'),
      steps: [add, withConf(check, { prevResult })],
    },
  ),
  flannel(
    'a delegate that cannot be executed',
    { delegate: { type: 'both' } },
    {
      delegates: both,
      steps: [shell('chmod 600 bin/both'), add, del],
    },
  ),
  ...Object.entries(answers).map(([name, script]) =>
    flannel(
      `a delegate that answers with ${name}`,
      {},
      {
        delegates: { bridge: delegate(`[ "$CNI_COMMAND" != ADD ] || { ${script}; }`) },
        steps: [add, del],
      },
    ),
  ),
  ...Object.entries(saved).map(([name, script]) =>
    flannel(
      `a saved configuration that is ${name}`,
      {},
      {
        delegates: { ipvlan: answering('1.0.0') },
        steps: [add, shell(script), del, del],
      },
    ),
  ),
  ...Object.entries(rejected).map(([name, conf]) =>
    flannel(`no ADD works with ${name}`, conf, { env: subnetEnv(), steps: [add, del, del] }),
  ),
]
