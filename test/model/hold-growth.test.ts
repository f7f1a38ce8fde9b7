import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { dynamoDbClient, plainDynamoDbClient } from '../../lambdas/adapters/aws/clients.ts';
import { dynamoDbSessionUsage } from '../../lambdas/adapters/aws/sessions/dynamodb-session-usage.ts';
import { sessionUsageItem } from '../../lambdas/adapters/aws/sessions/session-usage-item.ts';
import { primaryKey } from '../../lambdas/adapters/aws/table-keys.ts';
import { TABLES } from '../../lambdas/contract/tables.ts';
import { ConflictError } from '../../lambdas/domain/dependency.ts';
import { newSessionId, type WorkspaceId } from '../../lambdas/domain/identifiers.ts';
import { wantedHoldSeconds } from '../../lambdas/domain/sessions/hold.ts';
import { checkForSilence, type SessionUsage } from '../../lambdas/domain/sessions/session-usage.ts';
import { createTables } from '../../local/create-tables.ts';
import { type LocalDynamoDb, startDynamoDb } from '../../local/dynamodb/engine.ts';
import {
  aSessionUsage,
  clockAt,
  connected,
  ended,
  heartbeat,
  MINTED_MS,
  onTime,
  take,
} from '../domain/sessions/session-usage-fixture.ts';
import { type Tables, tablesAt } from '../support/key-tables.ts';

/** Growth of holds through the real adapter and the embedded engine. */
let engine: LocalDynamoDb;
let tables: Tables;
let client: ReturnType<typeof dynamoDbClient>;
let store: ReturnType<typeof dynamoDbSessionUsage>;
let count = 0;
let workspaceId: WorkspaceId;

beforeAll(async () => {
  process.env['AWS_ACCESS_KEY_ID'] = 'local';
  process.env['AWS_SECRET_ACCESS_KEY'] = 'local';
  engine = await startDynamoDb({ path: process.env['PATH'] });
  const endpoints = { AWS_REGION: 'us-east-1', AWS_ENDPOINT_URL_DYNAMODB: engine.endpoint };
  client = dynamoDbClient(endpoints);
  await createTables(plainDynamoDbClient(endpoints));
  tables = tablesAt(engine.endpoint);
  store = dynamoDbSessionUsage(client, { usage: TABLES.usage.name, dueIndex: TABLES.usage.index.name });
});
afterAll(async () => {
  tables?.close();
  client?.destroy();
  await engine?.close();
});
beforeEach(() => {
  workspaceId = String(++count).padStart(12, 'h') as WorkspaceId;
});

const stored = async (before: SessionUsage): Promise<SessionUsage> => {
  const { pk, sk } = primaryKey.sessionUsage(before.siteId, before.sessionId);
  return sessionUsageItem.parse((await tables.usageOf(pk)).find((item) => item['sk'] === sk));
};

const period = async () => {
  const { pk, sk } = primaryKey.periodUsage(workspaceId, '2026-11');
  const item = (await tables.usageOf(pk)).find((one) => one['sk'] === sk);
  return { used: item?.['usedSeconds'] ?? 0, committed: item?.['committedSeconds'] ?? 0 };
};

/** A session that holds 120 seconds and has spoken for as long as `seconds`. */
const running = async (seconds: number): Promise<SessionUsage> => {
  const fresh = {
    ...aSessionUsage({ holdSeconds: 120 }),
    workspaceId,
    sessionId: newSessionId(new Date(MINTED_MS), (size) => Buffer.alloc(size, ++count)),
  };
  await store.saveUsage(take(fresh, onTime([connected(0), heartbeat(seconds)])).usage);
  return await stored(fresh);
};

