// From messages to whole transactions: what is between BEGIN and COMMIT, with the relations announced on the way.
import { formatLsn, type Lsn } from '../../kernel/lsn.ts';
import type { Change, Relation, SourceTransaction } from '../change.ts';
import type { PgoutputMessage, RelationMessage } from './pgoutput/message.ts';
import { malformed } from './pgoutput/message-reader.ts';

/** Microseconds from 1970 to 2000, where PostgreSQL's clock starts. */
const POSTGRES_EPOCH_US = 946_684_800_000_000n;
const IDENTITY = { d: 'default', n: 'nothing', f: 'full', i: 'index' } as const;

interface Open {
  readonly xid: number;
  readonly changes: Change[];
  origin: string | undefined;
}

export class TransactionAssembler {
  readonly #relations = new Map<
    number,
    { readonly text: string; readonly relation: Relation; readonly count: number }
  >();
  #announced: Relation[] = [];
  #open: Open | undefined;

  get isInTransaction(): boolean {
    return this.#open !== undefined;
  }

  /** A transaction that nobody keeps: the relations that it announced come with the next one. */
  passOver({ relations }: SourceTransaction): void {
    this.#announced = [...relations, ...this.#announced];
  }

  /** Takes the next message; answers the transaction that it completes. */
  take(message: PgoutputMessage): SourceTransaction | undefined {
    switch (message.type) {
      case 'begin':
        this.#open = { xid: message.xid, changes: [], origin: undefined };
        return undefined;
      case 'commit':
        return this.#commit(message);
      case 'relation':
        this.#announce(message);
        return undefined;
      case 'origin':
        this.#transaction().origin = message.name;
        return undefined;
      case 'type':
        return undefined;
      case 'message':
        // A non-transactional message survives a rollback, so nothing may rest on it.
        if (message.isTransactional && message.prefix.startsWith('banyan')) {
          this.#transaction().changes.push({
            op: 'message',
            prefix: message.prefix,
            content: message.content,
          });
        }
        return undefined;
      default:
        this.#transaction().changes.push(this.#change(message));
        return undefined;
    }
  }

  #change(message: PgoutputMessage & { readonly type: 'insert' | 'update' | 'delete' | 'truncate' }): Change {
    switch (message.type) {
      case 'insert':
        return { op: 'insert', relation: this.#relationId(message.oid), row: message.row };
      case 'update': {
        const change = { op: 'update', relation: this.#relationId(message.oid), row: message.row } as const;
        return message.old ? { ...change, old: message.old } : change;
      }
      case 'delete':
        return { op: 'delete', relation: this.#relationId(message.oid), old: message.old };
      case 'truncate':
        return { op: 'truncate', relations: message.oids.map((oid) => this.#relationId(oid)) };
    }
  }

  #commit(message: {
    readonly commitLsn: Lsn;
    readonly endLsn: Lsn;
    readonly committedAt: bigint;
  }): SourceTransaction {
    const { xid, changes, origin } = this.#transaction();
    const relations = this.#announced;
    this.#announced = [];
    this.#open = undefined;
    return {
      xid,
      commitLsn: formatLsn(message.commitLsn),
      endLsn: formatLsn(message.endLsn),
      committedAt: new Date(Number((message.committedAt + POSTGRES_EPOCH_US) / 1_000n)).toISOString(),
      ...(origin === undefined ? {} : { origin }),
      relations,
      changes,
    };
  }

  /** The server announces a relation anew for many reasons; only a shape that differs is a new version. */
  #announce(message: RelationMessage): void {
    const { oid, schema, table, columns } = message;
    const replicaIdentity = IDENTITY[message.replicaIdentity as keyof typeof IDENTITY];
    if (!replicaIdentity) throw malformed(`the replica identity is "${message.replicaIdentity}"`);
    const text = JSON.stringify([schema, table, replicaIdentity, columns]);
    const known = this.#relations.get(oid);
    if (known?.text === text) return;
    const count = (known?.count ?? 0) + 1;
    const relation: Relation = { id: `${oid}.${count}`, schema, table, replicaIdentity, columns };
    this.#relations.set(oid, { text, relation, count });
    this.#announced.push(relation);
  }

  #relationId(oid: number): string {
    const known = this.#relations.get(oid);
    if (!known) throw malformed(`a change names the relation ${oid}, which was not announced`);
    return known.relation.id;
  }

  #transaction(): Open {
    if (!this.#open) throw malformed('a change stands outside a transaction');
    return this.#open;
  }
}
