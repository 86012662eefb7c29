// Where a command's words go: data on stdout, everything said beside it on stderr. With --json stdout holds one
// document `{schema, name, at, ok, data, next}` and nothing else.
import { styleText } from 'node:util';
import type { BanyanError } from '../kernel/error.ts';

export interface NextStep {
  readonly command: string;
  readonly why: string;
}

export interface Output {
  readonly isJson: boolean;
  /** Whether stderr is a terminal that may be redrawn. */
  readonly isLive: boolean;
  /** The result of the command: as JSON, or as the text that `render` makes of it. */
  result(
    schema: string,
    data: unknown,
    render: () => string,
    options?: { ok?: boolean; next?: readonly NextStep[] },
  ): void;
  /** One of a sequence of results: a line of JSON, or a line of text. */
  row(data: unknown, render: () => string): void;
  /** Something said beside the result. Silent with --json. */
  note(text: string): void;
  /** A line or block that replaces the one before it on a terminal; elsewhere at most one every 10 s. */
  progress(text: string): void;
  error(error: BanyanError): void;
}

type Sink = { write(text: string): unknown; readonly isTTY?: boolean };

const PLAIN_EVERY_MS = 10_000;

export function createOutput(
  isJson: boolean,
  stdout: Sink = process.stdout,
  stderr: Sink = process.stderr,
): Output {
  const isLive = stderr.isTTY === true && !isJson;
  let drawnLines = 0;
  let plainAt = Number.NEGATIVE_INFINITY;

  const clear = (): void => {
    if (drawnLines > 0) stderr.write(`\u001b[${drawnLines}A\u001b[0J`);
    drawnLines = 0;
  };
  return {
    isJson,
    isLive,
    result(schema, data, render, options = {}) {
      clear();
      const next = options.next ?? [];
      if (isJson) {
        const envelope = {
          schema: `banyan.${schema}/1`,
          at: new Date().toISOString(),
          ok: options.ok ?? true,
          data,
          next,
        };
        stdout.write(`${JSON.stringify(envelope)}\n`);
        return;
      }
      stdout.write(`${render()}\n`);
      if (next.length > 0)
        stderr.write(
          `\nNext\n${next.map(({ command, why }) => `  ${command.padEnd(38)} ${why}`).join('\n')}\n`,
        );
    },
    row(data, render) {
      clear();
      stdout.write(`${isJson ? JSON.stringify(data) : render()}\n`);
    },
    note(text) {
      if (isJson) return;
      clear();
      stderr.write(`${text}\n`);
    },
    progress(text) {
      if (isJson) return;
      if (isLive) {
        clear();
        stderr.write(`${text}\n`);
        drawnLines = text.split('\n').length;
      } else if (performance.now() - plainAt >= PLAIN_EVERY_MS) {
        plainAt = performance.now();
        stderr.write(`${text}\n`);
      }
    },
    error(error) {
      clear();
      if (isJson) stdout.write(`${JSON.stringify(errorDocument(error))}\n`);
      else stderr.write(`${errorText(error)}\n`);
    },
  };
}

function errorDocument(error: BanyanError): unknown {
  const { code, message: what, at, why, remedy, details } = error;
  return {
    schema: 'banyan.error/1',
    at: new Date().toISOString(),
    ok: false,
    error: { code, what, at, why, do: remedy, details },
  };
}

/** What, where, why, do this: always in that order. */
export function errorText(error: BanyanError): string {
  const cause = error.cause instanceof Error ? error.cause.message : undefined;
  const lines = [`${paint('red', 'error')} ${error.code}: ${error.message}`];
  if (error.at) lines.push(`  at     ${error.at}`);
  if (error.why ?? cause) lines.push(`  why    ${error.why ?? cause}`);
  lines.push(`  do     ${error.remedy}`);
  return lines.join('\n');
}

/** Colour where the terminal wants it (NO_COLOR and FORCE_COLOR are honoured). */
export function paint(style: Parameters<typeof styleText>[0], text: string): string {
  return styleText(style, text, { stream: process.stderr });
}
