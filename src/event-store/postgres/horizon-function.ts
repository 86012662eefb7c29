// The function in the database that says how far the log may be read: positions are drawn before their commit, so one can
// become visible after a later one. Nothing at or below the horizon ever appears any more.
import { type LogNames, POSITION_BITS } from './log-names.ts';

/**
 * Three statements, each with a snapshot of its own, in this order: the last position drawn, the least in-flight lock, the
 * rows. Why it holds: a position at or below the horizon that is not visible to the third statement belongs to a writer
 * that registered below it. If that was before the second statement, the horizon would lie there. If it was later, its
 * positions were drawn after the first and lie above. If it has ended, its rows became visible before its lock went.
 * Folded into one statement it would not hold: the rows would be older than the look at the locks.
 *
 * Only locks of this log in this database count, no transaction of anything else: what others do on the server stalls
 * nobody. Positions need not be dense: one that was rolled back is never waited for.
 */
export function horizonFunction({ schema, inFlightKey }: LogNames): string {
  return `
CREATE FUNCTION ${schema}.horizon(OUT drawn bigint, OUT settled bigint, OUT head bigint, OUT holder int)
LANGUAGE plpgsql VOLATILE AS $function$
BEGIN
  IF current_setting('transaction_isolation') <> 'read committed' THEN
    RAISE EXCEPTION 'The horizon needs the isolation level READ COMMITTED' USING ERRCODE = 'invalid_transaction_state';
  END IF;
  SELECT last_value INTO drawn FROM ${schema}.event_position;
  SELECT (held.classid::bigint << 32 | held.objid::bigint) - ${inFlightKey}, held.pid INTO settled, holder
    FROM pg_locks AS held
    WHERE held.locktype = 'advisory' AND held.objsubid = 1 AND held.mode = 'ShareLock'
      AND held.database = (SELECT oid FROM pg_database WHERE datname = current_database())
      AND (held.classid::bigint << 32 | held.objid::bigint) >> ${POSITION_BITS} = ${inFlightKey} >> ${POSITION_BITS}
    ORDER BY 1 LIMIT 1;
  settled := least(drawn, settled);
  SELECT coalesce(max(event.position), 0) INTO head FROM ${schema}.event WHERE event.position <= settled;
END
$function$`;
}
