/**
 * Pods that come and go, some without DEL, on a disk that is spoiled and a node that starts anew:
 * no pod that lives shares its address, and none waits while an address of a dead one is left.
 */
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readlinkSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import fc, { type Arbitrary } from 'fast-check'
import t from 'tap'
import { hostLocal } from '../../../ipam/host-local/index.ts'
import { CniError } from '../../../lib/cni/errors.ts'
import { formatIp } from '../../../lib/ip/ip.ts'
import { contextOf, requestOf } from '../../support/request.ts'

/** How many addresses there are for pods. */
const room = 5

interface Step {
  readonly kind: 'add' | 'del' | 'vanish' | 'garble' | 'leave' | 'reboot' | 'gc'
  readonly pod: number
}

/** What happens: mostly ADDs, and more pods than there are addresses. */
const steps: Arbitrary<Step[]> = fc.array(
  fc.record({
    kind: fc.constantFrom(
      ...(['add', 'add', 'add', 'add', 'del', 'vanish', 'vanish'] as const),
      ...(['garble', 'leave', 'reboot', 'gc'] as const),
    ),
    pod: fc.nat(9),
  }),
  { minLength: 20, maxLength: 60, size: 'max' },
)

/** A node, and what is known of its pods from outside. */
class Machine {
  readonly #dir: string
  readonly #folder: string
  readonly #conf: object
  readonly #context = contextOf({ now: () => Date.now() })
  /** The address of each pod that lives. */
  readonly #living = new Map<number, string>()
  /** The addresses that pods had which are gone, and nobody released. */
  readonly #leaked = new Map<number, string>()

  constructor(dir: string) {
    rmSync(dir, { recursive: true, force: true })
    mkdirSync(join(dir, 'netns'), { recursive: true })
    this.#dir = dir
    this.#folder = join(dir, 'net1')
    this.#conf = { ipam: { dataDir: dir, subnet: '10.1.2.0/29' } }
  }

  take({ kind, pod }: Step): void {
    this[kind](pod)
  }

  add(pod: number): void {
    if (this.#living.has(pod) || this.#leaked.has(pod)) return // a runtime calls DEL first
    const taken = this.#living.size
    writeFileSync(this.#netns(pod), '')
    try {
      const [first] = hostLocal.add(this.#request('ADD', pod), this.#context).ips
      const address = first === undefined ? '' : formatIp(first.address.ip)
      const owner = [...this.#living].find(([, other]) => other === address)
      if (owner !== undefined) throw new Error(`${address} of pod ${owner[0]}, which lives`)
      this.#living.set(pod, address)
      for (const [old, leaked] of this.#leaked) if (leaked === address) this.#leaked.delete(old)
    } catch (error) {
      if (!(error instanceof CniError) || taken < room) throw error
      rmSync(this.#netns(pod))
    }
  }

  del(pod: number): void {
    hostLocal.del(this.#request('DEL', pod), this.#context)
    rmSync(this.#netns(pod), { force: true })
    this.#living.delete(pod)
    this.#leaked.delete(pod)
  }

  /** The pod goes, and nobody calls DEL. */
  vanish(pod: number): void {
    const address = this.#living.get(pod)
    if (address === undefined) return
    rmSync(this.#netns(pod))
    this.#living.delete(pod)
    this.#leaked.set(pod, address)
  }

  /** The file of a pod that is gone is empty. */
  garble(pod: number): void {
    const address = this.#leaked.get(pod)
    const path = join(this.#folder, address ?? '')
    if (address !== undefined && existsSync(path)) writeFileSync(path, '')
  }

  /** A call that was killed has left its files. */
  leave(pod: number): void {
    mkdirSync(join(this.#folder, 'lock.lock'), { recursive: true })
    writeFileSync(join(this.#folder, `.new-${pod}`), 'c')
  }

  reboot(): void {
    for (const pod of [...this.#living.keys()]) this.vanish(pod)
    if (!existsSync(this.#folder)) return
    for (const name of readdirSync(this.#folder).filter((name) => name.includes(' '))) {
      const path = join(this.#folder, name)
      const target = readlinkSync(path).replace(/"bootId":"[^"]*"/, '"bootId":"another"')
      rmSync(path)
      symlinkSync(target, path)
    }
  }

  gc(): void {
    const valid = [...this.#living.keys()].map((pod) => ({
      containerID: `c${pod}`,
      ifname: 'eth0',
    }))
    const conf = { ...this.#conf, 'cni.dev/valid-attachments': valid }
    hostLocal.gc?.(requestOf({ command: 'GC', conf }), this.#context)
    this.#leaked.clear()
    if (!existsSync(this.#folder)) return
    const held = readdirSync(this.#folder).filter((name) => /^\d/.test(name))
    const wanted = [...this.#living.values()].sort()
    if (held.sort().join() !== wanted.join()) throw new Error(`GC left ${held.join()}`)
  }

  #netns(pod: number): string {
    return join(this.#dir, 'netns', `c${pod}`)
  }

  #request(command: 'ADD' | 'DEL', pod: number) {
    const names = { containerId: `c${pod}`, netns: this.#netns(pod) }
    return requestOf({ command, ...names, conf: this.#conf })
  }
}

t.test('no address is shared, and none is lost', async (t) => {
  const dir = t.testdir()
  const holds = fc.property(steps, (all) => {
    const machine = new Machine(dir)
    for (const step of all) machine.take(step)
  })
  t.doesNotThrow(() => fc.assert(holds, { numRuns: 100 }))
})
