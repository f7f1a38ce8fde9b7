import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { DependencyUnavailableError } from '../../lambdas/domain/dependency.ts';
import type { SiteId } from '../../lambdas/domain/identifiers.ts';
import { reencryptOpenAiKey } from '../../lambdas/use-cases/keys/reencrypt-openai-key.ts';
import { testOpenAiKey } from '../../lambdas/use-cases/keys/test-openai-key.ts';
import type { KeyOpener } from '../../lambdas/use-cases/ports/keys.ts';
import { mintToken } from '../../lambdas/use-cases/sessions/mint-token.ts';
import { type AwsCall, type AwsProxy, startAwsProxy } from '../support/aws-proxy.ts';
import { type Item, type Tables, tablesAt } from '../support/key-tables.ts';
import { startTestStack, type TestStack } from '../support/stack.ts';
import { fakeKey, makeTenant, mint, putSiteKey, type Tenant } from '../support/tenant.ts';
import {
  callerOf,
  MINT_SETTINGS,
  mintRequest,
  RATE_LIMITS,
  useCasePorts,
} from '../support/use-case-ports.ts';

let stack: TestStack;
let tables: Tables;
let dynamoDb: AwsProxy;
let kms: AwsProxy;

beforeAll(async () => {
  [dynamoDb, kms] = await Promise.all([startAwsProxy(), startAwsProxy()]);
  stack = await startTestStack({
    audited: false,
    variables: {
      AWS_ENDPOINT_URL_DYNAMODB: dynamoDb.url,
      AWS_ENDPOINT_URL_KMS: kms.url,
      OPENAI_TIMEOUT_MS: '2000',
    },
  });
  dynamoDb.forwardTo(stack.dynamoDb.endpoint);
  kms.forwardTo(stack.kms.endpoint);
  tables = tablesAt(stack.dynamoDb.endpoint);
});

afterAll(async () => {
  tables?.close();
  await stack?.close();
  await Promise.all([dynamoDb?.close(), kms?.close()]);
});

afterEach(() => {
  dynamoDb.intervene();
  kms.intervene();
  stack.openAi?.clearFaults();
});

const ready = async (settings: Readonly<Record<string, unknown>> = {}): Promise<Tenant> => {
  const tenant = await makeTenant(stack, settings);
  expect((await putSiteKey(stack, tenant, fakeKey())).status).toBe(200);
  stack.openAi?.clearRequests();
  stack.kms.clearCalls();
  return tenant;
};

const decrypts = (): number => stack.kms.calls.filter(({ operation }) => operation === 'Decrypt').length;
const states = (sessions: readonly Item[]) => sessions.map(({ state }) => state);
const touches = ({ body }: AwsCall, table: string): boolean =>
  JSON.stringify(body).includes(`"TableName":"${table}"`);

/** The write that turns a session from `reserved`. */
const isSettlement = (call: AwsCall): boolean =>
  call.operation === 'UpdateItem' &&
  touches(call, 'sessions') &&
  JSON.stringify(call.body).includes('"reserved"');

const loseFirstAnswer = (to: (call: AwsCall) => boolean) => {
  let lost = false;
  return (call: AwsCall) => {
    if (lost || !to(call)) return undefined;
    lost = true;
    return 'lose-answer' as const;
  };
};

const unavailable = { errorName: 'InternalServerError', status: 500 } as const;

