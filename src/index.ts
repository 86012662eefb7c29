// The public surface: what a config and the domains behind it are written with.
export { defineConfig } from './app/config.ts';
export { bigint, bool, float, instant, int, json, oneOf, text } from './domain/column.ts';
export { defineDomain } from './domain/define-domain.ts';
export { defineEvents } from './domain/define-events.ts';
export { defineSource } from './domain/define-source.ts';
export { table } from './domain/define-table.ts';
export { reply } from './domain/reply.ts';
export { BanyanError, ERRORS, EXIT } from './kernel/error.ts';
