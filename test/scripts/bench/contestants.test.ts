import t from 'tap'
import { fallbackNotes, reference } from '../../../scripts/bench/contestants.ts'

t.test('calls that a server should have answered, and has not', async (t) => {
  const calls = [2e6, 60e6, 55e6].map((peakBytes) => {
    return { status: 0, wallMs: 1, cpuMs: 1, peakBytes, output: '' }
  })
  const resident = { ...reference, name: 'bridge resident', resident: true }
  t.strictSame(fallbackNotes(resident, calls), ['bridge resident: 2 calls not by the server'])
  t.strictSame(fallbackNotes(resident, calls.slice(0, 1)), [])
  t.strictSame(fallbackNotes(reference, calls), [])
})
