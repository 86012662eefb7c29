// A running service's store, as a verification reads it over the control endpoint.
import type { ControlClient } from '../control/control-client.ts';
import type { Row } from '../domain/domain.ts';
import { formatLsn } from '../kernel/lsn.ts';
import type { StoreUnderTest } from '../verification/ports.ts';

export function storeUnderTest(service: ControlClient): StoreUnderTest {
  return {
    async hold() {
      await service.post('hold');
    },
    async snapshot(lsn) {
      const { id } = await service.post<{ id: string }>('snapshot', { lsn: formatLsn(lsn) });
      return {
        async page(table, after) {
          return (await service.post<{ rows: readonly Row[] }>('snapshot-rows', { id, table, after })).rows;
        },
        async close() {
          await service.post('snapshot-close', { id });
        },
      };
    },
  };
}
