/** What a call at level `trace` says when it ends: its stages, and what each took. */
import { createLog, type LogLevel } from '../base/log.ts'
import { isRecorded, type Stage, StageRecorder } from '../base/stage.ts'
import type { Host } from './host.ts'

/** The trace of one call, which says nothing unless the level asks for it. */
export class Trace implements Disposable {
  readonly #prefix: string
  readonly #host: Host
  readonly #createdMs: number
  #before: Stage[] = []
  #recorder: StageRecorder | undefined

  /** `prefix` is that of the lines; they go to stderr of the host. */
  constructor(prefix: string, host: Host) {
    this.#prefix = prefix
    this.#host = host
    this.#createdMs = host.elapsed()
  }

  /**
   * Records from here on at level `trace`, and takes what the call has done until then for a stage
   * with the name `before`. At any other level nothing is recorded, and what was is dropped. When a
   * trace records that this call is a part of, its stages are in that one.
   */
  follow(level: LogLevel, before?: string): void {
    if (level !== 'trace') this.#stop()
    else if (!isRecorded()) this.#begin(before)
  }

  #begin(before: string | undefined): void {
    const tookMs = this.#host.elapsed() - this.#createdMs
    if (before !== undefined) {
      this.#before = [{ name: before, depth: 0, beginMs: this.#createdMs, tookMs }]
    }
    this.#recorder = new StageRecorder(() => this.#host.elapsed())
  }

  /** Stops recording; what was recorded. */
  #stop(): readonly Stage[] | undefined {
    const recorder = this.#recorder
    recorder?.[Symbol.dispose]()
    this.#recorder = undefined
    return recorder?.stages()
  }

  /** Stops recording, and writes a line for each stage. */
  [Symbol.dispose](): void {
    const recorded = this.#stop()
    if (recorded === undefined) return
    const stages = [...this.#host.startStages(), ...this.#before, ...recorded]
    let text = ''
    const log = createLog(this.#prefix, 'trace', (line) => (text += line))
    for (const line of formatStages(stages)) log.debug(line)
    this.#host.writeStderr(text)
  }
}

/** A line for each stage, its times counted from the first one; what is within another is indented. */
export function formatStages(stages: readonly Stage[]): string[] {
  const originMs = stages[0]?.beginMs ?? 0
  return stages.map(({ name, depth, beginMs, tookMs }) => {
    const times = `at ${formatMs(beginMs - originMs)} ms took ${formatMs(tookMs)} ms`
    return `${times}: ${'  '.repeat(depth)}${name}`
  })
}

function formatMs(ms: number): string {
  return ms.toFixed(2).padStart(7)
}
