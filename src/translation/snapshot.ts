// PostgreSQL snapshots (`pg_current_snapshot()`), and whether one sees a transaction: the rule that decides which changes
// a chunk's rows already contain. Positions in the log cannot: a commit is in the log before it is visible.

export interface Snapshot {
  /** All earlier transactions had ended. */
  readonly xmin: bigint;
  /** This one and all later had not begun. */
  readonly xmax: bigint;
  /** Running in between. */
  readonly running: ReadonlySet<bigint>;
}

/** Reads `xmin:xmax:xip,…`. */
export function parseSnapshot(text: string): Snapshot {
  const parts = /^(\d+):(\d+):([\d,]*)$/.exec(text);
  if (!parts) throw new RangeError(`Not a snapshot: "${text}"`);
  const running = parts[3] ? parts[3].split(',').map(BigInt) : [];
  return { xmin: BigInt(parts[1]!), xmax: BigInt(parts[2]!), running: new Set(running) };
}

/** Whether the snapshot sees the committed transaction `xid`, of which the log holds the lower 32 bits. */
export function sees(snapshot: Snapshot, xid: number): boolean {
  const full = widen(xid, snapshot.xmax);
  if (full < snapshot.xmin) return true;
  return full < snapshot.xmax && !snapshot.running.has(full);
}

/** The 64-bit id nearest to `near` that ends in these 32 bits. */
function widen(xid: number, near: bigint): bigint {
  const candidate = (near & ~0xffff_ffffn) | BigInt(xid);
  if (candidate - near > 0x8000_0000n) return candidate - 0x1_0000_0000n;
  if (near - candidate > 0x8000_0000n) return candidate + 0x1_0000_0000n;
  return candidate;
}
