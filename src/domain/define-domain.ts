// What a user writes of a domain: its events, how rows become them, the store that answers its queries, and its routes. One
// object, everything inferred. What comes out is the plain `Domain` that the rest of Banyan works with.
import { BanyanError } from '../kernel/error.ts';
import type { RecordedEvent } from '../kernel/event.ts';
import { type Columns, type RowOf, storeColumn } from './column.ts';
import type { InputOf, OutputOf } from './define-events.ts';
import type { Source } from './define-source.ts';
import type { AnyTable, TableKey, TableRow, Writer } from './define-table.ts';
import type {
  Answer,
  Domain,
  Emission,
  Emitted,
  EventCatalogue,
  Handler,
  Query,
  QueryRequest,
  StoreReader,
  TableMapping,
} from './domain.ts';
import { upcast } from './upcast.ts';

/** `emit.PostPublished({ … })`: one constructor per event of the domain. */
export type EmitOf<E extends EventCatalogue> = { readonly [K in keyof E]: (data: InputOf<E[K]>) => Emitted };

export interface MappingInput<Row, E extends EventCatalogue> {
  /** The stream of a row's events: `post-42`. */
  readonly stream: (row: Row) => string;
  readonly insert: (emit: EmitOf<E>, row: Row) => Emission;
  readonly update: (emit: EmitOf<E>, row: Row, before: Row) => Emission;
  readonly delete: (emit: EmitOf<E>, before: Row) => Emission;
  /** Required: how much of a row's past its events tell is a decision. */
  readonly backfill: (emit: EmitOf<E>, row: Row) => Emission;
}

/** The events of all catalogues that a projection listens to. */
type Listened<L extends readonly EventCatalogue[]> = L extends readonly [infer H, ...infer R]
  ? R extends readonly EventCatalogue[]
    ? H & Listened<R>
    : H
  : unknown;

export interface EventOf<D> extends Omit<RecordedEvent, 'data'> {
  readonly data: D;
}
type Writers<T> = { readonly [K in keyof T]: Writer<T[K]> };
type HandlersOf<A, T> = {
  readonly [K in keyof A]?: A[K] extends EventCatalogue[string]
    ? (event: EventOf<OutputOf<A[K]>>, tables: Writers<T>) => void | Promise<void>
    : never;
};

/** `/api/posts/:id/claps` has the parameter `id`. */
type ParamsOf<P extends string> = P extends `${string}:${infer Name}/${infer Rest}`
  ? { readonly [K in Name]: string } & ParamsOf<Rest>
  : P extends `${string}:${infer Name}`
    ? { readonly [K in Name]: string }
    : unknown;

export interface ReaderOf<T> {
  get<K extends keyof T & string>(table: K, key: TableKey<T[K]>): Promise<TableRow<T[K]> | undefined>;
  /** One SQL statement over the store's tables; `columns` says what comes back. `$1`, `$2` … are parameters. */
  all<const C extends Columns>(
    sql: string,
    parameters: readonly unknown[],
    columns: C,
  ): Promise<readonly RowOf<C>[]>;
}

type Call<P extends string, T> = Omit<QueryRequest, 'params' | 'read'> & {
  readonly params: ParamsOf<P>;
  readonly read: ReaderOf<T>;
};
type Ask<P extends string, T> = (call: Call<P, T>) => Answer;
export type QueryInput<P extends string, T> =
  | Ask<P, T>
  | { readonly answer: Ask<P, T>; readonly ignore: readonly string[] };

export interface DomainInput<
  Rows,
  E extends EventCatalogue,
  L extends readonly EventCatalogue[],
  T extends Readonly<Record<string, AnyTable>>,
  Q,
> {
  readonly name: string;
  readonly source: Source<Rows>;
  readonly events: E;
  /** Events of other domains that this one's store keeps pieces of. */
  readonly listensTo?: L;
  readonly capture: { readonly [K in keyof Rows]?: MappingInput<NoInfer<Rows[K]>, NoInfer<E>> };
  readonly projection: {
    /** Raise it when tables or handlers change: the store is then built anew. */
    readonly version: number;
    readonly tables: T;
    readonly on: HandlersOf<NoInfer<E> & Listened<L>, NoInfer<T>>;
  };
  readonly queries: { readonly [P in keyof Q]: QueryInput<P & string, NoInfer<T>> };
  /** Routes that change something; the monolith answers them while it owns the domain. */
  readonly commands: readonly string[];
}

