import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';
import {
  DecryptCommand,
  GenerateDataKeyCommand,
  GenerateMacCommand,
  type KMSClient,
} from '@aws-sdk/client-kms';
import { afterAll, afterEach, beforeAll, describe, expect, jest, test } from '@jest/globals';
import { kmsKeyOpener } from '../../lambdas/adapters/aws/keys/kms-key-opener.ts';
import { kmsKeySealer } from '../../lambdas/adapters/aws/keys/kms-key-sealer.ts';
import { BrokerError } from '../../lambdas/domain/broker-error.ts';
import { DependencyUnavailableError } from '../../lambdas/domain/dependency.ts';
import type { SiteId } from '../../lambdas/domain/identifiers.ts';
import {
  encryptionContextOf,
  type KeyBinding,
  type SealedKey,
  SealedKeyUnreadableError,
} from '../../lambdas/domain/keys/sealed-key.ts';
import { Secret } from '../../lambdas/domain/secret.ts';
import { reencryptOpenAiKey } from '../../lambdas/use-cases/keys/reencrypt-openai-key.ts';
import { storeOpenAiKey } from '../../lambdas/use-cases/keys/store-openai-key.ts';
import { storePlatformKey } from '../../lambdas/use-cases/keys/store-platform-key.ts';
import type { KeySealer } from '../../lambdas/use-cases/ports/keys.ts';
import type { RateLimiter } from '../../lambdas/use-cases/ports/sessions.ts';
import { mintToken } from '../../lambdas/use-cases/sessions/mint-token.ts';
import { type AwsProxy, startAwsProxy } from '../support/aws-proxy.ts';
import { type Item, sealedKeyOf, type Tables, tablesAt } from '../support/key-tables.ts';
import { startTestStack, type TestStack } from '../support/stack.ts';
import { fakeKey, makeTenant, mint, putSiteKey, putWorkspaceKey } from '../support/tenant.ts';
import {
  callerOf,
  MINT_SETTINGS,
  mintRequest,
  RATE_LIMITS,
  useCasePorts,
} from '../support/use-case-ports.ts';

const MASTER = 'arn:aws:kms:us-east-1:000000000000:key/master';
const FINGERPRINT = 'arn:aws:kms:us-east-1:000000000000:key/fingerprint';
const BINDING: KeyBinding = {
  scope: 'site',
  scopeId: 'site00000000',
  workspaceId: 'workspace000',
  version: 1,
};

afterEach(() => {
  jest.restoreAllMocks();
});

type KmsAnswers = {
  readonly dataKey: Buffer;
  readonly fail?: 'Decrypt' | 'GenerateMac' | 'GenerateDataKey';
  readonly leaveOut?: 'CiphertextBlob' | 'KeyId' | 'Mac';
};

/** A KMS that keeps the very arrays it has handed out, as the SDK's own answer would. */
const watchedKms = ({ dataKey, fail, leaveOut }: KmsAnswers) => {
  const handedOut: Uint8Array[] = [];
  const plaintext = (): Uint8Array => {
    const bytes = Uint8Array.from(dataKey);
    handedOut.push(bytes);
    return bytes;
  };
  const send = async (command: unknown): Promise<unknown> => {
    const $metadata = { requestId: 'kms-request' };
    const failing = (operation: string) => {
      if (fail === operation)
        throw Object.assign(new Error('Injected.'), { name: 'ThrottlingException', $metadata });
    };
    if (command instanceof DecryptCommand) {
      failing('Decrypt');
      return { Plaintext: plaintext(), $metadata };
    }
    if (command instanceof GenerateDataKeyCommand) {
      failing('GenerateDataKey');
      const answer = { Plaintext: plaintext(), CiphertextBlob: randomBytes(85), KeyId: MASTER, $metadata };
      return leaveOut === undefined ? answer : { ...answer, [leaveOut]: undefined };
    }
    if (command instanceof GenerateMacCommand) {
      failing('GenerateMac');
      return { Mac: leaveOut === 'Mac' ? undefined : randomBytes(32), $metadata };
    }
    throw new Error('Not an operation of this test.');
  };
  return { client: { send } as unknown as KMSClient, handedOut };
};

