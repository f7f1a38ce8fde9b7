import { marshall } from '@aws-sdk/util-dynamodb';
import { describe, expect, it } from '@jest/globals';
import type { DynamoDBRecord } from 'aws-lambda';
import { keyUsageEventsOf } from '../../../../lambdas/adapters/aws/anomalies/key-usage-events.ts';

const SESSION_ID = `ses_${'0'.repeat(26)}`;

const SESSION = {
  pk: 'SITE#abcdefghjkmn000000000000',
  sk: `SESSION#${SESSION_ID}`,
  sessionId: SESSION_ID,
  workspaceId: 'abcdefghjkmn',
  siteId: 'abcdefghjkmn000000000000',
  kind: 'visitor',
  state: 'reserved',
  mode: 'byok',
  keyScope: 'workspace',
  keyScopeId: 'abcdefghjkmn',
  keyVersion: 3,
  fingerprint: 'f0f0',
  ipHash: 'aa'.repeat(32),
  origin: 'https://shop.example',
  createdAt: '2026-11-23T12:00:00.000Z',
};
const SETTLED = { ...SESSION, state: 'issued', settledAt: '2026-11-23T12:00:01.000Z' };

const recordOf = (image: Readonly<Record<string, unknown>>, eventName = 'MODIFY'): DynamoDBRecord =>
  ({ eventName, dynamodb: { SequenceNumber: '1', NewImage: marshall(image) } }) as DynamoDBRecord;

describe('the key usage event made from a sessions record', () => {
  it('is an admitted visitor, under the fingerprint of the key', () => {
    expect(keyUsageEventsOf(recordOf(SESSION, 'INSERT'))).toEqual([
      {
        workspaceId: 'abcdefghjkmn',
        subject: 'f0f0',
        siteId: 'abcdefghjkmn000000000000',
        mode: 'byok',
        key: { scope: 'workspace', scopeId: 'abcdefghjkmn', version: 3 },
        observation: {
          type: 'session',
          sessionId: SESSION_ID,
          at: Date.parse(SESSION.createdAt),
          ipHash: SESSION.ipHash,
          origin: 'https://shop.example',
        },
      },
    ]);
  });

  it('is the outcome of a session, with the OpenAI failure', () => {
    const [usageEvent] = keyUsageEventsOf(
      recordOf({ ...SETTLED, state: 'refused', openAiFailure: 'key_invalid' }),
    );
    expect(usageEvent?.observation).toEqual({
      type: 'outcome',
      sessionId: SESSION_ID,
      at: Date.parse(SETTLED.settledAt),
      issued: false,
      openAiFailure: 'key_invalid',
    });
  });

  it('is the real length of a session after its end, and not before', () => {
    const typesOf = (image: Readonly<Record<string, unknown>>) =>
      keyUsageEventsOf(recordOf(image)).map(({ observation }) => observation.type);
    expect(typesOf({ ...SETTLED, usedSeconds: 40 })).toEqual(['outcome']);
    expect(typesOf({ ...SETTLED, usedSeconds: 40, endedAt: '2026-11-23T12:00:41.000Z' })).toEqual([
      'outcome',
      'usage',
    ]);
  });

  it('is a false claim if the page claims more than OpenAI counted', () => {
    const image = { ...SETTLED, usedSeconds: 40, endedAt: '2026-11-23T12:00:41.000Z', claimsTooMuch: true };
    expect(keyUsageEventsOf(recordOf(image)).map(({ observation }) => observation)[2]).toEqual({
      type: 'false_claim',
      sessionId: SESSION_ID,
      at: Date.parse(image.endedAt),
    });
  });

  it('is the number of foreign origins that a site refused in a minute', () => {
    const row = {
      pk: 'ERRORS#abcdefghjkmn',
      sk: '2026-11-23T12:00#abcdefghjkmn000000000000#origin_not_allowed',
      code: 'origin_not_allowed',
      workspaceId: 'abcdefghjkmn',
      siteId: 'abcdefghjkmn000000000000',
      lastAt: '2026-11-23T12:00:30.000Z',
      count: 7,
    };
    const [usageEvent] = keyUsageEventsOf(recordOf(row));
    expect(usageEvent).toMatchObject({ subject: 'SITE#abcdefghjkmn000000000000', key: undefined });
    const counted = { type: 'refused_origins', at: Date.parse(row.lastAt), count: 7 };
    expect(usageEvent?.observation).toEqual({ ...counted, slot: 0 });
    const [named] = keyUsageEventsOf(recordOf({ ...row, slot: 3, origin: 'https://evil.example' }));
    expect(named?.observation).toEqual({ ...counted, slot: 3 });
    expect(keyUsageEventsOf(recordOf({ ...row, code: 'busy' }))).toEqual([]);
  });

  it.each(['test', 'reencryption'])(
    'is missing for a session of the kind %s, in which a person opened the key',
    (kind) => {
      expect(keyUsageEventsOf(recordOf({ ...SESSION, kind }, 'INSERT'))).toEqual([]);
    },
  );

  it('is missing for notes on a key and for expired items', () => {
    expect(keyUsageEventsOf(recordOf({ pk: 'KEY#site#x', sk: 'ACTIVITY', lastUsedAt: 'now' }))).toEqual([]);
    expect(keyUsageEventsOf({ eventName: 'REMOVE', dynamodb: { SequenceNumber: '1' } })).toEqual([]);
  });

  it.each<[string, unknown]>([
    ['sessionId', 'ses_1'],
    ['workspaceId', ''],
    ['siteId', 'A site'],
    ['state', 'open'],
    ['mode', 'free'],
    ['keyScope', 'planet'],
    ['keyScopeId', ''],
    ['keyVersion', 0],
    ['keyVersion', 1.5],
    ['fingerprint', undefined],
    ['fingerprint', 'f'.repeat(1_025)],
    ['ipHash', '203.0.113.7'],
    ['origin', 'o'.repeat(1_025)],
    ['createdAt', 'not a time'],
    ['settledAt', ''],
    ['endedAt', '2026-11-23'],
    ['usedSeconds', -1],
  ])('is an error for a session whose %s is %p', (field, value) => {
    const whole = { ...SETTLED, usedSeconds: 40, endedAt: SETTLED.settledAt };
    expect(keyUsageEventsOf(recordOf(whole))).toHaveLength(2);
    const entries = Object.entries({ ...whole, [field]: value }).filter(([, each]) => each !== undefined);
    expect(() => keyUsageEventsOf(recordOf(Object.fromEntries(entries)))).toThrow();
  });
});
