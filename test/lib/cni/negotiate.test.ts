import t from 'tap'
import { negotiateVersion } from '../../../lib/cni/negotiate.ts'
import type { PluginCommand } from '../../../lib/cni/plugin.ts'
import { isAtLeast, supportedVersions } from '../../../lib/cni/versions.ts'
import { thrown } from '../../support/thrown.ts'

/** The version that each command came with. */
const since: Readonly<Record<PluginCommand, string>> = {
  ADD: '0.1.0',
  DEL: '0.1.0',
  CHECK: '0.4.0',
  GC: '1.1.0',
  STATUS: '1.1.0',
}
const commands = Object.keys(since) as PluginCommand[] // its very keys

t.test('speaks the version of the configuration, where it has the command', async (t) => {
  for (const command of commands) {
    for (const version of supportedVersions) {
      if (isAtLeast(version, since[command])) {
        t.equal(negotiateVersion(command, version), version)
        continue
      }
      t.strictSame(thrown(() => negotiateVersion(command, version)).toObject(), {
        code: 1,
        msg: `config version does not allow ${command}`,
      })
    }
  }
})

t.test('takes a missing version for 0.1.0', async (t) => {
  t.equal(negotiateVersion('ADD', ''), '0.1.0')
  t.equal(negotiateVersion('DEL', ''), '0.1.0')
  for (const command of ['CHECK', 'GC', 'STATUS'] as const) {
    const error = thrown(() => negotiateVersion(command, ''))
    t.equal(error.message, `config version does not allow ${command}`)
  }
})

t.test('refuses a version that is none of its own', async (t) => {
  const ours = '["0.1.0" "0.2.0" "0.3.0" "0.3.1" "0.4.0" "1.0.0" "1.1.0"]'
  const refused: [command: PluginCommand, version: string][] = [
    ...['1.2.0', '9.9.9', '0.5.0', '1.0', 'abc', '1.1.0 '].flatMap(
      (version): [PluginCommand, string][] => [
        ['ADD', version],
        ['DEL', version],
      ],
    ),
    // Old enough and new enough, but not one of them.
    ['CHECK', '0.4.1'],
    ['CHECK', '0.4'],
    ['GC', '1.1'],
    ['STATUS', '1.1'],
  ]
  for (const [command, version] of refused) {
    t.strictSame(thrown(() => negotiateVersion(command, version)).toObject(), {
      code: 1,
      msg: 'incompatible CNI versions',
      details: `config is "${version}", plugin supports ${ours}`,
    })
  }
})

t.test('refuses what is newer than itself', async (t) => {
  for (const command of ['CHECK', 'GC', 'STATUS'] as const) {
    t.strictSame(thrown(() => negotiateVersion(command, '1.2.0')).toObject(), {
      code: 1,
      msg: `plugin version does not allow ${command}`,
    })
  }
})

t.test('gives code 6 to what is no version, where its age counts', async (t) => {
  for (const command of ['CHECK', 'GC', 'STATUS'] as const) {
    const error = thrown(() => negotiateVersion(command, 'abc'))
    t.equal(error.code, 6)
    t.match(error.message, /^failed to convert major version part "abc"/)
    t.equal(thrown(() => negotiateVersion(command, '1.2.3.4')).code, 6)
  }
})
