/** nft against the kernel, in a namespace of its own. */
import t from 'tap'
import {
  nftListChain,
  nftListTable,
  nftProblem,
  nftQuote,
  nftRun,
} from '../../../lib/firewall/nft.ts'
import { Tools } from '../../../lib/firewall/node-tool.ts'
import { Netns } from '../../../lib/linux/netns.ts'
import { addNamespace, kernelSkip } from '../../../scripts/lab/node.ts'
import { thrownDetailed } from '../../support/thrown.ts'

const tools = new Tools()
const skip = kernelSkip() || (tools.find('nft') === undefined && 'nft is not installed')

t.test('nft', { skip }, async (t) => {
  using netns = Netns.open(addNamespace(t).netns)
  const inside = <T>(work: () => T) => netns.run(() => ({ value: work() })).value

  t.equal(
    inside(() => nftProblem(tools)),
    undefined,
  )
  t.strictSame(
    inside(() => nftListChain(tools, 'ip', 'cnits', 'a')),
    [],
    'no such table',
  )
  inside(() =>
    nftRun(
      tools,
      'add table ip cnits\nadd chain ip cnits a\nadd rule ip cnits a drop comment "one"\n',
    ),
  )
  t.strictSame(
    inside(() => nftListChain(tools, 'ip', 'cnits', 'b')),
    [],
    'no such chain',
  )
  const [rule, ...others] = inside(() => nftListTable(tools, 'ip', 'cnits'))
  t.match(rule, { chain: 'a', comment: 'one', expr: [{ drop: null }] })
  t.strictSame(others, [])
  t.strictSame(
    inside(() => nftListChain(tools, 'ip', 'cnits', 'a')),
    [rule],
  )

  const error = thrownDetailed(() =>
    inside(() => nftRun(tools, 'add rule ip cnits a accept\nadd rule ip cnits nowhere accept\n')),
  )
  t.match(error.message, /^running \[\S*nft -f -\]: exit status 1: .*No such file or directory/)
  t.equal(
    inside(() => nftListTable(tools, 'ip', 'cnits')).length,
    1,
    'a transaction is all or nothing',
  )
})

t.test('quotes text, without what nft cannot quote', async (t) => {
  t.equal(nftQuote('a "b"\nc'), '"a bc"')
})
