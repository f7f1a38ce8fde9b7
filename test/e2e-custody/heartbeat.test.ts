import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { NO_METRICS } from '../../local/local-runtime.ts';
import { BUNDLED, startTestStack, type TestStack } from '../support/stack.ts';
import { type RawTables, rawTables } from './tables.ts';
import { siteWithKey, trailOf } from './trail.ts';

let stack: TestStack;
let tables: RawTables;
let beats = 0;

beforeAll(async () => {
  stack = await startTestStack({
    runtime: {
      metrics: {
        ...NO_METRICS,
        recordHeartbeat: () => {
          beats += 1;
        },
      },
    },
  });
  tables = rawTables(stack);
});

afterAll(async () => {
  tables?.close();
  await stack?.close();
});

test("A heartbeat arrives at the projector, the detector and the archiver, and in no customer's audit trail", async () => {
  const tenant = await siteWithKey(stack);
  await stack.heartbeat();
  await stack.heartbeat();
  await stack.streams.drain();

  const rows = await tables.partition('audit', 'AUDIT#heartbeat');
  expect(rows.map(({ type, sequence }) => [type, sequence])).toEqual([['service.heartbeat', 1]]);
  const bucket = stack.variables['ARCHIVE_BUCKET'] ?? '';
  expect(stack.s3.keys(bucket)).toContain('audit/heartbeat/0000000001-0000000001.ndjson');
  // Bundles write their metrics to standard output.
  if (!BUNDLED) expect(beats).toBe(3);

  const own = await trailOf(stack, tenant);
  expect(own.length).toBeGreaterThan(0);
  expect(own.filter(({ type }) => type === 'service.heartbeat')).toEqual([]);
  expect(stack.incidents.tamperings).toEqual([]);
});