/**
 * Every buffer that is made while a test runs, by whatever way our code makes one. They are looked at afterwards: a
 * secret that stands in one of them was not zeroed.
 */
const watchBuffers = () => {
  const seen = new Set<Uint8Array>();
  const note = <Made>(made: Made): Made => {
    if (made instanceof Uint8Array) seen.add(made);
    return made;
  };
  const spy = (holder: object, method: string): void => {
    const target = holder as Record<string, (...args: unknown[]) => unknown>;
    const original = target[method];
    if (original === undefined) throw new Error(`There is no ${method}.`);
    jest.spyOn(target, method).mockImplementation(function (this: unknown, ...args: unknown[]) {
      return note(original.apply(this, args));
    });
  };
  for (const method of ['alloc', 'allocUnsafe', 'allocUnsafeSlow', 'from', 'concat']) spy(Buffer, method);
  const key = randomBytes(32);
  const iv = randomBytes(12);
  for (const cipher of [createDecipheriv('aes-256-gcm', key, iv), createCipheriv('aes-256-gcm', key, iv)])
    for (const method of ['update', 'final']) spy(Object.getPrototypeOf(cipher) as object, method);
  return {
    count: () => seen.size,
    /** How many of them hold these bytes now. */
    holding: (bytes: Uint8Array): number => [...seen].filter((buffer) => indexOf(buffer, bytes) >= 0).length,
  };
};

const indexOf = (haystack: Uint8Array, needle: Uint8Array): number =>
  Buffer.prototype.indexOf.call(haystack, needle as never);

const isZero = (bytes: Uint8Array): boolean => bytes.every((byte) => byte === 0);

const seal = async (key: string, dataKey: Buffer): Promise<SealedKey> => {
  const { client } = watchedKms({ dataKey });
  const secret = Secret.fromText(key);
  const sealer = kmsKeySealer(client, { masterKeyArn: MASTER, fingerprintKeyArn: FINGERPRINT }, randomBytes);
  return sealer.seal(secret, BINDING, 'sk-proj-...mask').finally(() => secret.destroy());
};

