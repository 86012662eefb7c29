// Structured logs (pino) on stderr, so that stdout stays for data. Row values and credentials never go in here.
import { type Logger, pino } from 'pino';

export type Log = Logger;

export function createLog(role: string, level: string = process.env.BANYAN_LOG_LEVEL ?? 'info'): Log {
  return pino(
    { name: role, level, base: { role, pid: process.pid } },
    pino.destination({ dest: 2, sync: true }),
  );
}

/** For tests and libraries that were handed none. */
export const silentLog: Log = pino({ level: 'silent' });
