// The function in the database that decides and writes a group of appends: one round trip, one transaction, one sync. It
// runs on the server so that no lock is ever held while somebody waits for a client.
import type { LogNames } from './log-names.ts';

/**
 * Locks are taken in one order by all writers (keys, sources, streams; each kind by name), so that writers wait but never
 * for each other in a circle. What is new gets its row first, because what is not there cannot be locked. What is compared
 * is read after its lock. A stream is locked by moving its version as if all of the group were accepted; where something is
 * refused, the versions are put right at the end.
 *
 * Then the appends are decided in order, each on what those before it left. The first to be accepted registers the group
 * as in flight, at the last position drawn so far, and only then draws positions: a reader that finds the lock stops
 * below them (see `horizon-function.ts`). The lock goes with the transaction, also when its process is killed.
 */
export function appendFunction({ schema, inFlightKey }: LogNames): string {
  return `
CREATE FUNCTION ${schema}.append(
  -- one entry each append
  last_writes int[], keys text[],
  sources text[], lsns pg_lsn[], resumes bigint[], expected_lsns pg_lsn[], expected_resumes bigint[],
  -- one entry each stream of the group, sorted by its bytes: how many events the group has for it
  streams text[], added_counts bigint[],
  -- one entry each write: the number of its stream, what it expects, how many events
  write_streams int[], expectations text[], event_counts int[],
  -- one entry each event: the number of its write, its number there
  event_writes int[], event_numbers int[],
  types text[], ids text[], times text[], schema_versions bigint[], data text[], meta text[]
)
RETURNS TABLE (
  verdict text, last_position bigint, first_versions bigint[], recorded_versions text,
  refused_write int, actual_version bigint, actual_lsn pg_lsn, actual_resume bigint
)
LANGUAGE plpgsql VOLATILE AS $function$
DECLARE
  stream_versions bigint[];
  write_versions bigint[] := array_fill(0::bigint, ARRAY[cardinality(write_streams)]);
  write_offsets int[] := array_fill(0, ARRAY[cardinality(write_streams)]);
  positions bigint[] := '{}';
  first_write int := 1;
  last_write int;
  drawn int;
  held int;
  is_registered boolean := false;
  is_expected boolean;
  is_any_refused boolean := false;
  stored record;
BEGIN
  IF current_setting('transaction_isolation') <> 'read committed' THEN
    RAISE EXCEPTION 'Appends need the isolation level READ COMMITTED' USING ERRCODE = 'invalid_transaction_state';
  END IF;
  IF current_setting('synchronous_commit') = 'off' THEN
    PERFORM set_config('synchronous_commit', 'on', true);
  END IF;

  IF keys IS NOT NULL THEN
    INSERT INTO ${schema}.idempotency_key (key)
      SELECT DISTINCT given.key COLLATE "C" FROM unnest(keys) AS given (key) WHERE given.key IS NOT NULL ORDER BY 1
      ON CONFLICT DO NOTHING;
  END IF;
  IF sources IS NOT NULL THEN
    INSERT INTO ${schema}.source_progress (name)
      SELECT DISTINCT given.name COLLATE "C" FROM unnest(sources) AS given (name) WHERE given.name IS NOT NULL ORDER BY 1
      ON CONFLICT DO NOTHING;
    PERFORM FROM ${schema}.source_progress AS source WHERE source.name = ANY (sources) ORDER BY source.name FOR UPDATE;
  END IF;
  IF cardinality(streams) = 1 THEN
    -- What most appends are, and a tenth quicker than the general form.
    INSERT INTO ${schema}.stream AS held (name, version) VALUES (streams[1], added_counts[1])
      ON CONFLICT (name) DO UPDATE SET version = held.version + excluded.version
      RETURNING ARRAY[held.version] INTO stream_versions;
  ELSE
    WITH touched AS (
      INSERT INTO ${schema}.stream AS held (name, version)
        SELECT given.name, given.added FROM unnest(streams, added_counts) AS given (name, added)
        ORDER BY given.name COLLATE "C"
        ON CONFLICT (name) DO UPDATE SET version = held.version + excluded.version
        RETURNING held.name, held.version
    )
    SELECT array_agg(touched.version ORDER BY touched.name) INTO stream_versions FROM touched;
  END IF;
  FOR touched IN 1 .. cardinality(streams) LOOP
    stream_versions[touched] := stream_versions[touched] - added_counts[touched];
  END LOOP;

  FOR append IN 1 .. cardinality(last_writes) LOOP
    verdict := 'appended';
    last_position := NULL;
    recorded_versions := NULL;
    last_write := last_writes[append];

    IF keys[append] IS NOT NULL THEN
      SELECT used.position, used.versions INTO stored FROM ${schema}.idempotency_key AS used WHERE used.key = keys[append];
      IF stored.position IS NOT NULL THEN
        verdict := 'recorded';
        last_position := stored.position;
        recorded_versions := stored.versions;
      END IF;
    END IF;

    IF verdict = 'appended' AND sources[append] IS NOT NULL THEN
      SELECT source.lsn, source.position INTO stored FROM ${schema}.source_progress AS source
        WHERE source.name = sources[append];
      IF stored.lsn IS DISTINCT FROM expected_lsns[append] OR stored.position IS DISTINCT FROM expected_resumes[append] THEN
        verdict := 'fenced';
        actual_lsn := stored.lsn;
        actual_resume := stored.position;
      END IF;
    END IF;

    drawn := 0;
    FOR writing IN first_write .. last_write LOOP
      EXIT WHEN verdict <> 'appended';
      held := write_streams[writing];
      actual_version := stream_versions[held];
      is_expected := CASE expectations[writing]
        WHEN 'any' THEN true
        WHEN 'none' THEN actual_version = 0
        WHEN 'exists' THEN actual_version > 0
        ELSE actual_version = expectations[writing]::bigint
      END;
      IF is_expected THEN
        write_versions[writing] := actual_version + 1;
        write_offsets[writing] := cardinality(positions) + drawn;
        stream_versions[held] := actual_version + event_counts[writing];
        drawn := drawn + event_counts[writing];
      ELSE
        verdict := 'conflict';
        refused_write := writing;
        FOR undone IN REVERSE writing - 1 .. first_write LOOP
          stream_versions[write_streams[undone]] := write_versions[undone] - 1;
          write_versions[undone] := 0;
        END LOOP;
      END IF;
    END LOOP;

    IF verdict <> 'appended' THEN
      is_any_refused := true;
    ELSE
      IF drawn > 0 AND NOT is_registered THEN
        PERFORM pg_advisory_xact_lock_shared(${inFlightKey} + last_value) FROM ${schema}.event_position;
        is_registered := true;
      END IF;
      FOR event IN 1 .. drawn LOOP
        positions := positions || nextval('${schema}.event_position');
      END LOOP;
      IF is_registered THEN
        last_position := positions[cardinality(positions)];
      ELSE
        SELECT coalesce(max(event.position), 0) INTO last_position FROM ${schema}.event;
      END IF;
      IF sources[append] IS NOT NULL THEN
        UPDATE ${schema}.source_progress AS source
          SET lsn = lsns[append], position = resumes[append], true_at = last_position
          WHERE source.name = sources[append];
      END IF;
      IF keys[append] IS NOT NULL THEN
        UPDATE ${schema}.idempotency_key AS used
          SET position = last_position, versions = (
            SELECT coalesce(jsonb_object_agg(streams[write_streams[written]], stream_versions[write_streams[written]]), '{}')
            FROM generate_series(first_write, last_write) AS written
          )
          WHERE used.key = keys[append];
      END IF;
    END IF;
    first_versions := write_versions[first_write : last_write];
    first_write := last_write + 1;
    RETURN NEXT;
  END LOOP;

  IF is_registered THEN
    INSERT INTO ${schema}.event (position, stream, version, type, id, time, schema_version, data, meta)
      SELECT
        positions[write_offsets[given.write] + given.number], streams[write_streams[given.write]],
        write_versions[given.write] + given.number - 1,
        given.type, given.id, given.time, given.schema_version, given.data, given.meta
      FROM unnest(event_writes, event_numbers, types, ids, times, schema_versions, data, meta)
        AS given (write, number, type, id, time, schema_version, data, meta)
      WHERE write_versions[given.write] > 0;
  END IF;
  IF is_any_refused THEN
    UPDATE ${schema}.stream SET version = decided.version
      FROM unnest(streams, stream_versions) AS decided (name, version)
      WHERE stream.name = decided.name AND stream.version <> decided.version;
  END IF;
  IF keys IS NOT NULL THEN
    DELETE FROM ${schema}.idempotency_key AS used WHERE used.key = ANY (keys) AND used.position IS NULL;
    -- Keys are kept for seven days; each group drops a few that are older.
    DELETE FROM ${schema}.idempotency_key AS used WHERE used.key IN (
      SELECT old.key FROM ${schema}.idempotency_key AS old
      WHERE old.recorded_at < now() - interval '7 days' ORDER BY old.recorded_at
      LIMIT 2 * cardinality(keys) FOR UPDATE SKIP LOCKED
    );
  END IF;
END
$function$`;
}
