// Where a domain stands on its way out of the monolith. Every move is one `StageChanged` event in the log's own
// `migration` category (stream `migration-<domain>`); whoever needs the stages folds those events.

export type Stage = 'mapped' | 'capturing' | 'backfilled' | 'shadowing' | 'reading';

/** What holds while a domain is in a stage. In all of them the monolith owns the writes. */
export const STAGE_MEANING: { readonly [S in Stage]: string } = {
  mapped: 'its tables, events and routes are described in the config; nothing is captured',
  capturing: 'its tables are in the publication and fenced: every later change reaches the change log',
  backfilled: 'every row that was there before is an event too; projections follow the log',
  shadowing: 'the monolith answers; a sample of its queries is also sent to the service and compared',
  reading:
    'a share of the sessions get their queries answered by the service; the monolith answers when it cannot',
};

export const STAGES = Object.keys(STAGE_MEANING) as readonly Stage[];

/** What the gateway needs to know of a domain: the fold of its migration stream. */
export interface DomainRoute {
  readonly stage: Stage;
  /** Share of sessions whose queries go to the service, 0 to 100; 0 outside `reading`. */
  readonly percent: number;
  /** Number of ownership changes so far; part of every read-your-writes token. */
  readonly epoch: number;
  /** Version of the migration stream this was folded from. */
  readonly revision: number;
}

export const INITIAL_ROUTE: DomainRoute = { stage: 'mapped', percent: 0, epoch: 0, revision: 0 };

/** Data of the one event that moves a domain. Stored for ever. */
export interface StageChanged {
  readonly domain: string;
  readonly from: Stage;
  readonly to: Stage;
  readonly percent: number;
  readonly direction: 'promote' | 'rollback';
  readonly by: string;
  readonly reason: string | null;
  /** What was measured when the move was decided; empty for a rollback. */
  readonly gates: readonly GateResult[];
}

export type GateVerdict = 'pass' | 'fail' | 'not-enough-data';

export interface GateResult {
  readonly gate: string;
  readonly verdict: GateVerdict;
  /** For a person, with the unit and the limit beside the value: `0.4 s, limit 2 s`. */
  readonly measured: string;
  /** ISO 8601. When the measurement was made, not when the gate was asked. */
  readonly measuredAt: string;
  /** The command that mends it, where there is one. */
  readonly remedy?: string;
}
