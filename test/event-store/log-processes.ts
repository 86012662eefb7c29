// One log under several processes, for any engine that they can share: opening, expectations and wake-ups across them, and
// writers killed in the middle.
import assert from 'node:assert/strict';
import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { describe, test } from 'node:test';
import type { RecordedEvent } from '../../src/kernel/event.ts';
import { eventsOf, Follower, idsOf, streamOf, times } from '../../src/testing/contract/event-store/case.ts';
import type { LogUnderTest } from '../../src/testing/contract/event-store.ts';

export interface SharedLog extends LogUnderTest {
  /** For `writer-process.ts`: the path of a file, or a URL with the name of the schema or stream behind a `#`. */
  readonly target: string;
}

export interface EngineOfProcesses {
  readonly make: () => SharedLog;
  /** Logs that are opened in one go, each in the very millisecond in which the other processes open it. */
  readonly opened: { readonly logs: number; readonly everyMs: number };
  /** Whether a writer that was killed leaves no number out. */
  readonly isDense: boolean;
  /** How many writers are killed, one after the other. */
  readonly kills: number;
}

class Writer {
  readonly acknowledged: string[] = [];
  readonly #child: ChildProcessByStdio<null, Readable, null>;
  readonly #closed: Promise<unknown>;

  /** `onLine` is told of each acknowledgement as it comes. */
  constructor(work: string, log: SharedLog, name: string, onLine?: (writer: Writer) => void) {
    const program = join(import.meta.dirname, 'writer-process.ts');
    this.#child = spawn(process.execPath, [program, work, log.target, name], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    this.#closed = once(this.#child, 'close');
    createInterface({ input: this.#child.stdout }).on('line', (line) => {
      this.acknowledged.push(line);
      onLine?.(this);
    });
  }

  kill(): void {
    this.#child.kill('SIGKILL');
  }

  async ended(): Promise<number | null> {
    await this.#closed;
    return this.#child.exitCode;
  }
}

export function processesShareALog(name: string, { make, opened, isDense, kills }: EngineOfProcesses): void {
  describe(`processes on one log: ${name}`, () => {
    test('processes that open a new log at once all get the same one', async () => {
      await using log = make();
      // By then all of them have started.
      const schedule = `${Date.now() + 1_000}/${opened.logs}/${opened.everyMs}`;
      const openers = times(4, () => new Writer('open', log, schedule));
      assert.deepEqual(
        await Promise.all(openers.map((opener) => opener.ended())),
        times(4, () => 0),
      );
      const [first, ...others] = openers.map(({ acknowledged }) => acknowledged);
      assert.equal(new Set(first).size, opened.logs);
      for (const identities of others) assert.deepEqual(identities, first);
    });

    test('two processes append to one stream at expected versions, a third follows: nothing lost, nothing twice', async () => {
      await using log = make();
      await using store = await log.open();
      await using follower = new Follower(store);
      const writers = [new Writer('count', log, 'a'), new Writer('count', log, 'b')];
      assert.deepEqual(await Promise.all(writers.map((writer) => writer.ended())), [0, 0]);
      const events = await streamOf(store, 'counter-1');
      assert.deepEqual(
        events.map(({ version }) => version),
        times(120, (index) => index + 1),
      );
      assert.deepEqual(idsOf(events).sort(), writers.flatMap(({ acknowledged }) => acknowledged).sort());
      await follower.hasReached(events.at(-1)!.position);
      assert.deepEqual(idsOf(follower.events), idsOf(events));
    });

    test(`a writer killed ${kills} times amid appends loses nothing acknowledged and leaves no append half done`, async () => {
      await using log = make();
      await using watching = await log.open();
      await using follower = new Follower(watching);
      const acknowledged: string[] = [];
      for (const run of times(kills, (index) => index)) {
        const enough = 3 + run * 5;
        const writer = new Writer('pour', log, `run${run}`, (self) => {
          if (self.acknowledged.length >= enough) self.kill();
        });
        await writer.ended();
        assert.ok(writer.acknowledged.length >= enough);
        acknowledged.push(...writer.acknowledged);
        // Opened anew each time: the first handle after a crash is the one that recovers.
        await using store = await log.open();
        assertWhole(await eventsOf(store), acknowledged, isDense);
      }
      const events = await eventsOf(watching);
      await follower.hasReached(events.at(-1)!.position);
      assert.deepEqual(follower.events, events);
    });
  });
}

function assertWhole(
  events: readonly RecordedEvent[],
  acknowledged: readonly string[],
  isDense: boolean,
): void {
  const stored = new Map<string, number>();
  const versions = new Map<string, number>();
  let before = 0;
  for (const { position, stream, version, data } of events) {
    assert.ok(isDense ? position === before + 1 : position > before, `${position} after ${before}`);
    before = position;
    assert.equal(version, (versions.get(stream) ?? 0) + 1);
    versions.set(stream, version);
    const { append } = data as { append: string };
    stored.set(append, (stored.get(append) ?? 0) + 1);
  }
  assert.deepEqual(
    acknowledged.filter((append) => !stored.has(append)),
    [],
    'acknowledged, not stored',
  );
  assert.deepEqual(
    [...stored].filter(([, count]) => count !== 3),
    [],
    'half an append',
  );
}
