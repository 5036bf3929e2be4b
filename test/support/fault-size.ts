/** How many faults are tried: all of them in `make test-faults`, a sample without CNI_FAULTS=full. */

const isFull = process.env['CNI_FAULTS'] === 'full'

/** The first value in the full size, the second one else. */
export function sized<T>(full: T, reduced: T): T {
  return isFull ? full : reduced
}

/** All of the list in the full size, else about `count` of it, evenly spread and with the last. */
export function sample<T>(list: readonly T[], count: number): T[] {
  const step = sized(1, Math.max(1, Math.floor(list.length / count)))
  return list.filter((_, index) => (list.length - 1 - index) % step === 0)
}