const TABLE_NAME = /^(?!banyan_|sqlite_)[a-z][a-z0-9_]*$/i;

/** Checks the definition (CONFIG_INVALID) and erases its types. */
export function defineDomain<
  Rows,
  E extends EventCatalogue,
  const L extends readonly EventCatalogue[],
  const T extends Readonly<Record<string, AnyTable>>,
  const Q,
>(input: DomainInput<Rows, E, L, T, Q>): Domain {
  const { name, events, projection, commands } = input;
  const invalid = (what: string, remedy: string): BanyanError =>
    new BanyanError('CONFIG_INVALID', what, { at: `domain ${name}`, remedy });
  if (!/^[a-z][a-z0-9-]*$/.test(name))
    throw invalid(`A domain cannot be called "${name}"`, 'Use lower-case letters, digits and -.');

  const listensTo = input.listensTo ?? [];
  const known = new Set([events, ...listensTo].flatMap((catalogue) => Object.keys(catalogue)));
  const strange = Object.keys(projection.on).find((type) => !known.has(type));
  if (strange !== undefined)
    throw invalid(
      `The projection handles ${strange}, which no catalogue has`,
      'Add its catalogue to `listensTo`.',
    );
  const unmapped = Object.keys(input.capture).find((table) => !(table in input.source.tables));
  if (unmapped !== undefined)
    throw invalid(
      `It captures ${unmapped}, which the source does not declare`,
      `Declare ${unmapped} in defineSource.`,
    );
  const oddTable = Object.keys(projection.tables).find((table) => !TABLE_NAME.test(table));
  if (oddTable !== undefined)
    throw invalid(
      `A table cannot be called "${oddTable}"`,
      'Use letters, digits and _; names that begin with banyan_ or sqlite_ are taken.',
    );
  const routes = [...Object.keys(input.queries), ...commands];
  // A request does not tell `/posts/:id` from `/posts/:slug`.
  const shapes = routes.map((route) => route.replaceAll(/:[^/]+/g, ':'));
  for (const [index, route] of routes.entries()) {
    if (!/^(GET|POST|PUT|PATCH|DELETE) \/[^\s?#]*$/.test(route)) {
      throw invalid(`"${route}" is no route`, 'Write a method, a space and a path: `GET /api/posts/:slug`.');
    }
    const first = shapes.indexOf(shapes[index]!);
    if (first !== index) {
      const also = routes[first] === route ? '' : `, also as ${routes[first]}`;
      throw invalid(`It has the route ${route} twice${also}`, 'Name each route once.');
    }
  }
  const asked = Object.keys(input.queries).find((route) => !route.startsWith('GET '));
  if (asked !== undefined)
    throw invalid(
      `The query ${asked} is no GET`,
      'Queries only read; list it under `commands` if it changes something.',
    );

  return {
    name,
    events,
    capture: { source: input.source, tables: input.capture as Readonly<Record<string, TableMapping>> },
    listensTo,
    projection: {
      name,
      version: projection.version,
      tables: projection.tables,
      on: upToDate(projection.on as Readonly<Record<string, Handler>>, [events, ...listensTo]),
    },
    queries: Object.fromEntries(
      Object.entries(input.queries as Readonly<Record<string, QueryInput<string, T>>>).map(
        ([route, query]) => [route, eraseQuery(query)],
      ),
    ),
    commands,
  };
}

/** Handlers see every event in its present version, whichever it was stored in. */
function upToDate(
  on: Readonly<Record<string, Handler>>,
  catalogues: readonly EventCatalogue[],
): Readonly<Record<string, Handler>> {
  const events: EventCatalogue = Object.assign({}, ...catalogues);
  return Object.fromEntries(
    Object.entries(on).map(([type, handler]) => [
      type,
      (event, tables) => handler(upcast(events, event), tables),
    ]),
  );
}

function eraseQuery<T>(query: QueryInput<string, T>): Query {
  const { answer, ignore } = typeof query === 'function' ? { answer: query, ignore: [] } : query;
  return {
    ignore,
    answer: (request) => answer({ ...request, params: request.params, read: typedReader(request.read) }),
  };
}

function typedReader<T>(read: StoreReader): ReaderOf<T> {
  return {
    get: (name, key) => read.get(name, key) as Promise<never>,
    all: (sql, parameters, columns) =>
      read.all(
        sql,
        parameters,
        Object.fromEntries(Object.entries(columns).map(([column, kind]) => [column, storeColumn(kind)])),
      ) as Promise<never>,
  };
}
