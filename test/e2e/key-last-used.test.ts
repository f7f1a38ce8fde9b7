import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { DynamoDBDocumentClient, GetCommand, UpdateCommand } from '@aws-sdk/lib-dynamodb';
import { marshall } from '@aws-sdk/util-dynamodb';
import { afterAll, afterEach, describe, expect, it } from '@jest/globals';
import type { DynamoDBRecord } from 'aws-lambda';
import { dynamoDbKeyActivity } from '../../lambdas/adapters/aws/keys/dynamodb-keys.ts';
import { detectorHandler } from '../../lambdas/composition/detector.ts';
import { ENVIRONMENTS, parseEnvironment } from '../../lambdas/contract/environment.ts';
import { ConflictError } from '../../lambdas/domain/dependency.ts';
import { localRuntime } from '../../local/local-runtime.ts';
import { expectRefusal, expectSuccess } from '../support/answers.ts';
import { openCall, openedCall } from '../support/calls.ts';
import { frozenClock } from '../support/frozen-clock.ts';
import { asOwner, makeKeyedTenant, suspendWorkspaceKey } from '../support/keyed-tenant.ts';
import { mintRefused, openAiOf } from '../support/openai.ts';
import { startTestStack } from '../support/stack.ts';
import { fakeKey, mint, putSiteKey, type Tenant } from '../support/tenant.ts';

/** When a key was last used, as its owner sees it: noted from the stream of sessions. */

const MINUTE_MS = 60_000;
const time = frozenClock();
const stack = await startTestStack({ audited: false, runtime: { clock: time.clock } });
const openAi = openAiOf(stack);
const dynamoDb = DynamoDBDocumentClient.from(
  new DynamoDBClient({ endpoint: stack.dynamoDb.endpoint, region: 'us-east-1' }),
);
afterAll(async () => {
  dynamoDb.destroy();
  await stack.close();
});
afterEach(() => {
  openAi.clearFaults();
  stack.kms.clearFaults();
});

const keyPath = ({ workspaceId }: Tenant, rest = ''): string =>
  `/v1/workspaces/${workspaceId}/openai-key${rest}`;
const view = async (tenant: Tenant) => {
  await stack.streams.drain();
  return asOwner(stack, tenant, 'GET', keyPath(tenant));
};
const lastUsed = async (tenant: Tenant): Promise<string | null> => (await view(tenant)).last_used_at;
const nowText = (): string => time.clock().toISOString();
const newTenant = async (): Promise<Tenant> => {
  // Each test has its own minutes.
  time.advance(10 * MINUTE_MS);
  return makeKeyedTenant(stack, { openai_tier: 2 });
};

/** The detector, to be given records as Lambda delivers them: twice, late, or in another order. */
const detector = detectorHandler(
  parseEnvironment(ENVIRONMENTS.detector, stack.variables),
  { ...localRuntime(() => undefined), clock: time.clock },
  {
    announce: async () => undefined,
    request: async () => undefined,
    announceTampering: async () => undefined,
    announceNotice: async () => undefined,
  },
);
const issuedAt = ({ workspaceId, siteId }: Tenant, settledAt: string, number: number): DynamoDBRecord =>
  ({
    eventName: 'MODIFY',
    dynamodb: {
      SequenceNumber: String(number),
      NewImage: marshall({
        pk: `SITE#${siteId}`,
        sk: `SESSION#ses_${String(number).padStart(26, '0')}`,
        sessionId: `ses_${String(number).padStart(26, '0')}`,
        workspaceId,
        siteId,
        kind: 'visitor',
        openedWith: 'token',
        state: 'issued',
        mode: 'byok',
        keyScope: 'workspace',
        keyScopeId: workspaceId,
        keyVersion: 1,
        fingerprint: `f${workspaceId}`,
        ipHash: 'aa'.repeat(32),
        createdAt: settledAt,
        settledAt,
      }),
    },
  }) as DynamoDBRecord;

const activityOf = async ({ workspaceId }: Tenant) =>
  (
    await dynamoDb.send(
      new GetCommand({ TableName: 'sessions', Key: { pk: `KEY#workspace#${workspaceId}`, sk: 'ACTIVITY' } }),
    )
  ).Item;

