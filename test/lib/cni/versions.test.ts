import fc from 'fast-check'
import t from 'tap'
import {
  currentVersion,
  defaultVersion,
  isAtLeast,
  isSupported,
  parseVersion,
  supportedVersions,
} from '../../../lib/cni/versions.ts'
import { thrown } from '../../support/thrown.ts'

t.test('speaks every version, oldest first', async (t) => {
  const all = ['0.1.0', '0.2.0', '0.3.0', '0.3.1', '0.4.0', '1.0.0', '1.1.0']
  t.strictSame(supportedVersions, all)
  t.equal(currentVersion, all.at(-1))
  t.equal(defaultVersion, all[0])
  for (const version of all) t.ok(isSupported(version))
  for (const version of ['', '1.1', '1.1.0 ', '1.2.0', '01.1.0']) t.notOk(isSupported(version))
})

const parsed: [text: string, want: readonly [number, number, number]][] = [
  ['1.2.3', [1, 2, 3]],
  ['1.1', [1, 1, 0]],
  ['7', [7, 0, 0]],
  ['', [0, 1, 0]],
  ['0.0.0', [0, 0, 0]],
  ['1.02.3', [1, 2, 3]],
]

t.test('parses one to three numbers', async (t) => {
  for (const [text, want] of parsed) t.strictSame(parseVersion(text), want, text)
})

const notANumber = (name: string, part: string) =>
  `failed to convert ${name} version part "${part}": ` +
  `strconv.Atoi: parsing "${part}": invalid syntax`

const malformed: [text: string, msg: string][] = [
  ['abc', notANumber('major', 'abc')],
  ['asdf.', notANumber('major', 'asdf')],
  ['.x', notANumber('major', '')],
  ['0.', notANumber('minor', '')],
  ['..', notANumber('major', '')],
  ['1.0.f', notANumber('micro', 'f')],
  ['1.0.0-rc1', notANumber('micro', '0-rc1')],
  [' 1.0.0', notANumber('major', ' 1')],
  ['1.2.3.4', 'invalid version "1.2.3.4": too many parts'],
  ['1.2.3.4.5', 'invalid version "1.2.3.4.5": too many parts'],
]

t.test('says which part is no number', async (t) => {
  for (const [text, msg] of malformed) {
    const error = thrown(() => parseVersion(text))
    t.equal(error.message, msg)
    t.match(error, { code: 6, details: 'cniVersion must be one of 0.1.0,' })
  }
})

const ordered: [newer: string, older: string][] = [
  ['1.2.34', '1.2.14'],
  ['2.5.4', '2.4.4'],
  ['0.4.0', '0.3.1'],
  ['1.0.0', '0.99.99'],
  ['1.1', '1.0.9'],
  ['0.2', ''],
]

t.test('compares them as numbers', async (t) => {
  for (const [newer, older] of ordered) {
    t.ok(isAtLeast(newer, older))
    t.notOk(isAtLeast(older, newer))
    t.ok(isAtLeast(newer, newer))
  }
  t.ok(isAtLeast('1.1', '1.1.0'))
  t.ok(isAtLeast('', '0.1.0'))
  for (const bad of ['asdf.', '.x', '0.', '..', '1.2.3.4.5']) {
    t.equal(thrown(() => isAtLeast(bad, '0.4.0')).code, 6)
    t.equal(thrown(() => isAtLeast('0.4.0', bad)).code, 6)
  }
})

t.test('has an order', async (t) => {
  const version = fc.array(fc.nat(20), { minLength: 1, maxLength: 3 }).map((n) => n.join('.'))
  const total = fc.property(version, version, version, (a, b, c) => {
    const same = isAtLeast(a, b) && isAtLeast(b, a)
    return (
      (isAtLeast(a, b) || isAtLeast(b, a)) &&
      (!(isAtLeast(a, b) && isAtLeast(b, c)) || isAtLeast(a, c)) &&
      same === (parseVersion(a).join() === parseVersion(b).join())
    )
  })
  t.doesNotThrow(() => fc.assert(total))
})