describe('opening a key leaves no plaintext and no data key in memory', () => {
  const opening = async (
    change: Partial<SealedKey>,
    use: (plaintext: Secret) => Promise<unknown>,
    answers: Partial<KmsAnswers> = {},
  ) => {
    const key = fakeKey();
    const dataKey = randomBytes(32);
    const sealed = { ...(await seal(key, dataKey)), ...change };
    const kms = watchedKms({ dataKey, ...answers });
    const keyBytes = Uint8Array.from(key, (character) => character.charCodeAt(0));
    const dataKeyBytes = Uint8Array.from(dataKey);
    const buffers = watchBuffers();
    let during = 0;
    let secret: Secret | undefined;
    const outcome = await kmsKeyOpener(kms.client, [MASTER])
      .withPlaintext(
        sealed,
        async (plaintext) => {
          secret = plaintext;
          during = buffers.holding(keyBytes);
          return use(plaintext);
        },
        () => undefined,
      )
      .catch((error: unknown) => error);
    return {
      outcome,
      secret,
      during,
      handedOut: kms.handedOut,
      made: buffers.count(),
      left: { key: buffers.holding(keyBytes), dataKey: buffers.holding(dataKeyBytes) },
    };
  };

  test('after a successful use', async () => {
    let live: Buffer | undefined;
    const { outcome, during, handedOut, left, secret } = await opening({}, async (plaintext) => {
      live = plaintext.bytes();
      return 'used';
    });
    expect(outcome).toBe('used');
    // The watch works: while in use, the plaintext stood in exactly the one buffer of the Secret.
    expect(during).toBe(1);
    expect(live !== undefined && isZero(live)).toBe(true);
    expect(handedOut.map(isZero)).toEqual([true]);
    expect(left).toEqual({ key: 0, dataKey: 0 });
    expect(() => secret?.bytes()).toThrow('destroyed');
  });

  test('after a use that throws, whose error reaches the caller unchanged', async () => {
    const thrown = new Error('in use');
    const { outcome, handedOut, left, secret } = await opening({}, async () => {
      throw thrown;
    });
    expect(outcome).toBe(thrown);
    expect(handedOut.map(isZero)).toEqual([true]);
    expect(left).toEqual({ key: 0, dataKey: 0 });
    expect(() => secret?.bytes()).toThrow('destroyed');
  });

  test('after a use that throws before it returns a promise', async () => {
    const { outcome, left } = await opening({}, () => {
      throw new Error('at once');
    });
    expect(outcome).toMatchObject({ message: 'at once' });
    expect(left).toEqual({ key: 0, dataKey: 0 });
  });

  test.each<[string, Partial<SealedKey>]>([
    ['its tag', { tag: Buffer.alloc(16) }],
    ['its commitment', { commitment: Buffer.alloc(32) }],
    ['its ciphertext', { ciphertext: Buffer.alloc(160, 7) }],
    ['its iv', { iv: Buffer.alloc(12) }],
    ['whose it is', { scopeId: 'site00000001' }],
  ])('if the record is damaged in %s', async (_, change) => {
    const { outcome, handedOut, left, secret, made } = await opening(change, async () => 'used');
    expect(outcome).toBeInstanceOf(SealedKeyUnreadableError);
    expect(secret).toBeUndefined();
    expect(made).toBeGreaterThan(0);
    expect(handedOut.map(isZero)).toEqual([true]);
    expect(left).toEqual({ key: 0, dataKey: 0 });
  });

  test('if only the tag of a record is wrong, although Node has decrypted everything by then', async () => {
    const key = fakeKey();
    const dataKey = randomBytes(32);
    const sealed = await seal(key, dataKey);
    const keyBytes = new TextEncoder().encode(key);
    const buffers = watchBuffers();
    // Commitment and derived key are right with this record: GCM alone refuses, after it has given the plaintext.
    let givenEarly = false;
    const decipher = Object.getPrototypeOf(
      createDecipheriv('aes-256-gcm', randomBytes(32), randomBytes(12)),
    ) as {
      final(): Buffer;
    };
    const final = decipher.final;
    jest.spyOn(decipher, 'final').mockImplementation(function (this: unknown) {
      givenEarly = buffers.holding(keyBytes) === 1;
      return final.call(this as never);
    });
    const { client } = watchedKms({ dataKey });
    const damaged = { ...sealed, tag: new Uint8Array(16) };
    const opened = kmsKeyOpener(client, [MASTER]).withPlaintext(
      damaged,
      async () => 1,
      () => undefined,
    );
    await expect(opened).rejects.toThrow(SealedKeyUnreadableError);
    expect(givenEarly).toBe(true);
    expect(buffers.holding(keyBytes)).toBe(0);
  });

  test('if KMS fails', async () => {
    const { outcome, handedOut, secret } = await opening({}, async () => 'used', { fail: 'Decrypt' });
    expect(outcome).toBeInstanceOf(DependencyUnavailableError);
    expect([secret, handedOut]).toEqual([undefined, []]);
  });

  test('if the data key has another length', async () => {
    const { outcome, handedOut, left } = await opening({}, async () => 'used', { dataKey: randomBytes(16) });
    expect(outcome).toBeInstanceOf(SealedKeyUnreadableError);
    expect(handedOut.map(isZero)).toEqual([true]);
    expect(left).toEqual({ key: 0, dataKey: 0 });
  });

  test('if the callback for the attempt throws, whose error reaches the caller unchanged', async () => {
    const dataKey = randomBytes(32);
    const sealed = await seal(fakeKey(), dataKey);
    const { client, handedOut } = watchedKms({ dataKey });
    const thrown = new Error('note');
    const note = () => {
      throw thrown;
    };
    let used = false;
    const use = async () => {
      used = true;
    };
    await expect(kmsKeyOpener(client, [MASTER]).withPlaintext(sealed, use, note)).rejects.toBe(thrown);
    expect(used).toBe(false);
    expect(handedOut.map(isZero)).toEqual([true]);
  });

  test('if KMS answers without a data key, which proves nothing about the record', async () => {
    const { outcome, secret } = await opening({}, async () => 'used', { dataKey: Buffer.alloc(0) });
    expect(outcome).toBeInstanceOf(DependencyUnavailableError);
    expect(secret).toBeUndefined();
  });
});