describe('The last use of a key', () => {
  it('is its latest mint, and ignores tests and refusals', async () => {
    const tenant = await newTenant();
    await asOwner(stack, tenant, 'POST', keyPath(tenant, '/test'));
    openAi.inject({ ...mintRefused(500, { message: 'An error.' }), times: 1 });
    await mint(stack, tenant);
    expect(await lastUsed(tenant)).toBeNull();
    expectSuccess(await mint(stack, tenant));
    expect(await lastUsed(tenant)).toBe(nowText());
    time.advance(MINUTE_MS);
    expectSuccess(await mint(stack, tenant));
    expect(await lastUsed(tenant)).toBe(nowText());
  });

  it('is accurate to a minute', async () => {
    const tenant = await newTenant();
    expectSuccess(await mint(stack, tenant));
    const first = nowText();
    expect(await lastUsed(tenant)).toBe(first);
    time.advance(MINUTE_MS - 1);
    expectSuccess(await mint(stack, tenant));
    expect(await lastUsed(tenant)).toBe(first);
  });

  it('includes calls, but not the end of a call', async () => {
    const tenant = await newTenant();
    await openedCall(stack, tenant);
    const opened = nowText();
    expect(await lastUsed(tenant)).toBe(opened);
    time.advance(2 * MINUTE_MS);
    await suspendWorkspaceKey(stack, tenant);
    await stack.hangUps.drain();
    expect(await lastUsed(tenant)).toBe(opened);
  });

  it('ignores calls that OpenAI refused', async () => {
    const tenant = await newTenant();
    openAi.inject({ path: '/v1/realtime/calls', status: 500, body: {}, times: 1 });
    expectRefusal(await openCall(stack, tenant), 502, 'openai_error');
    expect(await lastUsed(tenant)).toBeNull();
  });

  it('belongs to the key that opened the session: the site’s own, not the workspace’s', async () => {
    const tenant = await newTenant();
    expectSuccess(await putSiteKey(stack, tenant, fakeKey()));
    expectSuccess(await mint(stack, tenant));
    expect(await lastUsed(tenant)).toBeNull();
    const siteKey = await asOwner(stack, tenant, 'GET', `/v1/sites/${tenant.siteId}/openai-key`);
    expect(siteKey.last_used_at).toBe(nowText());
  });
});

describe('Use records of the stream', () => {
  it('set the latest use, in any order and however often they are delivered', async () => {
    const tenant = await newTenant();
    const at = (minute: number): string =>
      new Date(time.clock().getTime() + minute * MINUTE_MS).toISOString();
    const records = [3, 1, 5, 2].map((minute, index) => issuedAt(tenant, at(minute), index));
    for (const batch of [...records.map((record) => [record]), records, [...records].reverse()])
      expect(await detector({ Records: batch })).toEqual({ batchItemFailures: [] });
    expect(await lastUsed(tenant)).toBe(at(5));
  });

  it('cause one write for all uses of a key within a batch', async () => {
    const tenant = await newTenant();
    const at = (second: number): string => new Date(time.clock().getTime() + second * 1_000).toISOString();
    const writes: string[] = [];
    stack.dynamoDb.onWritten?.((table) => writes.push(table));
    await detector({ Records: [0, 20, 40].map((second, index) => issuedAt(tenant, at(second), index)) });
    expect(writes.filter((table) => table === 'sessions')).toHaveLength(1);
    expect((await activityOf(tenant))?.['used']).toEqual({ version: 1, at: at(40) });
  });
});

describe('The write of a last use', () => {
  const activity = dynamoDbKeyActivity(dynamoDb, 'sessions');
  const noteAt = ({ workspaceId }: Tenant, at: string) =>
    activity.noteUse(
      { address: { scope: 'workspace', scopeId: workspaceId, workspaceId }, version: 1, at },
      { isReadable: true },
    );

  it('is refused if another detector wrote a later use after this one read', async () => {
    const tenant = await newTenant();
    const before = nowText();
    time.advance(1);
    await noteAt(tenant, nowText());
    await expect(noteAt(tenant, before)).rejects.toThrow(ConflictError);
    await expect(noteAt(tenant, nowText())).rejects.toThrow(ConflictError);
    expect((await activityOf(tenant))?.['used']).toEqual({ version: 1, at: nowText() });
  });

  it('is refused if the key was found unreadable after the read', async () => {
    const tenant = await newTenant();
    const before = nowText();
    time.advance(1);
    stack.kms.inject({ operation: 'Decrypt', errorName: 'InvalidCiphertextException', times: 1 });
    await mint(stack, tenant);
    await expect(noteAt(tenant, before)).rejects.toThrow(ConflictError);
    expect((await view(tenant)).state).toBe('needs_reentry');
  });
});

describe('A key that was found unreadable', () => {
  const damaged = async (tenant: Tenant): Promise<void> => {
    stack.kms.inject({ operation: 'Decrypt', errorName: 'InvalidCiphertextException', times: 1 });
    expectRefusal(await mint(stack, tenant), 422, 'openai_key_missing');
  };

  it('is active again after a mint that could decrypt it', async () => {
    const tenant = await newTenant();
    expectSuccess(await mint(stack, tenant));
    await stack.streams.drain();
    time.advance(1_000);
    await damaged(tenant);
    expect((await view(tenant)).state).toBe('needs_reentry');
    time.advance(1_000);
    expectSuccess(await mint(stack, tenant));
    expect((await view(tenant)).state).toBe('active');
  });

  it('stays unreadable when an earlier use is delivered late', async () => {
    const tenant = await newTenant();
    const before = nowText();
    time.advance(1_000);
    await damaged(tenant);
    await detector({ Records: [issuedAt(tenant, before, 1)] });
    expect(await view(tenant)).toMatchObject({ state: 'needs_reentry', last_used_at: before });
  });

  it('is active again after a mint if an older release stored no time', async () => {
    const tenant = await newTenant();
    await dynamoDb.send(
      new UpdateCommand({
        TableName: 'sessions',
        Key: { pk: `KEY#workspace#${tenant.workspaceId}`, sk: 'ACTIVITY' },
        UpdateExpression: 'SET unreadableVersion = :one',
        ExpressionAttributeValues: { ':one': 1 },
      }),
    );
    expect((await view(tenant)).state).toBe('needs_reentry');
    expectSuccess(await mint(stack, tenant));
    expect((await view(tenant)).state).toBe('active');
  });
});
