// A domain as the rest of Banyan sees it: the plain shape that `defineDomain` checks and returns. Its generics live
// there; here everything is erased, so that capture, projections and the gateway need no type parameters.
import type { StandardSchemaV1 } from '@standard-schema/spec';
import type { RecordedEvent } from '../kernel/event.ts';
import type { SourceSchema } from './source-schema.ts';

export interface EventType {
  /** Of the present version. */
  readonly schema: StandardSchemaV1;
  /** Stored with each event: 1, and one more for each time that its shape changed. */
  readonly version: number;
  /** `upcasts[n - 1]` makes data of version n + 1 of data of version n. */
  readonly upcasts: readonly Upcast[];
}
/** Pure, and total: it has to make something of every event of its version that was ever stored. */
export type Upcast = (data: never) => unknown;
export type EventCatalogue = Readonly<Record<string, EventType>>;

/** What an event constructor returns: `emit.PostPublished({...})`. */
export interface Emitted {
  readonly type: string;
  readonly data: unknown;
}
export type Emission = Emitted | false | null | undefined | readonly Emission[];
export type Emit = Readonly<Record<string, (data: never) => Emitted>>;
export type Row = Readonly<Record<string, unknown>>;

/** How one table's row changes become events of one stream. Pure functions; they see decoded, complete rows. */
export interface TableMapping {
  readonly stream: (row: Row) => string;
  readonly insert: (emit: Emit, row: Row) => Emission;
  /** `before` is the row as it was; unchanged TOASTed values are filled in on both sides. */
  readonly update: (emit: Emit, row: Row, before: Row) => Emission;
  readonly delete: (emit: Emit, before: Row) => Emission;
  /** The row's history told from what is left of it: existing rows enter the log through this. */
  readonly backfill: (emit: Emit, row: Row) => Emission;
}

export type StoreColumnKind = 'text' | 'int' | 'float' | 'bool' | 'json';
export interface StoreColumn {
  readonly kind: StoreColumnKind;
  readonly isNullable: boolean;
  /** Used where `increment` or `patch` of an absent row has to create it. Undefined: the column must be given. */
  readonly default: unknown;
}
/** One table of a read store. */
export interface StoreTable {
  readonly key: readonly string[];
  readonly columns: Readonly<Record<string, StoreColumn>>;
  readonly indexes: readonly (readonly string[])[];
}

/** What a handler may do to a table. Writes are folded per key and flushed set-wise with the checkpoint. */
export interface TableWriter {
  /** Replaces or creates the whole row. */
  upsert(row: Row): void;
  /** Sets some columns of an existing row; does nothing when the row is absent. */
  patch(key: Row, columns: Row): void;
  /** Adds to numeric columns; creates the row from the defaults when it is absent. */
  increment(key: Row, columns: Readonly<Record<string, number>>): void;
  delete(key: Row): void;
  /** The row as the handlers before left it, unflushed writes included. */
  get(key: Row): Promise<Row | undefined>;
}

export type Handler = (
  event: RecordedEvent,
  tables: Readonly<Record<string, TableWriter>>,
) => void | Promise<void>;

export interface Projection {
  /** The domain's name. */
  readonly name: string;
  /** Raise it when tables or handlers change: the store is then rebuilt beside the live one. */
  readonly version: number;
  readonly tables: Readonly<Record<string, StoreTable>>;
  /** By event type, of this domain and of those it listens to. */
  readonly on: Readonly<Record<string, Handler>>;
}

/** `GET /api/posts/:slug`: method, space, path with `:params`. */
export type RoutePattern = string;

/** Reads one snapshot of the domain's own store. `$1`, `$2` … are parameters. */
export interface StoreReader {
  get(table: string, key: Row): Promise<Row | undefined>;
  /** With `columns`, exactly those, as the values that their kinds say. */
  all(
    sql: string,
    parameters?: readonly unknown[],
    columns?: Readonly<Record<string, StoreColumn>>,
  ): Promise<readonly Row[]>;
}

export interface QueryRequest {
  readonly params: Readonly<Record<string, string>>;
  readonly search: URLSearchParams;
  readonly headers: Readonly<Record<string, string | undefined>>;
  readonly read: StoreReader;
  readonly signal: AbortSignal;
}
/** Anything but a `Reply` is sent as 200 with a JSON body. */
export type Answer = unknown;
export interface Reply {
  readonly status: number;
  readonly body: unknown;
  readonly headers: Readonly<Record<string, string>>;
}

export interface Query {
  readonly answer: (request: QueryRequest) => Answer | Promise<Answer>;
  /** JSON paths that shadow comparison leaves out: `$.servedAt`, `$.items[*].rank`. */
  readonly ignore: readonly string[];
}

export interface Domain {
  readonly name: string;
  readonly events: EventCatalogue;
  readonly capture: {
    readonly source: SourceSchema;
    readonly tables: Readonly<Record<string, TableMapping>>;
  };
  /** The catalogues of the other domains this one's projection listens to. */
  readonly listensTo: readonly EventCatalogue[];
  readonly projection: Projection;
  readonly queries: Readonly<Record<RoutePattern, Query>>;
  readonly commands: readonly RoutePattern[];
}