describe('no key is decrypted without its intent on record', () => {
  test.each<[string, { errorName: string; status: number }]>([
    ['DynamoDB is broken', unavailable],
    ['DynamoDB throttles', { errorName: 'ThrottlingException', status: 400 }],
    ['the write is denied', { errorName: 'AccessDeniedException', status: 400 }],
  ])('when %s, neither KMS nor OpenAI is called', async (_, fault) => {
    const tenant = await ready();
    dynamoDb.intervene(({ operation }) => (operation === 'TransactWriteItems' ? fault : undefined));
    const { status, error, headers } = await mint(stack, tenant);
    expect({ status, code: error.code }).toEqual({ status: 503, code: 'unavailable' });
    expect(Number(headers.get('retry-after'))).toBeGreaterThanOrEqual(1);
    expect(decrypts()).toBe(0);
    expect(stack.openAi?.requests).toHaveLength(0);
    expect(await tables.sessionsOf(tenant.siteId)).toEqual([]);
    expect(await tables.slotsOf(tenant.workspaceId)).toEqual([]);
  });

  test('when the intent was written but the response was lost, no key is decrypted and the session stays reserved', async () => {
    const tenant = await ready({ openai_tier: 1 });
    dynamoDb.intervene(({ operation }) => (operation === 'TransactWriteItems' ? 'lose-answer' : undefined));
    const answer = await mint(stack, tenant);
    expect(answer.status).toBeGreaterThanOrEqual(400);
    expect(answer.text).not.toContain('ek_');
    expect(decrypts()).toBe(0);
    expect(states(await tables.sessionsOf(tenant.siteId))).toEqual(['reserved']);
  });

  test('when one response to the intent was lost, the retry finds it: one session, one slot, one decrypt', async () => {
    const tenant = await ready();
    dynamoDb.intervene(loseFirstAnswer(({ operation }) => operation === 'TransactWriteItems'));
    expect((await mint(stack, tenant)).status).toBe(200);
    expect(decrypts()).toBe(1);
    expect(states(await tables.sessionsOf(tenant.siteId))).toEqual(['issued']);
    expect(await tables.slotsOf(tenant.workspaceId)).toHaveLength(1);
  });

  test.each(['test', 'rotate'])('not even for an action of a member: %s', async (action) => {
    const tenant = await ready();
    dynamoDb.intervene(({ operation }) => (operation === 'PutItem' ? unavailable : undefined));
    const path = `/v1/sites/${tenant.siteId}/openai-key/${action}`;
    expect((await stack.call('POST', path, { as: tenant.owner })).status).toBe(503);
    expect(decrypts()).toBe(0);
    expect(stack.openAi?.requests).toHaveLength(0);
    expect(await tables.sessionsOf(tenant.siteId)).toEqual([]);
  });

  test('a refused request causes no decrypt', async () => {
    const tenant = await ready({ openai_tier: 1 });
    expect((await mint(stack, tenant)).status).toBe(200);
    stack.kms.clearCalls();
    expect((await mint(stack, tenant)).status).toBe(429);
    expect((await mint(stack, tenant, {}, 'https://evil.example')).status).toBe(403);
    expect((await mint(stack, tenant, { extra: 1 })).status).toBe(400);
    await stack.call('POST', `/v1/sites/${tenant.siteId}/openai-key/suspend`, { as: tenant.owner });
    expect((await mint(stack, tenant)).status).toBe(423);
    expect(decrypts()).toBe(0);
  });
});

