import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { expectRefusal, expectSuccess } from '../support/answers.ts';
import { type AwsCall, type AwsProxy, startAwsProxy } from '../support/aws-proxy.ts';
import { startTestStack, type TestAnswer, type TestStack } from '../support/stack.ts';
import { fakeKey, makeTenant, mint, putSiteKey, type Tenant } from '../support/tenant.ts';
import {
  decryptsOf,
  expectIntact,
  expectJoined,
  intentsIn,
  keyPath,
  ofType,
  outcomesIn,
  settledTrail,
  type TrailRow,
} from './trail.ts';

let stack: TestStack;
let dynamoDb: AwsProxy;
let kms: AwsProxy;

beforeAll(async () => {
  [dynamoDb, kms] = await Promise.all([startAwsProxy(), startAwsProxy()]);
  stack = await startTestStack({
    audited: false,
    variables: { AWS_ENDPOINT_URL_DYNAMODB: dynamoDb.url, AWS_ENDPOINT_URL_KMS: kms.url },
  });
  dynamoDb.forwardTo(stack.dynamoDb.endpoint);
  kms.forwardTo(stack.kms.endpoint);
});

afterAll(async () => {
  await stack?.close();
  await Promise.all([dynamoDb?.close(), kms?.close()]);
});

afterEach(() => {
  dynamoDb.intervene();
  kms.intervene();
});

const textIn = ({ body }: AwsCall): string => JSON.stringify(body);

/** The write of an outcome, which turns a session from `reserved`. */
const isSettlement = (call: AwsCall): boolean =>
  call.operation === 'UpdateItem' &&
  textIn(call).includes('"TableName":"sessions"') &&
  textIn(call).includes('"reserved"');

/** A visitor's is written together with the slot, that of a person alone. */
const isIntent = (call: AwsCall): boolean =>
  ['TransactWriteItems', 'PutItem'].includes(call.operation) &&
  textIn(call).includes('"TableName":"sessions"');

const isAppend = (call: AwsCall): boolean =>
  call.operation === 'TransactWriteItems' && textIn(call).includes('"TableName":"audit"');

/** An answer that no client repeats the call for. */
const DENIED = { errorName: 'AccessDeniedException', status: 400 } as const;

const ready = async (on = stack): Promise<Tenant> => {
  const tenant = await makeTenant(on, { openai_tier: 5 });
  expectSuccess(await putSiteKey(on, tenant, fakeKey()));
  return tenant;
};

/** The three ways to a plaintext key. */
const USES = [
  ['a mint', 'visitor', (tenant: Tenant, on = stack) => mint(on, tenant)],
  ['Test voice', 'test', (tenant: Tenant, on = stack) => postKey(on, tenant, 'test')],
  ['re-encryption', 'reencryption', (tenant: Tenant, on = stack) => postKey(on, tenant, 'rotate')],
] as const;

const postKey = (on: TestStack, tenant: Tenant, verb: string): Promise<TestAnswer> =>
  on.call('POST', `${keyPath('site', tenant)}/${verb}`, { as: tenant.owner });

const openIntents = (rows: readonly TrailRow[]): TrailRow[] => {
  const settled = new Set(outcomesIn(rows).map(({ session_id }) => session_id));
  return intentsIn(rows).filter(({ session_id }) => !settled.has(session_id));
};

/** Holds back the calls that `matches`, until it is opened; `reached` resolves with the first of them. */
const holdBack = (proxy: AwsProxy, matches: (call: AwsCall) => boolean) => {
  let arrive: () => void = () => undefined;
  let open: () => void = () => undefined;
  const reached = new Promise<void>((resolve) => {
    arrive = resolve;
  });
  const opened = new Promise<void>((resolve) => {
    open = resolve;
  });
  proxy.intervene(async (call) => {
    if (!matches(call)) return undefined;
    arrive();
    await opened;
    return undefined;
  });
  return { reached, open };
};

