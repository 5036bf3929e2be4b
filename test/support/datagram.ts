/** Readers of Unix datagrams, such as systemd is one: by perl, as Node has no such sockets. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import type { Scope } from '../../scripts/lab/node.ts'
import { missingProgram } from '../../scripts/lab/run.ts'

const program = `
  use Socket;
  $| = 1;
  my $address = $ARGV[0] =~ s/^@/\\0/r;
  socket(my $socket, AF_UNIX, SOCK_DGRAM, 0) or die "socket: $!";
  bind($socket, pack_sockaddr_un($address)) or die "bind: $!";
  print "bound\\n";
  while (defined recv($socket, my $datagram, 65536, 0)) { print unpack("H*", $datagram), "\\n" }
`

/** A path in a folder that is removed with the scope: a socket's must be shorter than a clone's may be. */
export function socketPath(scope: Scope, name: string): string {
  const folder = mkdtempSync(join(tmpdir(), `cnits-${process.pid}-`))
  scope.teardown(() => rmSync(folder, { recursive: true }))
  return join(folder, name)
}

export interface DatagramReader extends AsyncDisposable {
  /** The next datagrams, as text; waits until so many have come. */
  read(count: number): Promise<string[]>
}

/** Why there can be none here, for the `skip` option of `t.test`; false when there can. */
export function readerSkip(): string | false {
  return missingProgram('perl')
}

/** Binds a reader to the path, or behind `@` to the name; it ends when it is disposed of. */
export async function datagramReader(address: string): Promise<DatagramReader> {
  const child = spawn('perl', ['-e', program, address], { stdio: ['ignore', 'pipe', 'inherit'] })
  const closed = once(child, 'close')
  const lines = createInterface(child.stdout)[Symbol.asyncIterator]()
  const next = async () => {
    const { value, done } = await lines.next()
    if (done) throw new Error(`the reader of ${address} has ended`)
    return value
  }
  await next()
  return {
    async read(count) {
      const found: string[] = []
      while (found.length < count) found.push(Buffer.from(await next(), 'hex').toString())
      return found
    },
    async [Symbol.asyncDispose]() {
      child.kill()
      await closed
    },
  }
}
