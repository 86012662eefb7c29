// A table's shape, announced before the first row that has it.
import type { RelationMessage } from './message.ts';
import type { MessageReader } from './message-reader.ts';

export function decodeRelation(reader: MessageReader): RelationMessage {
  const oid = reader.uint32();
  const schema = reader.string();
  const table = reader.string();
  const replicaIdentity = String.fromCharCode(reader.byte());
  const count = reader.uint16();
  const columns: { name: string; typeOid: number; isKey: boolean }[] = [];
  for (let column = 0; column < count; column += 1) {
    const isKey = (reader.byte() & 1) === 1;
    const name = reader.string();
    const typeOid = reader.uint32();
    reader.uint32(); // type modifier
    columns.push({ name, typeOid, isKey });
  }
  // The system schema comes as an empty name.
  return { type: 'relation', oid, schema: schema || 'pg_catalog', table, replicaIdentity, columns };
}