describe('the session is reserved while its key is decrypted', () => {
  test('the table shows a reserved session at the moment of the decrypt', async () => {
    const tenant = await ready();
    let seen: readonly Item[] = [];
    kms.intervene(async ({ operation }) => {
      if (operation === 'Decrypt') seen = await tables.sessionsOf(tenant.siteId);
      return undefined;
    });
    expect((await mint(stack, tenant)).status).toBe(200);
    expect(states(seen)).toEqual(['reserved']);
    expect(seen[0]).toMatchObject({
      keyScope: 'site',
      keyScopeId: tenant.siteId,
      keyVersion: 1,
      mode: 'byok',
    });
    expect(seen[0]?.['kmsRequestId']).toBeUndefined();
  });

  test('a broker that crashes while it holds the plaintext leaves the reserved session and its slot', async () => {
    const tenant = await ready();
    const ports = useCasePorts(stack);
    let died: () => void = () => undefined;
    const dead = new Promise<void>((resolve) => {
      died = resolve;
    });
    // Never comes back from OpenAI: what is on record then is what a crash at that moment would leave.
    const openAi = {
      ...ports.openAi,
      mintClientSecret: () => {
        died();
        return new Promise<never>(() => undefined);
      },
    };
    void mintToken({ ...ports, openAi }, MINT_SETTINGS)(mintRequest(tenant));
    await dead;
    expect(states(await tables.sessionsOf(tenant.siteId))).toEqual(['reserved']);
    expect(await tables.slotsOf(tenant.workspaceId)).toHaveLength(1);
    expect(decrypts()).toBe(1);
  });

  test('the table shows a reserved session of a re-encryption at the moment of the decrypt, and a used one after it', async () => {
    const tenant = await ready();
    let seen: readonly Item[] = [];
    kms.intervene(async ({ operation }) => {
      if (operation === 'Decrypt') seen = await tables.sessionsOf(tenant.siteId);
      return undefined;
    });
    const path = `/v1/sites/${tenant.siteId}/openai-key/rotate`;
    expect((await stack.call('POST', path, { as: tenant.owner })).status).toBe(200);
    expect(seen).toHaveLength(1);
    expect(seen[0]).toMatchObject({
      state: 'reserved',
      kind: 'reencryption',
      keyVersion: 1,
      actor: tenant.owner,
    });
    const [session] = await tables.sessionsOf(tenant.siteId);
    expect(session).toMatchObject({ state: 'used', kmsRequestId: expect.stringMatching(/./) });
    expect(await tables.slotsOf(tenant.workspaceId)).toEqual([]);
    expect(stack.openAi?.requests).toHaveLength(0);
  });

  test('a broker that crashes between the decrypt and its outcome leaves the reserved session', async () => {
    const tenant = await ready();
    const ports = useCasePorts(stack);
    const opener: KeyOpener = {
      withPlaintext: (sealed, _use, onDecryptAttempt) =>
        ports.opener.withPlaintext(
          sealed,
          () => new Promise<never>(() => undefined),
          (requestId) => {
            onDecryptAttempt(requestId);
            opened();
          },
        ),
    };
    let opened: () => void = () => undefined;
    const open = new Promise<void>((resolve) => {
      opened = resolve;
    });
    void mintToken({ ...ports, opener }, MINT_SETTINGS)(mintRequest(tenant));
    await open;
    expect(states(await tables.sessionsOf(tenant.siteId))).toEqual(['reserved']);
  });
});