describe('the allowed master keys', () => {
  const RETIRED = 'arn:aws:kms:us-east-1:000000000000:key/retired';

  test.each<[string, readonly string[], boolean]>([
    ['the master key', [MASTER], true],
    ['the master key alongside a retired one', [RETIRED, MASTER], true],
    ['a retired key alone', [RETIRED], false],
    ['none', [], false],
  ])('with %s allowed, a record of the master key can be opened: %j', async (_, arns, opens) => {
    const dataKey = randomBytes(32);
    const sealed = await seal(fakeKey(), dataKey);
    const { client, handedOut } = watchedKms({ dataKey });
    const outcome = await kmsKeyOpener(client, arns)
      .withPlaintext(
        sealed,
        async () => 'opened',
        () => undefined,
      )
      .catch((error: unknown) => error);
    if (opens) expect(outcome).toBe('opened');
    else expect(outcome).toBeInstanceOf(SealedKeyUnreadableError);
    // KMS was not asked for what may not be opened.
    expect(handedOut).toHaveLength(opens ? 1 : 0);
  });
});

describe('sealing a key leaves no data key in memory', () => {
  const sealing = async (
    answers: Partial<KmsAnswers> = {},
    random = randomBytes as (size: number) => Buffer,
  ) => {
    const dataKey = randomBytes(32);
    const dataKeyBytes = Uint8Array.from(dataKey);
    const kms = watchedKms({ dataKey, ...answers });
    const secret = Secret.fromText(fakeKey());
    const buffers = watchBuffers();
    const sealer = kmsKeySealer(kms.client, { masterKeyArn: MASTER, fingerprintKeyArn: FINGERPRINT }, random);
    const outcome = await sealer.seal(secret, BINDING, 'sk-proj-...mask').catch((error: unknown) => error);
    secret.destroy();
    return { outcome, handedOut: kms.handedOut, left: buffers.holding(dataKeyBytes) };
  };

  test('after a successful sealing', async () => {
    const { outcome, handedOut, left } = await sealing();
    expect(outcome).toMatchObject({ kmsKeyArn: MASTER });
    expect(handedOut.map(isZero)).toEqual([true]);
    expect(left).toBe(0);
  });

  test('if the source of randomness fails', async () => {
    const { outcome, handedOut, left } = await sealing({}, () => {
      throw new Error('no randomness');
    });
    expect(outcome).toMatchObject({ message: 'no randomness' });
    expect(handedOut.map(isZero)).toEqual([true]);
    expect(left).toBe(0);
  });

  test('if KMS returns no data key', async () => {
    const { outcome, handedOut } = await sealing({ fail: 'GenerateDataKey' });
    expect(outcome).toBeInstanceOf(DependencyUnavailableError);
    expect(handedOut).toEqual([]);
  });

  test.each<[string, Partial<KmsAnswers>]>([
    ['the fingerprint fails', { fail: 'GenerateMac' }],
    ['the fingerprint comes back empty', { leaveOut: 'Mac' }],
  ])('if %s, and no data key is requested', async (_, answers) => {
    const { outcome, handedOut } = await sealing(answers);
    expect(outcome).toBeInstanceOf(DependencyUnavailableError);
    expect(handedOut).toEqual([]);
  });

  test.each<[string, Partial<KmsAnswers>]>([
    ['the wrapped data key is missing in the answer', { leaveOut: 'CiphertextBlob' }],
    ["the master key's name is missing in the answer", { leaveOut: 'KeyId' }],
    ['the data key is empty', { dataKey: Buffer.alloc(0) }],
  ])('if %s', async (_, answers) => {
    const { outcome, handedOut } = await sealing(answers);
    expect(outcome).toBeInstanceOf(DependencyUnavailableError);
    expect(handedOut.map(isZero)).toEqual([true]);
  });

  test.each([16, 31, 33, 64])('if the data key has %i bytes', async (size) => {
    const { outcome, handedOut } = await sealing({ dataKey: randomBytes(size) });
    expect(outcome).toBeInstanceOf(Error);
    expect(handedOut.map(isZero)).toEqual([true]);
  });
});

