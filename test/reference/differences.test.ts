/** The comparison itself: nothing that differs gets by without a row that says exactly that. */
import t from 'tap'
import { explain, readDifferences, type Row, showingCase } from './differences.ts'
import { macOfLinkLocal, Names } from './names.ts'
import { cases } from './parts.ts'
import { compareReplies, replyOf } from './reply.ts'
import { compareTrees, toTree } from './tree.ts'

const table = `# Differences

| Row | Field | Go | Ours | Reason |
| --- | ----- | -- | ---- | ------ |
| not | \`in\` | \`a\` | \`section\` | at all |

## In every case

| Row   | Field                | Go       | Ours            | Reason |
| ----- | -------------------- | -------- | --------------- | ------ |
| queue | \`* link * txqlen\`  | \`absent\` | \`1000\`      | Why.   |

## In the cases that name the row: ours are better

| Row         | Field         | Go    | Ours              | Reason |
| ----------- | ------------- | ----- | ----------------- | ------ |
| code        | \`error code\`  | \`999\` | \`/[47]/\`          | Why.   |
| group/text  | \`error msg\`   | \`x\`   | \`/(a\\|b) c/\`      | Why.   |
| group/other | \`node link *\` | \`present\` | \`absent\`    | Why.   |
`
const rows = readDifferences(table)

t.test('the rows of the table', async (t) => {
  t.strictSame(
    rows.map(({ id, named }) => [id, named]),
    [
      ['queue', false],
      ['code', true],
      ['group/text', true],
      ['group/other', true],
    ],
  )
  t.equal(rows[2]?.ours, '/(a|b) c/')
  for (const line of ['| a | `b` | `c` | `d` |  |', '| a | `b` | `c` | `d` |']) {
    t.throws(() => readDifferences(`## In every case\n${line}\n`), /no row/, 'without a reason')
  }
  t.throws(() => readDifferences(`${table}| code | \`x\` | | | y |\n`), /two rows code/)
})

t.test('the real table gives a reason for every row, and a case shows it', async (t) => {
  for (const row of readDifferences()) {
    t.not(row.reason, '', row.id)
    t.doesNotThrow(() => showingCase(row, cases), row.id)
  }
})

t.test('there are many cases, and each has a name of its own', async (t) => {
  const names = cases.map(({ name }) => name)
  t.equal(new Set(names).size, names.length)
  t.ok(names.length >= 400, `${names.length} cases`)
})

t.test('the case that must show a row', async (t) => {
  const named = (...differs: string[]) => ({ name: 'x', plugin: 'x', conf: {}, steps: [], differs })
  const [other, group, exact] = [named('code'), named('group'), named('group/text')]
  const [, , text, rest] = rows as [Row, Row, Row, Row] // of the table above
  t.equal(showingCase(text, [other, group, exact]), exact)
  t.equal(showingCase(rest, [other, group, exact]), group)
  t.throws(() => showingCase(rest, [other, exact]), /no case has the row group\/other/)
})

const explained: [field: string, go: string, ours: string, names: string[], row?: string][] = [
  ['pod link eth0 txqlen', 'absent', '1000', [], 'queue'],
  ['pod link eth0 txqlen', 'absent', '500', []],
  ['pod link eth0 txqlen', '0', '1000', []],
  ['pod link eth0 port txqlen', 'absent', '1000', []],
  ['error code', '999', '7', ['code'], 'code'],
  ['error code', '999', '7', []],
  ['error code', '999', '7', ['group']],
  ['error code', '999', '74', ['code']],
  ['error msg', 'x', 'b c', ['group'], 'group/text'],
  ['error msg', 'x', 'b c', ['group/text'], 'group/text'],
  ['error msg', 'x', 'b c', ['group/other']],
  ['node link cni0', 'present', 'absent', ['group'], 'group/other'],
  ['node link cni0 mtu', 'present', 'absent', ['group']],
]

t.test('a row explains its field and its values alone, and only where it holds', async (t) => {
  for (const [field, go, ours, names, row] of explained) {
    t.equal(explain({ field, go, ours }, rows, names)?.id, row, `${field} ${go} ${ours} ${names}`)
  }
})

t.test('where trees differ', async (t) => {
  const tree = toTree({ a: [1, { b: null }], c: {}, d: [] })
  t.strictSame(compareTrees(tree, toTree({ a: [1, { b: null }], c: {}, d: [] })), [])
  t.strictSame(compareTrees(tree, toTree({ a: [2, 'x\ny'], c: [], e: { f: { g: 1 } } })), [
    { field: 'a 0', go: '1', ours: '2' },
    { field: 'a 1', go: 'present', ours: 'x\\ny' },
    { field: 'c', go: '{}', ours: '[]' },
    { field: 'd', go: '[]', ours: 'absent' },
    { field: 'e', go: 'absent', ours: 'present' },
  ])
})

t.test('where replies differ', async (t) => {
  const of = (code: number, stdout: string) => replyOf({ code, stdout })
  const error = of(1, '{"code":7,"msg":"a\\nb"}')
  const nothing = of(0, '')
  t.strictSame(compareReplies(error, nothing), [
    { field: 'reply', go: 'error 7: a\\nb', ours: 'nothing' },
  ])
  t.strictSame(compareReplies(of(2, ''), nothing), [
    { field: 'reply', go: 'exit status 2', ours: 'nothing' },
  ])
  t.strictSame(compareReplies(error, of(1, '{"code":9,"msg":"a\\nb"}')), [
    { field: 'error code', go: '7', ours: '9' },
  ])
  t.strictSame(compareReplies(of(0, '{"a":1,"b":2}'), of(0, '{"b":2,"a":1}')), [
    { field: 'keys', go: 'a b', ours: 'b a' },
  ])
  t.strictSame(compareReplies(of(0, '{\n  "a":1}'), of(0, '{"a":1}\n')), [
    { field: 'layout', go: '2 blanks, no newline', ours: '0 blanks, newline at the end' },
  ])
})

t.test('names in place of what is random', async (t) => {
  const names = new Names([['/tmp/x', '$DIR']], 'mac: 0a:00:00:00:00:01')
  const veth = { ifname: 'veth0a1b2c3d', address: '02:00:00:00:00:07' }
  names.learn('node', [{ ifname: 'cni0', address: '0e:00:00:00:00:02' }, veth])
  names.learn('pod', [{ ifname: 'eth0', address: '0a:00:00:00:00:01' }])
  for (const [text, wanted] of [
    ['/tmp/x/y', '$DIR/y'],
    ['veth0a1b2c3d', 'veth1'],
    ['vethffffffff', 'veth?'],
    ['0e:00:00:00:00:02', 'mac:node/cni0'],
    ['02:00:00:00:00:07', 'mac:node/veth1'],
    ['0a:00:00:00:00:01', '0a:00:00:00:00:01'],
    ['0a:00:00:00:00:02', 'mac?'],
    ['fe80::c00:ff:fe00:2/64', 'fe80::mac:node/cni0/64'],
    ['fd00::2', 'fd00::2'],
  ] as const) {
    t.equal(names.apply(text), wanted)
  }
  names.learn('node', [])
  names.learn('node', [{ ...veth, address: '02:00:00:00:00:08' }])
  t.equal(names.apply('veth0a1b2c3d 02:00:00:00:00:08'), 'veth2 mac:node/veth2', 'another one')
  t.equal(macOfLinkLocal('fe80::38ff:feef:6665'), '02:00:38:ef:66:65')
  t.equal(macOfLinkLocal('fe80::1'), undefined)
})