describe('a client secret whose session is not on record is not issued', () => {
  test.each([
    ['is refused', unavailable] as const,
    ['is throttled', { errorName: 'ThrottlingException' }] as const,
  ])(
    'when the write of the outcome %s: 503, no secret, and the session stays an open intent',
    async (_, fault) => {
      const tenant = await ready();
      const before = stack.openAi?.mintedSecrets ?? 0;
      dynamoDb.intervene((call) => (isSettlement(call) ? fault : undefined));
      const { status, text, error } = await mint(stack, tenant);
      expect({ status, code: error.code }).toEqual({ status: 503, code: 'unavailable' });
      expect(text).not.toContain('ek_');
      expect(text).not.toContain('signing_secret');
      expect(stack.openAi?.mintedSecrets).toBe(before + 1);
      expect(states(await tables.sessionsOf(tenant.siteId))).toEqual(['reserved']);
      expect(await tables.slotsOf(tenant.workspaceId)).toEqual([]);
    },
  );

  test('a lost response to the write of the outcome: an error, no secret, and the session is recorded as issued', async () => {
    const tenant = await ready();
    const before = stack.openAi?.mintedSecrets ?? 0;
    dynamoDb.intervene((call) => (isSettlement(call) ? 'lose-answer' : undefined));
    const { status, text } = await mint(stack, tenant);
    expect(status).toBeGreaterThanOrEqual(400);
    expect(text).not.toContain('ek_');
    expect(stack.openAi?.mintedSecrets).toBe(before + 1);
    expect(states(await tables.sessionsOf(tenant.siteId))).toEqual(['issued']);
  });

  test('one lost response to the write of the outcome does not affect the visitor', async () => {
    const tenant = await ready();
    const before = stack.openAi?.mintedSecrets ?? 0;
    dynamoDb.intervene(loseFirstAnswer(isSettlement));
    expect((await mint(stack, tenant)).status).toBe(200);
    expect(stack.openAi?.mintedSecrets).toBe(before + 1);
    expect(states(await tables.sessionsOf(tenant.siteId))).toEqual(['issued']);
    expect(await tables.slotsOf(tenant.workspaceId)).toHaveLength(1);
  });

  test('one lost response to the write of the outcome does not change the refusal', async () => {
    const tenant = await ready();
    stack.openAi?.inject({
      path: '/v1/realtime/client_secrets',
      status: 401,
      body: { error: { code: 'invalid_api_key', type: 'invalid_request_error', message: '' } },
    });
    dynamoDb.intervene(loseFirstAnswer(isSettlement));
    expect((await mint(stack, tenant)).status).toBe(422);
    expect(states(await tables.sessionsOf(tenant.siteId))).toEqual(['refused']);
  });

  test('a session that another request settled is not settled again', async () => {
    const tenant = await ready();
    dynamoDb.intervene(async (call) => {
      if (!isSettlement(call)) return undefined;
      const [session] = await tables.sessionsOf(tenant.siteId);
      await tables.putItem('sessions', {
        ...session,
        state: 'refused',
        settledAt: '2026-01-01T00:00:00.000Z',
      });
      return undefined;
    });
    const { status, text } = await mint(stack, tenant);
    expect(status).toBe(503);
    expect(text).not.toContain('ek_');
    expect(await tables.slotsOf(tenant.workspaceId)).toEqual([]);
    expect(states(await tables.sessionsOf(tenant.siteId))).toEqual(['refused']);
  });

  test.each([
    ['PUT', ''],
    ['POST', '/suspend'],
    ['POST', '/rotate'],
    ['DELETE', ''],
  ])('one lost response to the write of a key does not return a conflict: %s%s', async (method, action) => {
    const tenant = await ready();
    const events = async () =>
      (await tables.scan('tenancy')).filter(
        ({ pk }) =>
          pk === `EVENTS#keys#${tenant.workspaceId}` || pk === `EVENTS#rotate#${tenant.workspaceId}`,
      ).length;
    const before = await events();
    dynamoDb.intervene(
      loseFirstAnswer((call) => call.operation === 'TransactWriteItems' && touches(call, 'keys')),
    );
    const body = method === 'PUT' ? { api_key: fakeKey() } : undefined;
    const path = `/v1/sites/${tenant.siteId}/openai-key${action}`;
    expect((await stack.call(method, path, { as: tenant.owner, body })).status).toBe(200);
    expect(await tables.keyItem('site', tenant.siteId)).toMatchObject({ revision: 2 });
    expect(await events()).toBe(before + 1);
  });

  test('Test voice returns no verdict without a recorded outcome', async () => {
    const tenant = await ready();
    dynamoDb.intervene((call) => (isSettlement(call) ? unavailable : undefined));
    const path = `/v1/sites/${tenant.siteId}/openai-key/test`;
    expect((await stack.call('POST', path, { as: tenant.owner })).status).toBe(503);
    expect(states(await tables.sessionsOf(tenant.siteId))).toEqual(['reserved']);
  });

  test('re-encryption stores no record without a recorded outcome of its decrypt', async () => {
    const tenant = await ready();
    dynamoDb.intervene((call) => (isSettlement(call) ? unavailable : undefined));
    const path = `/v1/sites/${tenant.siteId}/openai-key/rotate`;
    expect((await stack.call('POST', path, { as: tenant.owner })).status).toBe(503);
    expect(states(await tables.sessionsOf(tenant.siteId))).toEqual(['reserved']);
    expect(await tables.keyItem('site', tenant.siteId)).toMatchObject({ revision: 1, version: 1 });
  });

  const failure = async (): Promise<never> => {
    throw new DependencyUnavailableError('kms', 'GenerateMac', 'ThrottlingException');
  };

  test('a missing signing secret prevents the decrypt and the mint', async () => {
    const tenant = await ready({ openai_tier: 1 });
    const ports = useCasePorts(stack);
    const deriver = { ...ports.pseudonyms, signingSecret: failure };
    for (let i = 0; i < 2; i++)
      await expect(
        mintToken({ ...ports, pseudonyms: deriver }, MINT_SETTINGS)(mintRequest(tenant)),
      ).rejects.toThrow(DependencyUnavailableError);
    expect(decrypts()).toBe(0);
    expect(stack.openAi?.requests).toHaveLength(0);
    const sessions = await tables.sessionsOf(tenant.siteId);
    expect(sessions.map(({ state, refusal }) => [state, refusal])).toEqual([
      ['refused', 'unavailable'],
      ['refused', 'unavailable'],
    ]);
    expect(await tables.slotsOf(tenant.workspaceId)).toEqual([]);
  });
});