describe.each(USES)('%s', (_, kind, use) => {
  test('leaves an open intent next to its Decrypt call if its outcome is never written', async () => {
    const tenant = await ready();
    dynamoDb.intervene((call) => (isSettlement(call) ? DENIED : undefined));
    const answer = await use(tenant);
    expectRefusal(answer, 503, 'unavailable');
    expect(answer.text).not.toContain('ek_');
    dynamoDb.intervene();
    const rows = await settledTrail(stack, tenant);
    expect(openIntents(rows)).toMatchObject([
      {
        type: 'session.reserved',
        actor: kind === 'visitor' ? 'visitor' : tenant.owner,
        site_id: tenant.siteId,
        ip_hash: expect.stringMatching(/^[0-9a-f]{64}$/),
        facts: { kind, key_scope: 'site', key_version: 1 },
      },
    ]);
    expect(outcomesIn(rows)).toEqual([]);
    expect(decryptsOf(stack, tenant)).toHaveLength(1);
    expect(ofType(rows, 'key.reencrypted')).toEqual([]);
    await expectIntact(stack, tenant, rows);
  });

  test('has its intent in the audit trail before the call to KMS, and its outcome after it', async () => {
    const tenant = await ready();
    const held = holdBack(kms, ({ operation }) => operation === 'Decrypt');
    const answer = use(tenant);
    await held.reached;
    const during = await settledTrail(stack, tenant);
    expect(decryptsOf(stack, tenant)).toEqual([]);
    held.open();
    expectSuccess(await answer);
    expect(openIntents(during)).toMatchObject([{ facts: { kind, key_version: 1 } }]);
    const rows = await settledTrail(stack, tenant);
    expect(rows.slice(0, during.length)).toEqual(during);
    expectJoined(stack, tenant, rows);
    await expectIntact(stack, tenant, rows);
  });

  test('has an open intent and an explained Decrypt call while it holds the key', async () => {
    const tenant = await ready();
    const held = holdBack(dynamoDb, isSettlement);
    const answer = use(tenant);
    await held.reached;
    const during = await settledTrail(stack, tenant);
    expect(decryptsOf(stack, tenant)).toHaveLength(1);
    held.open();
    expectSuccess(await answer);
    expect(openIntents(during)).toHaveLength(1);
    const rows = await settledTrail(stack, tenant);
    expect(openIntents(rows)).toEqual([]);
    expectJoined(stack, tenant, rows);
  });

  test('decrypts nothing and leaves no trace if its intent cannot be written', async () => {
    const tenant = await ready();
    const before = await settledTrail(stack, tenant);
    dynamoDb.intervene((call) => (isIntent(call) ? DENIED : undefined));
    expectRefusal(await use(tenant), 503, 'unavailable');
    dynamoDb.intervene();
    expect(decryptsOf(stack, tenant)).toEqual([]);
    expect(await settledTrail(stack, tenant)).toEqual(before);
  });

  test('has one outcome if the first confirmation of the write is lost', async () => {
    const tenant = await ready();
    let lost = false;
    dynamoDb.intervene((call) => {
      if (lost || !isSettlement(call)) return undefined;
      lost = true;
      return 'lose-answer';
    });
    expectSuccess(await use(tenant));
    expect(lost).toBe(true);
    const rows = await settledTrail(stack, tenant);
    expect(outcomesIn(rows)).toHaveLength(1);
    expectJoined(stack, tenant, rows);
    await expectIntact(stack, tenant, rows);
  });
});

