import { PutCommand } from '@aws-sdk/lib-dynamodb';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { dynamoDbClient, plainDynamoDbClient } from '../../lambdas/adapters/aws/clients.ts';
import { dynamoDbSessionEnds } from '../../lambdas/adapters/aws/sessions/dynamodb-session-ends.ts';
import { primaryKey } from '../../lambdas/adapters/aws/table-keys.ts';
import { TABLES } from '../../lambdas/contract/tables.ts';
import type { CallId } from '../../lambdas/domain/calls/call.ts';
import type { SessionUsage } from '../../lambdas/domain/sessions/session-usage.ts';
import {
  type WatchNote,
  withCallClosed,
  withWatchNote,
  withWatchTaken,
} from '../../lambdas/domain/sessions/watched-usage.ts';
import { NO_TOKENS } from '../../lambdas/domain/usage/token-counts.ts';
import { createTables } from '../../local/create-tables.ts';
import { type LocalDynamoDb, startDynamoDb } from '../../local/dynamodb/engine.ts';
import {
  afterMint,
  aSessionUsage,
  clockAt,
  onTime,
  responseUsage,
  take,
} from '../domain/sessions/session-usage-fixture.ts';
import { type Tables, tablesAt } from '../support/key-tables.ts';

/** The end of a session through the real adapter and the embedded engine. The anomaly detector reads the item. */
let engine: LocalDynamoDb;
let tables: Tables;
let client: ReturnType<typeof dynamoDbClient>;

beforeAll(async () => {
  process.env['AWS_ACCESS_KEY_ID'] = 'local';
  process.env['AWS_SECRET_ACCESS_KEY'] = 'local';
  engine = await startDynamoDb({ path: process.env['PATH'] });
  const endpoints = { AWS_REGION: 'us-east-1', AWS_ENDPOINT_URL_DYNAMODB: engine.endpoint };
  client = dynamoDbClient(endpoints);
  await createTables(plainDynamoDbClient(endpoints));
  tables = tablesAt(engine.endpoint);
});
afterAll(async () => {
  tables?.close();
  client?.destroy();
  await engine?.close();
});

const noted = (usage: SessionUsage | undefined, note: WatchNote): SessionUsage => {
  const next = usage && withWatchNote(usage, 1, note, clockAt(40));
  if (next === undefined) throw new Error('The watcher has lost its call.');
  return next;
};

/** A call of which the watcher counted one response, and the page claims twice as much. */
const claiming = (): SessionUsage => {
  const watched = withWatchTaken(
    aSessionUsage(),
    { callId: 'rtc_1' as CallId, openedAtMs: afterMint(1) },
    clockAt(1),
  );
  const tokens = { ...NO_TOKENS, audioOut: 20 };
  const counted = noted(watched, { type: 'response', responseId: 'r1', tokens });
  return take(counted, onTime([responseUsage(30, { audioOut: 40 })])).usage;
};

/** Records the ends in this order, and returns whether the item then says that the page claims too much. */
const claimOf = async (...ends: readonly SessionUsage[]): Promise<unknown> => {
  const key = primaryKey.session(claiming(), claiming().sessionId);
  await client.send(new PutCommand({ TableName: TABLES.sessions.name, Item: { ...key } }));
  const { recordEnd } = dynamoDbSessionEnds(client, TABLES.sessions.name);
  for (const usage of ends) await recordEnd(usage);
  const item = (await tables.scan('sessions')).find(({ pk, sk }) => pk === key.pk && sk === key.sk);
  expect(item).toHaveProperty('endedAt');
  return item?.['claimsTooMuch'];
};

describe('the item of an ended session', () => {
  const closed = withCallClosed(claiming(), clockAt(60));
  const complete = noted(closed, { type: 'ended' });

  it("has a page's claim as false once the watcher has seen the whole call", async () => {
    expect(await claimOf(closed, complete)).toBe(true);
  });

  it('has no false claim of the page if the watcher died before the end', async () => {
    expect(await claimOf(closed)).toBeUndefined();
  });

  it('loses the false claim if it turns out later that the watcher missed something', async () => {
    expect(await claimOf(complete, noted(complete, { type: 'gap' }))).toBeUndefined();
  });
});