describe('a refusal is on record before the visitor receives it', () => {
  test.each<[string, number, string, () => void]>([
    [
      'KMS is down',
      503,
      'unavailable',
      () => kms.intervene(({ operation }) => (operation === 'Decrypt' ? unavailable : undefined)),
    ],
    [
      'OpenAI refuses the key',
      422,
      'openai_key_rejected',
      () =>
        stack.openAi?.inject({
          path: '/v1/realtime/client_secrets',
          status: 401,
          body: { error: { code: 'invalid_api_key', type: 'invalid_request_error', message: '' } },
        }),
    ],
    [
      'OpenAI is broken',
      502,
      'openai_error',
      () => stack.openAi?.inject({ path: '/v1/realtime/client_secrets', status: 500, body: {} }),
    ],
  ])('%s', async (_, status, refusal, break_) => {
    const tenant = await ready({ openai_tier: 1 });
    break_();
    for (let i = 0; i < 2; i++) expect((await mint(stack, tenant)).status).toBe(status);
    const sessions = await tables.sessionsOf(tenant.siteId);
    expect(sessions.map((session) => [session['state'], session['refusal']])).toEqual([
      ['refused', refusal],
      ['refused', refusal],
    ]);
    expect(await tables.slotsOf(tenant.workspaceId)).toEqual([]);
  });

  test('a refusal that cannot be recorded stays the same, and its session stays an open intent', async () => {
    const tenant = await ready();
    stack.openAi?.inject({
      path: '/v1/realtime/client_secrets',
      status: 401,
      body: { error: { code: 'invalid_api_key', type: 'invalid_request_error', message: '' } },
    });
    dynamoDb.intervene((call) => (isSettlement(call) ? unavailable : undefined));
    expect((await mint(stack, tenant)).status).toBe(422);
    expect(states(await tables.sessionsOf(tenant.siteId))).toEqual(['reserved']);
  });

  test('a session that is released because the rate limit of the site could not be read records that reason', async () => {
    const tenant = await ready();
    const ports = useCasePorts(stack);
    const limiter = {
      spend: async (subject: string, ...rest: unknown[]) => {
        if (subject.startsWith('site#'))
          throw new DependencyUnavailableError('dynamodb', 'UpdateItem', 'InternalServerError');
        return (ports.limiter.spend as (...args: unknown[]) => Promise<{ allowed: true }>)(subject, ...rest);
      },
    };
    const outcome = await mintToken(
      { ...ports, limiter },
      MINT_SETTINGS,
    )(mintRequest(tenant)).catch((error: unknown) => error);
    expect(outcome).toBeInstanceOf(DependencyUnavailableError);
    const [session] = await tables.sessionsOf(tenant.siteId);
    expect(session).toMatchObject({ state: 'refused', refusal: 'unavailable' });
  });
});

test('every path to the key opener goes through a reserved session', async () => {
  const tenant = await ready();
  const ports = useCasePorts(stack);
  let asked = 0;
  const opener: KeyOpener = {
    withPlaintext: async () => {
      asked += 1;
      throw new Error('must not be reached');
    },
  };
  const unwritten = async (): Promise<never> => {
    throw new DependencyUnavailableError('dynamodb', 'PutItem', 'InternalServerError');
  };
  const sessions = { ...ports.sessions, reserve: unwritten };
  const target = { scope: 'site', siteId: tenant.siteId as SiteId } as const;
  const failing = { ...ports, opener, sessions };
  const caller = callerOf(tenant.owner);
  await expect(testOpenAiKey(failing, RATE_LIMITS)(caller, target)).rejects.toThrow(
    DependencyUnavailableError,
  );
  await expect(reencryptOpenAiKey(failing)(caller, target)).rejects.toThrow(DependencyUnavailableError);
  const minting = { ...failing, admissions: { admit: unwritten } };
  await expect(mintToken(minting, MINT_SETTINGS)(mintRequest(tenant))).rejects.toThrow(
    DependencyUnavailableError,
  );
  expect(asked).toBe(0);
});
