import t from 'tap'
import { describeHolders, flockHolders } from '../../../ipam/host-local/lock-holder.ts'

const locks = `1: POSIX  ADVISORY  WRITE 300 fd:00:13107 0 EOF
2: FLOCK  ADVISORY  WRITE 708 fd:00:13107 0 EOF
2: -> FLOCK  ADVISORY  WRITE 709 fd:00:13107 0 EOF
3: FLOCK  ADVISORY  READ  800 00:1a:131070 0 EOF
4: FLOCK  ADVISORY  WRITE 0 fd:00:42 0 EOF
`

t.test('finds who holds, and not who waits', async (t) => {
  t.strictSame(flockHolders(locks, 13107), [708])
  t.strictSame(flockHolders(locks, 131070), [800])
  t.strictSame(flockHolders(locks, 1), [])
})

t.test('says so when it cannot tell', async (t) => {
  t.equal(
    describeHolders(import.meta.filename),
    'a process that is not visible here, in a container or on another machine',
  )
  t.match(describeHolders('/nonexistent/lock'), /^an unknown process \(.*no such file/)
})
