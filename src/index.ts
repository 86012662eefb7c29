// The public surface: what a config and the domains behind it are written with.
export { defineConfig } from './app/config.ts';
export { type Decider, type Decision, defineDecider, Refusal, refuse } from './command/decider.ts';
export { type CommandOutcome, type ExecuteOptions, execute } from './command/execute.ts';
export {
  answerCommand,
  answerCommandFault,
  type CommandAnswer,
  type CommandPreconditions,
  readPreconditions,
} from './command/http.ts';
export { bigint, bool, float, instant, int, json, oneOf, text } from './domain/column.ts';
export { defineDomain, type EmitOf, type EventOf, type ReaderOf } from './domain/define-domain.ts';
export { changed, defineEvents, type OutputOf } from './domain/define-events.ts';
export { defineSource, type RowIn } from './domain/define-source.ts';
export { type TableRow, table, type Writer } from './domain/define-table.ts';
export type { QueryRequest } from './domain/domain.ts';
export { reply } from './domain/reply.ts';
export { BanyanError, ERRORS, EXIT } from './kernel/error.ts';
