// One row: text, SQL NULL, or the mark of a TOASTed value that the change left alone.
import { type CapturedRow, type CapturedValue, UNCHANGED } from '../../change.ts';
import { type MessageReader, malformed } from './message-reader.ts';

const NULL = 0x6e; // n
const UNCHANGED_TOAST = 0x75; // u
const TEXT = 0x74; // t

export function decodeTuple(reader: MessageReader): CapturedRow {
  const columns = reader.uint16();
  const row: CapturedValue[] = [];
  for (let column = 0; column < columns; column += 1) {
    const kind = reader.byte();
    if (kind === TEXT) row.push(reader.text(reader.uint32()));
    else if (kind === NULL) row.push(null);
    else if (kind === UNCHANGED_TOAST) row.push(UNCHANGED);
    else throw malformed(`column ${column} is of the unknown kind ${kind}`);
  }
  return row;
}
