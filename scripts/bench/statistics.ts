/** Figures of many measurements: pure. */

/** The least, 50th, 95th and 99th percentiles of what was measured, and how often that was. */
export interface Distribution {
  readonly count: number
  readonly min: number
  readonly p50: number
  readonly p95: number
  readonly p99: number
}

/**
 * The nearest-rank percentile: the least value that `percent` of 100 values do not exceed. Throws
 * when there is no value.
 */
export function percentile(values: readonly number[], percent: number): number {
  const sorted = values.toSorted((a, b) => a - b)
  const value = sorted[Math.max(0, Math.ceil((percent / 100) * sorted.length) - 1)]
  if (value === undefined) throw new Error('no values to take a percentile of')
  return value
}

/** Throws when there is no value. */
export function distribution(values: readonly number[]): Distribution {
  const at = (percent: number) => percentile(values, percent)
  return { count: values.length, min: at(0), p50: at(50), p95: at(95), p99: at(99) }
}

/** The arithmetic mean; NaN of no values. */
export function mean(values: readonly number[]): number {
  return sum(values) / values.length
}

export function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0)
}
