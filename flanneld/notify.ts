/** What systemd is told of the agent's state (sd_notify(3)), by the socket that it names. */
import type { Environment } from '../lib/base/environment.ts'
import { errorText } from '../lib/base/errors.ts'
import { sendUnixDatagram } from '../lib/linux/unix-socket.ts'
import type { AgentLog } from './log.ts'

/** None of these throws: who does not listen changes nothing for the network. */
export interface Notifier {
  /** The network is there: systemd starts what is ordered behind the agent. */
  ready(status: string): void
  /** What `systemctl status` shows. */
  status(status: string): void
  stopping(): void
}

/** Tells nobody when the environment has no NOTIFY_SOCKET. Logs what cannot be sent. */
export function createNotifier(env: Environment, log: Pick<AgentLog, 'warn'>): Notifier {
  const socket = env.NOTIFY_SOCKET ?? ''
  const send = (...assignments: string[]) => {
    if (socket === '') return
    try {
      sendUnixDatagram(socket, Buffer.from(assignments.join('\n')))
    } catch (error) {
      const what = assignments.join(' ')
      log.warn(`systemd was not told ${what} on NOTIFY_SOCKET=${socket}: ${errorText(error)}`)
    }
  }
  return {
    ready: (status) => send('READY=1', assignStatus(status)),
    status: (status) => send(assignStatus(status)),
    stopping: () => send('STOPPING=1'),
  }
}

/** A line end would begin another assignment. */
function assignStatus(text: string): string {
  return `STATUS=${text.replaceAll(/\p{Cc}+/gu, ' ')}`
}