describe('uses of a key during crashes', () => {
  test('leave one open intent for each lost outcome, and every other use is joined', async () => {
    const tenant = await ready();
    const lost = new Set([2, 5, 6]);
    let settlements = 0;
    dynamoDb.intervene((call) => {
      if (!isSettlement(call)) return undefined;
      settlements += 1;
      return lost.has(settlements) ? DENIED : undefined;
    });
    const answers = await Promise.all(Array.from({ length: 8 }, () => mint(stack, tenant)));
    dynamoDb.intervene();
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(5);
    const rows = await settledTrail(stack, tenant);
    const open = openIntents(rows).map(({ session_id }) => session_id);
    expect(open).toHaveLength(3);
    const handedOut = answers.flatMap(({ status, data }) => (status === 200 ? [data.session_id] : []));
    expect(open.filter((session) => handedOut.includes(session))).toEqual([]);
    expect(
      ofType(rows, 'session.issued')
        .map(({ session_id }) => session_id)
        .sort(),
    ).toEqual([...handedOut].sort());
    const named = new Set(outcomesIn(rows).map(({ facts }) => facts['kms_request_id']));
    const decrypts = decryptsOf(stack, tenant);
    expect(decrypts).toHaveLength(8);
    expect(decrypts.filter(({ requestId }) => !named.has(requestId))).toHaveLength(open.length);
  });

  test.each([
    ['once', 1, 200, 2],
    ['each time', 2, 503, 2],
  ] as const)(
    'have an intent for each Decrypt call if a response of KMS is lost %s, and the outcome names the answered call',
    async (_, times, status, calls) => {
      const tenant = await ready();
      let left: number = times;
      kms.intervene(({ operation }) => {
        if (operation !== 'Decrypt' || left === 0) return undefined;
        left -= 1;
        return 'lose-answer';
      });
      const answer = await mint(stack, tenant);
      expect(answer.status).toBe(status);
      const rows = await settledTrail(stack, tenant);
      const decrypts = decryptsOf(stack, tenant);
      expect(decrypts).toHaveLength(calls);
      const [intent] = intentsIn(rows);
      const [outcome] = outcomesIn(rows);
      expect(openIntents(rows)).toEqual([]);
      for (const { at, encryptionContext } of decrypts) {
        expect(encryptionContext?.['spelo:key_version']).toBe(String(intent?.facts['key_version']));
        expect(at >= (intent?.at ?? '')).toBe(true);
      }
      expect(outcome).toMatchObject({ type: status === 200 ? 'session.issued' : 'session.refused' });
      expect(outcome?.facts['kms_request_id']).toBe(status === 200 ? decrypts.at(-1)?.requestId : undefined);
    },
  );

  test('lose no intent or outcome if the projector cannot write at first', async () => {
    const tenant = await ready();
    await stack.streams.drain();
    let failures = 3;
    dynamoDb.intervene((call) => {
      if (failures === 0 || !isAppend(call)) return undefined;
      failures -= 1;
      return DENIED;
    });
    for (let i = 0; i < 3; i++) expectSuccess(await mint(stack, tenant));
    for (let i = 0; i < 4; i++) await stack.streams.drain();
    expect(failures).toBe(0);
    const rows = await settledTrail(stack, tenant);
    expect(ofType(rows, 'session.issued')).toHaveLength(3);
    expectJoined(stack, tenant, rows);
    await expectIntact(stack, tenant, rows);
  });

  test('appear once in the chain if the response to an append is lost', async () => {
    const tenant = await ready();
    await stack.streams.drain();
    let lost = 0;
    dynamoDb.intervene((call) => {
      if (!isAppend(call) || lost === 2) return undefined;
      lost += 1;
      return 'lose-answer';
    });
    expectSuccess(await mint(stack, tenant));
    for (let i = 0; i < 3; i++) await stack.streams.drain();
    expect(lost).toBe(2);
    const rows = await settledTrail(stack, tenant);
    expectJoined(stack, tenant, rows);
    await expectIntact(stack, tenant, rows);
  });
});

test('the intent of a broker that crashed while it held the key is in the audit trail after the next start', async () => {
  const dataDir = mkdtempSync(join(tmpdir(), 'spelo-intent-'));
  const proxy = await startAwsProxy();
  try {
    const first = await startTestStack({
      audited: false,
      dataDir,
      variables: { AWS_ENDPOINT_URL_DYNAMODB: proxy.url },
    });
    let tenant: Tenant;
    let before: readonly TrailRow[];
    try {
      proxy.forwardTo(first.dynamoDb.endpoint);
      tenant = await ready(first);
      expectSuccess(await mint(first, tenant));
      before = await settledTrail(first, tenant);
      const held = holdBack(proxy, isSettlement);
      const unanswered = mint(first, tenant).catch(() => undefined);
      await held.reached;
      expect(decryptsOf(first, tenant)).toHaveLength(2);
      // From here on the write of the outcome gets nowhere, and neither does the visitor's request.
      await Promise.all([proxy.close(), first.close()]);
      expect(await unanswered).toBeUndefined();
    } finally {
      await first.close();
    }
    const second = await startTestStack({ audited: false, dataDir });
    try {
      const rows = await settledTrail(second, tenant);
      expect(rows.slice(0, before.length)).toEqual(before);
      expect(openIntents(rows)).toMatchObject([{ facts: { kind: 'visitor', key_version: 1 } }]);
      expect(outcomesIn(rows)).toHaveLength(1);
      expectSuccess(await mint(second, tenant));
      const after = await settledTrail(second, tenant);
      expect(openIntents(after)).toHaveLength(1);
      await expectIntact(second, tenant, after);
    } finally {
      await second.close();
    }
  } finally {
    await proxy.close();
    rmSync(dataDir, { recursive: true, force: true });
  }
});
