// One pgoutput message from its bytes. Whatever is not exactly a message is REPLICATION_PROTOCOL.
import type { Lsn } from '../../../kernel/lsn.ts';
import { decodeRelation } from './decode-relation.ts';
import { decodeTuple } from './decode-tuple.ts';
import type { PgoutputMessage } from './message.ts';
import { MessageReader, malformed } from './message-reader.ts';

const OLD_KEY = 0x4b; // K: only the key columns are filled
const OLD_ROW = 0x4f; // O: the whole old row, under REPLICA IDENTITY FULL
const NEW_ROW = 0x4e; // N

export function decodeMessage(bytes: Buffer, start = 0): PgoutputMessage {
  const reader = new MessageReader(bytes, start);
  const message = decodeBody(reader);
  if (!reader.isAtEnd) throw malformed(`a ${message.type} message goes on behind its end`);
  return message;
}

function decodeBody(reader: MessageReader): PgoutputMessage {
  const type = reader.byte();
  switch (String.fromCharCode(type)) {
    case 'B':
      return {
        type: 'begin',
        finalLsn: reader.uint64() as Lsn,
        committedAt: reader.uint64(),
        xid: reader.uint32(),
      };
    case 'C':
      reader.byte(); // flags, unused
      return {
        type: 'commit',
        commitLsn: reader.uint64() as Lsn,
        endLsn: reader.uint64() as Lsn,
        committedAt: reader.uint64(),
      };
    case 'R':
      return decodeRelation(reader);
    case 'I': {
      const oid = reader.uint32();
      expect(reader.byte(), NEW_ROW);
      return { type: 'insert', oid, row: decodeTuple(reader) };
    }
    case 'U':
      return decodeUpdate(reader);
    case 'D': {
      const oid = reader.uint32();
      const kind = reader.byte();
      if (kind !== OLD_KEY) expect(kind, OLD_ROW);
      return { type: 'delete', oid, old: decodeTuple(reader) };
    }
    case 'T': {
      const count = reader.uint32();
      reader.byte(); // CASCADE, RESTART IDENTITY
      const oids: number[] = [];
      for (let table = 0; table < count; table += 1) oids.push(reader.uint32());
      return { type: 'truncate', oids };
    }
    case 'M': {
      const isTransactional = (reader.byte() & 1) === 1;
      const lsn = reader.uint64() as Lsn;
      const prefix = reader.string();
      return { type: 'message', isTransactional, lsn, prefix, content: reader.text(reader.uint32()) };
    }
    case 'O':
      reader.uint64(); // the commit's LSN at the origin
      return { type: 'origin', name: reader.string() };
    case 'Y':
      reader.uint32();
      reader.string();
      reader.string();
      return { type: 'type' };
    default:
      throw malformed(`a message begins with the unknown byte ${type}`);
  }
}

function decodeUpdate(reader: MessageReader): PgoutputMessage {
  const oid = reader.uint32();
  let kind = reader.byte();
  let old: ReturnType<typeof decodeTuple> | undefined;
  if (kind === OLD_KEY || kind === OLD_ROW) {
    old = decodeTuple(reader);
    kind = reader.byte();
  }
  expect(kind, NEW_ROW);
  return { type: 'update', oid, row: decodeTuple(reader), old };
}

function expect(found: number, wanted: number): void {
  if (found !== wanted) throw malformed(`expected ${String.fromCharCode(wanted)}, found the byte ${found}`);
}