describe('plaintext and data keys through the whole stack', () => {
  let stack: TestStack;
  let tables: Tables;
  let kms: AwsProxy;

  beforeAll(async () => {
    kms = await startAwsProxy();
    stack = await startTestStack({
      audited: false,
      variables: { AWS_ENDPOINT_URL_KMS: kms.url, OPENAI_TIMEOUT_MS: '500' },
    });
    kms.forwardTo(stack.kms.endpoint);
    tables = tablesAt(stack.dynamoDb.endpoint);
  });

  afterAll(async () => {
    tables?.close();
    await stack?.close();
    await kms?.close();
  });

  afterEach(() => {
    kms.intervene();
    stack.kms.clearFaults();
    stack.openAi?.clearFaults();
  });

  const decryptsOf = (siteId: string) =>
    stack.kms.calls.filter(
      ({ operation, encryptionContext }) =>
        operation === 'Decrypt' && encryptionContext?.['spelo:scope_id'] === siteId,
    );

  describe('a pasted key is destroyed', () => {
    /** Every secret that is made of a text from now on, and its bytes. */
    const watchedSecrets = (): { readonly secret: Secret; readonly bytes: Buffer }[] => {
      const made: { secret: Secret; bytes: Buffer }[] = [];
      const fromText = Secret.fromText.bind(Secret);
      jest.spyOn(Secret, 'fromText').mockImplementation((text) => {
        const secret = fromText(text);
        made.push({ secret, bytes: secret.bytes() });
        return secret;
      });
      return made;
    };

    const storing = async (key: string, as?: string, faults?: () => void, limiter?: RateLimiter) => {
      const tenant = await makeTenant(stack);
      const ports = useCasePorts(stack);
      const made = watchedSecrets();
      faults?.();
      const outcome = await storeOpenAiKey({ ...ports, ...(limiter && { limiter }) }, RATE_LIMITS)(
        callerOf(as ?? tenant.owner),
        { scope: 'site', siteId: tenant.siteId as SiteId },
        key,
      ).catch((error: unknown) => error);
      return { outcome, made };
    };

    const expectDestroyed = (made: { secret: Secret; bytes: Buffer }[], count: number): void => {
      expect(made).toHaveLength(count);
      for (const { secret, bytes } of made) {
        expect(isZero(bytes)).toBe(true);
        expect(() => secret.bytes()).toThrow('destroyed');
      }
    };

    test('once it is stored', async () => {
      const { outcome, made } = await storing(fakeKey());
      expect(outcome).toMatchObject({ version: 1, state: 'active' });
      expectDestroyed(made, 1);
    });

    test.each([
      ['once it is stored', '', expect.objectContaining({ lastVersion: 1, state: 'active' })],
      ['when OpenAI refuses it', 'revoked', expect.any(BrokerError)],
    ])('if it is the platform key, %s', async (_, suffix, expected) => {
      const made = watchedSecrets();
      const operator = { sub: 'operator:somebody', sourceIp: '127.0.0.1' };
      const outcome = await storePlatformKey(useCasePorts(stack))(fakeKey(suffix), operator).catch(
        (error: unknown) => error,
      );
      expect(outcome).toEqual(expected);
      expectDestroyed(made, 1);
    });

    test.each(['revoked', 'expired', 'noscope', 'nomodel', 'wrongregion', 'noquota', 'spendlimit'])(
      'if OpenAI refuses it: %s',
      async (suffix) => {
        const { outcome, made } = await storing(fakeKey(suffix));
        expect(outcome).toBeInstanceOf(BrokerError);
        expectDestroyed(made, 1);
      },
    );

    test.each(['err500', 'reset', 'ratelimited', 'badjson'])(
      'if it is stored unverified: %s',
      async (suffix) => {
        const { outcome, made } = await storing(fakeKey(suffix));
        expect(outcome).toMatchObject({ state: 'unverified' });
        expectDestroyed(made, 1);
      },
    );

    test.each(['GenerateDataKey', 'GenerateMac'])('if %s fails at KMS', async (operation) => {
      const { outcome, made } = await storing(fakeKey(), undefined, () =>
        stack.kms.inject({ operation, errorName: 'DisabledException' }),
      );
      expect(outcome).toBeInstanceOf(DependencyUnavailableError);
      expectDestroyed(made, 1);
    });

    test('if the limit of probes is used up', async () => {
      const spent: RateLimiter = { spend: async () => ({ allowed: false, retryAfterSeconds: 9 }) };
      const { outcome, made } = await storing(fakeKey(), undefined, undefined, spent);
      expect(outcome).toMatchObject({ code: 'rate_limited' });
      expectDestroyed(made, 1);
    });

    test('before it is copied, for a stranger and for a text that is not a key', async () => {
      const stranger = await storing(fakeKey(), 'a stranger');
      expect(stranger.outcome).toMatchObject({ code: 'site_not_found' });
      expectDestroyed(stranger.made, 0);
      const nonsense = await storing('not a key');
      expect(nonsense.outcome).toMatchObject({ code: 'invalid_request' });
      expectDestroyed(nonsense.made, 0);
    });
  });

  test('the secret in the request to OpenAI is destroyed when the mint returns', async () => {
    const tenant = await makeTenant(stack);
    const key = fakeKey();
    await putSiteKey(stack, tenant, key);
    const ports = useCasePorts(stack);
    const used: { secret: Secret; bytes: Buffer; asText: string }[] = [];
    const minted = await mintToken(
      {
        ...ports,
        openAi: {
          ...ports.openAi,
          mintClientSecret: (secret, request) => {
            used.push({ secret, bytes: secret.bytes(), asText: secret.bytes().toString('utf8') });
            return ports.openAi.mintClientSecret(secret, request);
          },
        },
      },
      MINT_SETTINGS,
    )(mintRequest(tenant));
    expect(minted.mode).toBe('byok');
    expect(used.map(({ asText }) => asText === key)).toEqual([true]);
    expect(used.map(({ bytes }) => isZero(bytes))).toEqual([true]);
    expect(() => used[0]?.secret.bytes()).toThrow('destroyed');
  });

  test('re-encryption destroys the plaintext and both data keys, and never holds the key as a string', async () => {
    const tenant = await makeTenant(stack);
    const key = fakeKey();
    await putSiteKey(stack, tenant, key);
    const before = await tables.keyItem('site', tenant.siteId);
    const ports = useCasePorts(stack);
    const used: { secret: Secret; bytes: Buffer; right: boolean }[] = [];
    const sealer: KeySealer = {
      seal: (secret, ...rest) => {
        used.push({ secret, bytes: secret.bytes(), right: secret.bytes().equals(Buffer.from(key)) });
        return ports.sealer.seal(secret, ...rest);
      },
    };
    const fromText = jest.spyOn(Secret, 'fromText');
    const target = { scope: 'site', siteId: tenant.siteId as SiteId } as const;
    const shown = await reencryptOpenAiKey({ ...ports, sealer })(callerOf(tenant.owner), target);
    expect(shown).toMatchObject({ version: 2, state: 'active' });
    expect(used.map(({ right }) => right)).toEqual([true]);
    expect(used.map(({ bytes }) => isZero(bytes))).toEqual([true]);
    expect(() => used[0]?.secret.bytes()).toThrow('destroyed');
    expect(fromText).not.toHaveBeenCalled();
    const after = await tables.keyItem('site', tenant.siteId);
    for (const field of ['wrappedDataKey', 'iv', 'tag', 'commitment', 'ciphertext'] as const)
      expect(Buffer.from(after.sealed[field]).equals(before.sealed[field])).toBe(false);
    expect(after.sealed.fingerprint).toBe(before.sealed.fingerprint);
    expect((await mint(stack, tenant)).status).toBe(200);
  });

  test('re-encryption destroys the plaintext if sealing fails, and the old record stays unchanged', async () => {
    const tenant = await makeTenant(stack);
    await putSiteKey(stack, tenant, fakeKey());
    const before = await tables.keyItem('site', tenant.siteId);
    const ports = useCasePorts(stack);
    const used: Buffer[] = [];
    const sealer: KeySealer = {
      seal: async (secret) => {
        used.push(secret.bytes());
        throw new DependencyUnavailableError('kms', 'GenerateDataKey', 'ThrottlingException');
      },
    };
    const target = { scope: 'site', siteId: tenant.siteId as SiteId } as const;
    const rotating = reencryptOpenAiKey({ ...ports, sealer })(callerOf(tenant.owner), target);
    await expect(rotating).rejects.toThrow(DependencyUnavailableError);
    expect(used.map(isZero)).toEqual([true]);
    expect(await tables.keyItem('site', tenant.siteId)).toEqual(before);
    const [session] = await tables.sessionsOf(tenant.siteId);
    expect(session).toMatchObject({ state: 'refused', refusal: 'unavailable' });
  });

  describe('no data key is ever cached', () => {
    test('each mint calls KMS once, with the whole context, and only after its own intent is on record', async () => {
      const tenant = await makeTenant(stack, { openai_tier: 4 });
      await putSiteKey(stack, tenant, fakeKey());
      const seenAtDecrypt: (readonly Item[])[] = [];
      kms.intervene(async ({ operation }) => {
        if (operation === 'Decrypt') seenAtDecrypt.push(await tables.sessionsOf(tenant.siteId));
        return undefined;
      });
      const N = 8;
      for (let i = 0; i < N; i++) expect((await mint(stack, tenant)).status).toBe(200);

      const sealed = sealedKeyOf(await tables.keyItem('site', tenant.siteId));
      const decrypts = decryptsOf(tenant.siteId);
      expect(decrypts).toHaveLength(N);
      for (const call of decrypts) {
        expect(call.encryptionContext).toEqual(encryptionContextOf(sealed));
        expect(call.encryptionContext).toEqual({
          'spelo:format': '1',
          'spelo:algorithm': 'AES-256-GCM',
          'spelo:scope': 'site',
          'spelo:scope_id': tenant.siteId,
          'spelo:workspace_id': tenant.workspaceId,
          'spelo:key_version': '1',
        });
        expect(call.keyArn).toBe(sealed.kmsKeyArn);
      }
      // The i-th decrypt saw i sessions on record, and exactly one of them, its own, still open.
      expect(seenAtDecrypt.map((sessions) => sessions.length)).toEqual([1, 2, 3, 4, 5, 6, 7, 8]);
      for (const sessions of seenAtDecrypt)
        expect(sessions.filter(({ state }) => state === 'reserved')).toHaveLength(1);

      const sessions = await tables.sessionsOf(tenant.siteId);
      expect(sessions.map(({ state }) => state)).toEqual(Array(N).fill('issued'));
      expect(sessions.map(({ kmsRequestId }) => kmsRequestId)).toEqual(
        decrypts.map(({ requestId }) => requestId),
      );
    });

    test('Test voice calls KMS itself and is recorded as a test by its person', async () => {
      const tenant = await makeTenant(stack);
      await putWorkspaceKey(stack, tenant, fakeKey());
      const path = `/v1/workspaces/${tenant.workspaceId}/openai-key/test`;
      for (let i = 0; i < 3; i++)
        expect((await stack.call('POST', path, { as: tenant.owner })).status).toBe(200);
      const decrypts = decryptsOf(tenant.workspaceId);
      const sessions = (await tables.scan('sessions')).filter(
        ({ pk, sk }) => pk === `WORKSPACE#${tenant.workspaceId}` && String(sk).startsWith('SESSION#'),
      );
      expect(decrypts).toHaveLength(3);
      expect(new Set(sessions.map(({ kmsRequestId }) => kmsRequestId))).toEqual(
        new Set(decrypts.map(({ requestId }) => requestId)),
      );
      expect(sessions.map(({ kind, actor }) => ({ kind, actor }))).toEqual(
        Array(3).fill({ kind: 'test', actor: tenant.owner }),
      );
    });

    test('a key that OpenAI refuses is decrypted again for each mint, and each decrypt is on record', async () => {
      const tenant = await makeTenant(stack);
      await putSiteKey(stack, tenant, fakeKey());
      stack.openAi?.inject({
        path: '/v1/realtime/client_secrets',
        status: 401,
        body: { error: { code: 'invalid_api_key', type: 'invalid_request_error', message: '' } },
      });
      for (let i = 0; i < 3; i++) expect((await mint(stack, tenant)).status).toBe(422);
      const sessions = await tables.sessionsOf(tenant.siteId);
      expect(sessions.map(({ state }) => state)).toEqual(Array(3).fill('refused'));
      expect(sessions.map(({ kmsRequestId }) => kmsRequestId)).toEqual(
        decryptsOf(tenant.siteId).map(({ requestId }) => requestId),
      );
    });

    test('the session of a damaged record is joined to the call that KMS refused', async () => {
      const tenant = await makeTenant(stack);
      await putSiteKey(stack, tenant, fakeKey());
      const item = await tables.keyItem('site', tenant.siteId);
      const wrappedDataKey = Uint8Array.from(item.sealed.wrappedDataKey);
      wrappedDataKey[50] = (wrappedDataKey[50] ?? 0) ^ 1;
      await tables.putKeyItem({ ...item, sealed: { ...item.sealed, wrappedDataKey } });
      expect((await mint(stack, tenant)).status).toBe(422);
      const [session] = await tables.sessionsOf(tenant.siteId);
      expect(decryptsOf(tenant.siteId).map(({ requestId }) => requestId)).toEqual([
        session?.['kmsRequestId'],
      ]);
    });

    test.each(['DisabledException', 'AccessDeniedException', 'KMSInvalidStateException'])(
      'the session of a decrypt that KMS refused with %s is joined to the call',
      async (errorName) => {
        const tenant = await makeTenant(stack);
        await putSiteKey(stack, tenant, fakeKey());
        stack.kms.inject({ operation: 'Decrypt', errorName });
        expect((await mint(stack, tenant)).status).toBe(503);
        const [session] = await tables.sessionsOf(tenant.siteId);
        expect(decryptsOf(tenant.siteId).map(({ requestId }) => requestId)).toContain(
          session?.['kmsRequestId'],
        );
      },
    );
  });
});
