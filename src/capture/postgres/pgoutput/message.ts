// The messages of logical streaming replication, protocol version 1, as PostgreSQL's manual lists them
// (protocol-logicalrep-message-formats). Values are text; transaction ids and OIDs are unsigned.
import type { Lsn } from '../../../kernel/lsn.ts';
import type { CapturedRow } from '../../change.ts';

export type PgoutputMessage =
  | { readonly type: 'begin'; readonly finalLsn: Lsn; readonly committedAt: bigint; readonly xid: number }
  | { readonly type: 'commit'; readonly commitLsn: Lsn; readonly endLsn: Lsn; readonly committedAt: bigint }
  | RelationMessage
  | { readonly type: 'insert'; readonly oid: number; readonly row: CapturedRow }
  | {
      readonly type: 'update';
      readonly oid: number;
      readonly row: CapturedRow;
      readonly old: CapturedRow | undefined;
    }
  | { readonly type: 'delete'; readonly oid: number; readonly old: CapturedRow }
  | { readonly type: 'truncate'; readonly oids: readonly number[] }
  | {
      readonly type: 'message';
      readonly isTransactional: boolean;
      readonly lsn: Lsn;
      readonly prefix: string;
      readonly content: string;
    }
  | { readonly type: 'origin'; readonly name: string }
  /** `Y`, the name of a type: nothing here needs it. */
  | { readonly type: 'type' };

export interface RelationMessage {
  readonly type: 'relation';
  readonly oid: number;
  readonly schema: string;
  readonly table: string;
  /** `d` default, `n` nothing, `f` full, `i` index. */
  readonly replicaIdentity: string;
  readonly columns: readonly { readonly name: string; readonly typeOid: number; readonly isKey: boolean }[];
}
