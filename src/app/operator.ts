// What a person (through the command line) or the example may do to a running system: the migration's moves, backfill,
// verification, rebuild, parked work, and a look at everything.
import type { BackfillProgress } from '../backfill/backfill.ts';
import type { Finding } from '../capture/postgres/doctor.ts';
import type { Domain } from '../domain/domain.ts';
import type { Migration } from '../migration/migration.ts';
import type { MigrationPlan, MoveOptions, MoveResult } from '../migration/move.ts';
import type { Direction, MoveRequest } from '../migration/transition.ts';
import type { ParkedStream } from '../projection/read-store.ts';
import type { VerificationReport } from '../verification/verify.ts';
import type { Config } from './config.ts';
import type { ParkedItem, SystemStatus } from './system-status.ts';

export type { MigrationPlan, MoveResult };

export type MoveAsked = Omit<MoveOptions, 'by' | 'onProgress'> & {
  readonly onProgress?: CopyOptions['onProgress'];
};
export type CopyOptions = {
  readonly signal: AbortSignal;
  readonly rowsPerSecond?: number;
  readonly onProgress?: (progress: BackfillProgress & { readonly label: string }) => void;
};

export interface Operator extends AsyncDisposable {
  readonly config: Config;
  /** Rejects with DOMAIN_UNKNOWN. */
  domain(name: string): Domain;
  status(): Promise<SystemStatus>;
  migration(name: string): Promise<Migration>;
  doctor(): Promise<readonly Finding[]>;
  plan(name: string, direction: Direction, request: MoveRequest): Promise<MigrationPlan>;
  promote(name: string, options: MoveAsked): Promise<MoveResult>;
  rollback(name: string, options: MoveAsked): Promise<MoveResult>;
  /** Goes on with a copy that was interrupted; of a table that is copied already, makes a new one that mends what differs. */
  backfill(
    name: string,
    options: CopyOptions,
  ): Promise<{ readonly domain: string; readonly rows: number; readonly tables: readonly string[] }>;
  verify(
    name: string,
    options: { readonly signal: AbortSignal; readonly onProgress?: (text: string) => void },
  ): Promise<VerificationReport>;
  rebuild(
    name: string,
    options: {
      readonly signal: AbortSignal;
      readonly timeoutMs: number;
      readonly onProgress?: (progress: BackfillProgress & { readonly label: string }) => void;
    },
  ): Promise<{ readonly domain: string; readonly position: number; readonly seconds: number }>;
  /** Everything that waits, of all domains or of one. */
  parked(name?: string): Promise<readonly ParkedItem[]>;
  /** Rejects with TRANSITION_REFUSED when it is not parked, as the two below. */
  parkedStream(name: string, stream: string): Promise<ParkedStream>;
  /** Answers what is parked still. */
  retryParked(
    name: string,
    stream: string | undefined,
    signal: AbortSignal,
  ): Promise<readonly ParkedStream[]>;
  /** Answers the event that was left out. */
  skipParked(name: string, stream: string, signal: AbortSignal): Promise<ParkedStream>;
}