describe('two sessions that grow their quota reservations at the same time', () => {
  it('share the last seconds of a cap: one write succeeds, and the cap is never exceeded', async () => {
    const sessions = [await running(90), await running(90)];
    expect(await period()).toEqual({ used: 0, committed: 240 });
    const outcomes = await Promise.allSettled(
      sessions.map((session) => store.saveUsage({ ...session, holdSeconds: 180 }, [], 300)),
    );
    expect(outcomes.map(({ status }) => status).toSorted()).toEqual(['fulfilled', 'rejected']);
    const refused = outcomes.find((outcome) => outcome.status === 'rejected');
    expect(refused?.reason).toBeInstanceOf(ConflictError);
    expect(await period()).toEqual({ used: 60, committed: 300 });
    const holds = await Promise.all(sessions.map(async (session) => (await stored(session)).holdSeconds));
    expect(holds.toSorted()).toEqual([120, 180]);
  });

  it('cannot exceed the cap when they grow one after the other', async () => {
    const [first, second] = [await running(90), await running(90)];
    await store.saveUsage({ ...first, holdSeconds: 180 }, [], 300);
    await expect(store.saveUsage({ ...second, holdSeconds: 121 }, [], 300)).rejects.toBeInstanceOf(
      ConflictError,
    );
    expect(await period()).toEqual({ used: 60, committed: 300 });
  });

  it('cannot exceed the cap with a late report after another session took the returned seconds', async () => {
    const quiet = await running(40);
    await store.saveUsage(checkForSilence(quiet, clockAt(400)));
    const other = await running(90);
    expect(await period()).toEqual({ used: 60, committed: 180 });
    await store.saveUsage({ ...other, holdSeconds: 180 }, [], 240);
    const late = take(await stored(quiet), [{ report: heartbeat(90), arrivesAt: 500 }]).usage;
    await expect(store.saveUsage(late, [], 240)).rejects.toBeInstanceOf(ConflictError);
    await store.saveUsage({ ...late, holdSeconds: 60 });
    expect(await period()).toEqual({ used: 120, committed: 240 });
  });

  it('grow one reservation once if both requests read the same usage', async () => {
    const session = await running(90);
    const grow = () => store.saveUsage({ ...session, holdSeconds: 200 }, [], 6_000);
    const outcomes = await Promise.allSettled([grow(), grow()]);
    expect(outcomes.map(({ status }) => status).toSorted()).toEqual(['fulfilled', 'rejected']);
    expect(await period()).toEqual({ used: 80, committed: 200 });
  });
});

it.each([{ capSeconds: 6_000 }, { capSeconds: undefined }])(
  'seconds that become billable through a grown reservation are in the totals, with a cap of $capSeconds',
  async ({ capSeconds }) => {
    const session = await running(150);
    expect(await period()).toEqual({ used: 120, committed: 120 });
    await store.saveUsage({ ...session, holdSeconds: 270 }, [], capSeconds);
    const after = await stored(session);
    expect(after.posted).toMatchObject({ billedSeconds: 150, committedSeconds: 270 });
    expect(await period()).toEqual({ used: 150, committed: 270 });
    const days = (await tables.usageOf(primaryKey.periodUsage(workspaceId, '2026-11').pk)).filter(
      (item) => item['billedSeconds'] !== undefined,
    );
    expect(days.map(({ billedSeconds }) => billedSeconds)).toEqual([150]);
    // The next report adds nothing to the period, and the end all that is missing.
    await store.saveUsage(take(after, [{ report: heartbeat(160), arrivesAt: 160 }]).usage);
    expect(await period()).toEqual({ used: 150, committed: 270 });
    await store.saveUsage(take(await stored(session), [{ report: ended(170), arrivesAt: 170 }]).usage);
    expect(await period()).toEqual({ used: 170, committed: 170 });
  },
);

it('a capped session of two minutes writes its billing period twice after its mint: when its reservation grows and when it ends', async () => {
  const { pk, sk } = primaryKey.periodUsage(workspaceId, '2026-11');
  const writes = async () =>
    Number((await tables.usageOf(pk)).find((item) => item['sk'] === sk)?.['writes'] ?? 0);
  const counted = [];
  let session = await running(2);
  const minted = await writes();
  for (const seconds of [20, 40, 60, 80, 100]) {
    const heard = take(session, [{ report: heartbeat(seconds), arrivesAt: seconds }]).usage;
    await store.saveUsage({ ...heard, holdSeconds: wantedHoldSeconds(heard) }, [], 6_000);
    session = await stored(session);
    counted.push((await writes()) - minted);
  }
  await store.saveUsage(take(session, [{ report: ended(120), arrivesAt: 120 }]).usage);
  counted.push((await writes()) - minted);
  expect(counted).toEqual([0, 0, 0, 1, 1, 2]);
  expect(await period()).toEqual({ used: 120, committed: 120 });
});
