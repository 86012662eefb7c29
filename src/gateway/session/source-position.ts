// PORT: where the source database's write-ahead log stands, for read-your-writes.
import type { Lsn } from '../../kernel/lsn.ts';

export interface SourcePosition {
  /**
   * Which history the LSNs belong to: system identifier and timeline. LSNs of two histories are not compared.
   * Asked at the start and again after each failed `insertLsn`.
   */
  history(): Promise<string>;
  /**
   * `pg_current_wal_insert_lsn()` of the primary: at or behind the end of every transaction that had committed when this
   * was called. Not the write or the flush position: those can lie before such a commit. Rejects when the connection was
   * lost since the last call, so that a fail-over in between is noticed, and when the source does not answer.
   */
  insertLsn(): Promise<Lsn>;
}
