// Read snapshots of a store: a bounded number of read-only connections, each inside one transaction while it is lent out,
// so that the frontier and every row a query reads are of one moment.
import { DatabaseSync, type SQLInputValue, type StatementSync } from 'node:sqlite';
import type { Projection, Row } from '../../domain/domain.ts';
import type { StoreSnapshot } from '../read-store.ts';
import { readCheckpoint } from './checkpoint-row.ts';
import { fromSql, keyValues, loadSql, pageSql } from './store-tables.ts';

const STATEMENTS_MAX = 200;

export class SnapshotPool implements AsyncDisposable {
  readonly #path: string;
  readonly #projection: Projection;
  readonly #size: number;
  readonly #idle: Connection[] = [];
  #open = 0;
  #waiting: (() => void)[] = [];
  #isClosed = false;

  constructor(path: string, projection: Projection, size: number) {
    this.#path = path;
    this.#projection = projection;
    this.#size = size;
  }

  async open(): Promise<StoreSnapshot> {
    while (this.#open >= this.#size) await new Promise<void>((done) => this.#waiting.push(done));
    this.#open += 1;
    try {
      const connection = this.#idle.pop() ?? new Connection(this.#path);
      return connection.begin(this.#projection, () => {
        if (this.#isClosed) connection.database.close();
        else this.#idle.push(connection);
        this.#makeRoom();
      });
    } catch (error) {
      this.#makeRoom();
      throw error;
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isClosed = true;
    for (const { database } of this.#idle.splice(0)) database.close();
    // Snapshots that are lent out close their connection when they are given back.
  }

  #makeRoom(): void {
    this.#open -= 1;
    this.#waiting.shift()?.();
  }
}

class Connection {
  readonly database: DatabaseSync;
  readonly #statements = new Map<string, StatementSync>();

  constructor(path: string) {
    this.database = new DatabaseSync(path, { readOnly: true, timeout: 5_000 });
  }

  begin(projection: Projection, giveBack: () => void): StoreSnapshot {
    this.database.exec('BEGIN');
    // The first read takes the snapshot: from here on everything is of this moment.
    const checkpoint = readCheckpoint(this.database);
    let isOpen = true;
    return {
      position: checkpoint?.position ?? 0,
      frontier: checkpoint?.frontier ?? {},
      read: {
        get: async (name, key) => {
          const table = projection.tables[name]!;
          const found = this.#statement(loadSql(name, table)).get(...keyValues(table, key));
          return found && fromSql(table.columns, found);
        },
        all: async (sql, parameters = [], columns) => {
          const rows = this.#statement(numbered(sql)).all(...(parameters as SQLInputValue[])) as Row[];
          return columns ? rows.map((row) => fromSql(columns, row)) : rows;
        },
      },
      page: async (name, after, limit) => {
        const table = projection.tables[name]!;
        const rows = this.#statement(pageSql(name, table, after === undefined)).all(
          ...(after ? keyValues(table, after) : []),
          limit,
        );
        return rows.map((row) => fromSql(table.columns, row));
      },
      [Symbol.asyncDispose]: async () => {
        if (!isOpen) return;
        isOpen = false;
        this.database.exec('COMMIT');
        giveBack();
      },
    };
  }

  #statement(sql: string): StatementSync {
    let statement = this.#statements.get(sql);
    if (!statement) {
      if (this.#statements.size >= STATEMENTS_MAX) this.#statements.clear();
      statement = this.database.prepare(sql);
      this.#statements.set(sql, statement);
    }
    return statement;
  }
}

/** `$1` as SQLite counts parameters: `?1`. */
function numbered(sql: string): string {
  return sql.replaceAll(/\$(\d+)/g, '?$1');
}
