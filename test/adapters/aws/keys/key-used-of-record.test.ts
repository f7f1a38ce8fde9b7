import { marshall } from '@aws-sdk/util-dynamodb';
import { describe, expect, it } from '@jest/globals';
import type { DynamoDBRecord } from 'aws-lambda';
import { keyUsedOf } from '../../../../lambdas/adapters/aws/keys/key-used-of-record.ts';

const SESSION_ID = `ses_${'0'.repeat(26)}`;
const SITE_ID = 'abcdefghjkmn000000000000';
const AT = '2026-11-23T12:00:01.000Z';

const OPENED = {
  sessionId: SESSION_ID,
  workspaceId: 'abcdefghjkmn',
  siteId: SITE_ID,
  keyScope: 'workspace',
  keyVersion: 3,
  createdAt: '2026-11-23T12:00:00.000Z',
  settledAt: AT,
};
const TOKEN = {
  ...OPENED,
  pk: `SITE#${SITE_ID}`,
  sk: `SESSION#${SESSION_ID}`,
  kind: 'visitor',
  openedWith: 'token',
  state: 'issued',
};
const CALL = {
  ...OPENED,
  pk: `USE#${SESSION_ID}`,
  sk: 'call#evt_1',
  reason: 'call',
  state: 'settled',
  result: 'ok',
};

const recordOf = (image: Readonly<Record<string, unknown>>, eventName = 'MODIFY'): DynamoDBRecord =>
  ({ eventName, dynamodb: { SequenceNumber: '1', NewImage: marshall(image) } }) as DynamoDBRecord;

const WORKSPACE_KEY = { scope: 'workspace', scopeId: 'abcdefghjkmn', workspaceId: 'abcdefghjkmn' };

describe('a record of the sessions table', () => {
  it.each([
    ['a client secret was issued', TOKEN],
    ['OpenAI had created a call', CALL],
    ['a session of an older release was issued, which does not say how', { ...TOKEN, openedWith: '' }],
  ])('is a use of a key when %s', (_, image) => {
    expect(keyUsedOf(recordOf(image))).toEqual({ address: WORKSPACE_KEY, version: 3, at: AT });
  });

  it.each([
    ['site', { scope: 'site', scopeId: SITE_ID, workspaceId: 'abcdefghjkmn' }],
    ['platform', { scope: 'platform', scopeId: 'platform', workspaceId: 'platform' }],
  ])('is a use of the key of the %s', (keyScope, address) => {
    expect(keyUsedOf(recordOf({ ...TOKEN, keyScope }))?.address).toEqual(address);
    expect(keyUsedOf(recordOf({ ...CALL, keyScope }))?.address).toEqual(address);
  });

  it('counts as the same use when it is written again later', () => {
    expect(keyUsedOf(recordOf({ ...TOKEN, endedAt: '2026-11-23T12:05:00.000Z' }))?.at).toBe(AT);
  });
});

describe('a key is not used', () => {
  it.each([
    ['by an intent to mint', { ...TOKEN, state: 'reserved' }],
    ['by a refused mint', { ...TOKEN, state: 'refused', refusal: 'openai_error' }],
    ['by Test voice', { ...TOKEN, kind: 'test', state: 'used' }],
    ['by a re-encryption', { ...TOKEN, kind: 'reencryption', state: 'used' }],
    ['twice by a call, whose session is issued too', { ...TOKEN, openedWith: 'call' }],
    ['by an intent to open a call', { ...CALL, state: 'intended' }],
    ['by a call that OpenAI refused', { ...CALL, result: 'key_invalid' }],
    ['by a watcher', { ...CALL, reason: 'watch' }],
    ['by a hang-up', { ...CALL, reason: 'hangup' }],
    ['by notes on it', { pk: 'KEY#site#x', sk: 'ACTIVITY', state: 'issued' }],
  ])('%s', (_, image) => {
    expect(keyUsedOf(recordOf(image))).toBeUndefined();
  });

  it('by a removed record', () => {
    expect(keyUsedOf(recordOf(TOKEN, 'REMOVE'))).toBeUndefined();
    expect(keyUsedOf({ eventName: 'REMOVE', dynamodb: { SequenceNumber: '1' } })).toBeUndefined();
  });
});

describe('a record of a key use with invalid values', () => {
  it.each([
    ['workspaceId', ''],
    ['siteId', 'A site'],
    ['keyScope', 'planet'],
    ['keyVersion', 0],
    ['settledAt', 'not a time'],
  ])('is an error and not ignored: %s', (name, value) => {
    expect(() => keyUsedOf(recordOf({ ...TOKEN, [name]: value }))).toThrow();
    expect(() => keyUsedOf(recordOf({ ...CALL, [name]: value }))).toThrow();
  });
});
