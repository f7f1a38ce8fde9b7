import {
  CreateKeyCommand,
  DecryptCommand,
  DescribeKeyCommand,
  DisableKeyCommand,
  EnableKeyCommand,
  EncryptCommand,
  GenerateDataKeyCommand,
  GenerateDataKeyWithoutPlaintextCommand,
  GenerateMacCommand,
  type KMSClient,
  ReEncryptCommand,
  VerifyMacCommand,
} from '@aws-sdk/client-kms';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { type LocalKms, startLocalKms } from '../../../local/kms/server.ts';
import { clientOf, FINGERPRINT, KEYS, OTHER, present, SEALING, withFlippedBit } from './fixture.ts';

const CONTEXT = { site_id: 'site_1', workspace_id: 'ws_1' };

let kms: LocalKms;
let client: KMSClient;

beforeAll(async () => {
  kms = await startLocalKms({ keys: KEYS });
  client = clientOf(kms);
});

afterAll(async () => {
  client.destroy();
  await kms.close();
});

async function newDataKey(context: Record<string, string> | undefined = CONTEXT, keyId = SEALING) {
  const made = await client.send(
    new GenerateDataKeyCommand({ KeyId: keyId, KeySpec: 'AES_256', EncryptionContext: context }),
  );
  return { plaintext: present(made.Plaintext), sealed: present(made.CiphertextBlob), keyId: made.KeyId };
}

function decrypt(sealed: Uint8Array, context: Record<string, string> | undefined, keyId?: string) {
  return client.send(
    new DecryptCommand({ CiphertextBlob: sealed, EncryptionContext: context, KeyId: keyId }),
  );
}

async function newKeyArn(): Promise<string> {
  const made = await client.send(new CreateKeyCommand({}));
  return present(made.KeyMetadata?.Arn);
}

describe('a data key', () => {
  it('decrypts with its context in any order, without naming the key', async () => {
    const { plaintext, sealed, keyId } = await newDataKey();
    const opened = await decrypt(sealed, { workspace_id: 'ws_1', site_id: 'site_1' });
    expect(plaintext).toHaveLength(32);
    expect(opened.Plaintext).toEqual(plaintext);
    expect(opened.KeyId).toBe(kms.keyArn(SEALING));
    expect(keyId).toBe(kms.keyArn(SEALING));
    expect(opened.EncryptionAlgorithm).toBe('SYMMETRIC_DEFAULT');
  });

  it('treats an empty context as no context', async () => {
    const { plaintext, sealed } = await newDataKey({});
    expect((await decrypt(sealed, undefined)).Plaintext).toEqual(plaintext);
  });

  it('made without plaintext has no plaintext in the response, but can be decrypted', async () => {
    const made = await client.send(
      new GenerateDataKeyWithoutPlaintextCommand({ KeyId: SEALING, NumberOfBytes: 64 }),
    );
    expect(made).not.toHaveProperty('Plaintext');
    expect((await decrypt(present(made.CiphertextBlob), undefined)).Plaintext).toHaveLength(64);
  });

  it('has a new value and a new ciphertext each time', async () => {
    const [first, second] = [await newDataKey(), await newDataKey()];
    expect(first.plaintext).not.toEqual(second.plaintext);
    expect(first.sealed).not.toEqual(second.sealed);
  });

  it.each([
    ['another value', { ...CONTEXT, site_id: 'site_2' }],
    ['a pair missing', { site_id: 'site_1' }],
    ['no context', undefined],
    ['a pair more', { ...CONTEXT, extra: '' }],
    ['a key in other case', { Site_id: 'site_1', workspace_id: 'ws_1' }],
    ['a value in other case', { ...CONTEXT, site_id: 'Site_1' }],
    ['keys and values exchanged', { site_1: 'site_id', ws_1: 'workspace_id' }],
    ['the boundary of key and value moved', { site_i: 'dsite_1', workspace_id: 'ws_1' }],
  ])('cannot be decrypted with %s', async (_what, context) => {
    const { sealed } = await newDataKey();
    await expect(decrypt(sealed, context)).rejects.toMatchObject({ name: 'InvalidCiphertextException' });
  });

  it('cannot be decrypted with a flipped bit in any byte', async () => {
    const { sealed } = await newDataKey();
    const attempts = await Promise.allSettled(
      Array.from(sealed, (_byte, index) => decrypt(withFlippedBit(sealed, index), CONTEXT)),
    );
    const outcomes = attempts.map((each) => (each.status === 'rejected' ? each.reason.name : 'opened'));
    expect(new Set(outcomes)).toEqual(new Set(['InvalidCiphertextException']));
  });

  it('cannot be decrypted when truncated to any length, or extended', async () => {
    const { sealed } = await newDataKey();
    const truncated = Array.from({ length: sealed.length - 1 }, (_, index) => sealed.slice(0, index + 1));
    const attempts = await Promise.allSettled(
      [...truncated, Uint8Array.of(...sealed, 0)].map((bytes) => decrypt(bytes, CONTEXT)),
    );
    const outcomes = attempts.map((each) => (each.status === 'rejected' ? each.reason.name : 'opened'));
    expect(new Set(outcomes)).toEqual(new Set(['InvalidCiphertextException']));
  });

  it('cannot be decrypted with another key of the same account', async () => {
    const { sealed } = await newDataKey();
    await expect(decrypt(sealed, CONTEXT, OTHER)).rejects.toMatchObject({ name: 'IncorrectKeyException' });
  });

  it('of a key that does not exist here is reported as denied, not as invalid', async () => {
    const elsewhere = await startLocalKms({ keys: KEYS });
    const stranger = clientOf(elsewhere);
    const { sealed } = await newDataKey();
    await expect(
      stranger.send(new DecryptCommand({ CiphertextBlob: sealed, EncryptionContext: CONTEXT })),
    ).rejects.toMatchObject({ name: 'AccessDeniedException' });
    stranger.destroy();
    await elsewhere.close();
  });

  it('needs exactly one of KeySpec and NumberOfBytes', async () => {
    await expect(client.send(new GenerateDataKeyCommand({ KeyId: SEALING }))).rejects.toMatchObject({
      name: 'ValidationException',
    });
    await expect(
      client.send(new GenerateDataKeyCommand({ KeyId: SEALING, KeySpec: 'AES_256', NumberOfBytes: 32 })),
    ).rejects.toMatchObject({ name: 'ValidationException' });
  });

  it('is not created by a dry run', async () => {
    await expect(
      client.send(new GenerateDataKeyCommand({ KeyId: SEALING, KeySpec: 'AES_256', DryRun: true })),
    ).rejects.toMatchObject({ name: 'UnsupportedOperationException' });
  });
});

describe('an encryption context', () => {
  it('with a lone surrogate is refused, because UTF-8 could not tell it from another', async () => {
    await expect(newDataKey({ site_id: '\ud800' })).rejects.toMatchObject({ name: 'ValidationException' });
  });
});

describe('Encrypt', () => {
  it('encrypts up to 4096 bytes, which Decrypt returns', async () => {
    const secret = Buffer.alloc(4096, 7);
    const { CiphertextBlob } = await client.send(
      new EncryptCommand({ KeyId: SEALING, Plaintext: secret, EncryptionContext: CONTEXT }),
    );
    const opened = await decrypt(present(CiphertextBlob), CONTEXT);
    expect(Buffer.from(present(opened.Plaintext))).toEqual(secret);
    await expect(
      client.send(new EncryptCommand({ KeyId: SEALING, Plaintext: Buffer.alloc(4097) })),
    ).rejects.toMatchObject({ name: 'ValidationException' });
  });
});

describe('a key', () => {
  it('can be named by its ID, ARN, alias and alias ARN', async () => {
    const arn = kms.keyArn(SEALING);
    const names = [arn.slice(arn.indexOf('/') + 1), arn, SEALING, arn.replace(/key\/.*/, SEALING)];
    for (const name of names) expect((await newDataKey(CONTEXT, name)).keyId).toBe(arn);
  });

  it.each([
    'alias/unknown',
    'arn:aws:kms:us-east-1:000000000000:alias/unknown',
    'arn:aws:kms:eu-west-1:000000000000:alias/sealing',
    '00000000-0000-4000-8000-000000000000',
    '__proto__',
  ])('%s that does not exist is not found', async (name) => {
    await expect(newDataKey(CONTEXT, name)).rejects.toMatchObject({ name: 'NotFoundException' });
  });

  it('neither encrypts nor decrypts while disabled, and does both again once enabled', async () => {
    const arn = await newKeyArn();
    const { plaintext, sealed } = await newDataKey(CONTEXT, arn);
    await client.send(new DisableKeyCommand({ KeyId: arn }));
    await expect(newDataKey(CONTEXT, arn)).rejects.toMatchObject({ name: 'DisabledException' });
    await expect(decrypt(sealed, CONTEXT)).rejects.toMatchObject({ name: 'DisabledException' });
    await expect(decrypt(sealed, CONTEXT, arn)).rejects.toMatchObject({ name: 'DisabledException' });
    await client.send(new EnableKeyCommand({ KeyId: arn }));
    expect((await decrypt(sealed, CONTEXT)).Plaintext).toEqual(plaintext);
  });

  it('can be enabled and disabled by ID or ARN only, not by alias', async () => {
    await expect(client.send(new DisableKeyCommand({ KeyId: SEALING }))).rejects.toMatchObject({
      name: 'NotFoundException',
    });
  });

  it('describes its usage and its state', async () => {
    const arn = await newKeyArn();
    await client.send(new DisableKeyCommand({ KeyId: arn }));
    const disabled = await client.send(new DescribeKeyCommand({ KeyId: arn }));
    expect(disabled.KeyMetadata).toMatchObject({
      Arn: arn,
      AWSAccountId: '000000000000',
      Enabled: false,
      KeyState: 'Disabled',
      KeySpec: 'SYMMETRIC_DEFAULT',
      CreationDate: expect.any(Date),
    });
    const mac = await client.send(new DescribeKeyCommand({ KeyId: FINGERPRINT }));
    expect(mac.KeyMetadata).toMatchObject({
      KeyUsage: 'GENERATE_VERIFY_MAC',
      MacAlgorithms: ['HMAC_SHA_256'],
    });
  });

  it('for MACs never encrypts, and a key for encryption never creates a MAC', async () => {
    await expect(newDataKey(CONTEXT, FINGERPRINT)).rejects.toMatchObject({
      name: 'InvalidKeyUsageException',
    });
    const { sealed } = await newDataKey();
    await expect(decrypt(sealed, CONTEXT, FINGERPRINT)).rejects.toMatchObject({
      name: 'InvalidKeyUsageException',
    });
    await expect(
      client.send(
        new GenerateMacCommand({ KeyId: SEALING, Message: Buffer.from('m'), MacAlgorithm: 'HMAC_SHA_256' }),
      ),
    ).rejects.toMatchObject({ name: 'InvalidKeyUsageException' });
  });

  it('of an unsupported kind is not created', async () => {
    await expect(
      client.send(new CreateKeyCommand({ KeyUsage: 'SIGN_VERIFY', KeySpec: 'RSA_2048' })),
    ).rejects.toMatchObject({ name: 'UnsupportedOperationException' });
  });
});

describe('a MAC', () => {
  const message = Buffer.from('the same key twice');

  async function macOf(bytes: Uint8Array) {
    const made = await client.send(
      new GenerateMacCommand({ KeyId: FINGERPRINT, Message: bytes, MacAlgorithm: 'HMAC_SHA_256' }),
    );
    return present(made.Mac);
  }

  function verify(bytes: Uint8Array, mac: Uint8Array) {
    return client.send(
      new VerifyMacCommand({ KeyId: FINGERPRINT, Message: bytes, Mac: mac, MacAlgorithm: 'HMAC_SHA_256' }),
    );
  }

  it('is the same for the same message, and verifies', async () => {
    const mac = await macOf(message);
    expect(mac).toHaveLength(32);
    expect(await macOf(message)).toEqual(mac);
    expect(await verify(message, mac)).toMatchObject({ MacValid: true, KeyId: kms.keyArn(FINGERPRINT) });
  });

  it('does not verify for another message, with a flipped bit, or cut short', async () => {
    const mac = await macOf(message);
    for (const attempt of [
      verify(Buffer.from('another'), mac),
      verify(message, withFlippedBit(mac, 31)),
      verify(message, mac.slice(0, 16)),
    ]) {
      await expect(attempt).rejects.toMatchObject({ name: 'KMSInvalidMacException' });
    }
  });

  it('is not created with an algorithm that the key does not support', async () => {
    await expect(
      client.send(
        new GenerateMacCommand({ KeyId: FINGERPRINT, Message: message, MacAlgorithm: 'HMAC_SHA_512' }),
      ),
    ).rejects.toMatchObject({ name: 'InvalidKeyUsageException' });
  });
});

describe('ReEncrypt', () => {
  const NEXT = { ...CONTEXT, version: '2' };

  function reEncrypt(sealed: Uint8Array, source: Record<string, string>, sourceKeyId?: string) {
    return client.send(
      new ReEncryptCommand({
        CiphertextBlob: sealed,
        SourceKeyId: sourceKeyId,
        SourceEncryptionContext: source,
        DestinationKeyId: OTHER,
        DestinationEncryptionContext: NEXT,
      }),
    );
  }

  it('moves the plaintext to the other key and context without returning it', async () => {
    const { plaintext, sealed } = await newDataKey();
    const moved = await reEncrypt(sealed, CONTEXT, SEALING);
    expect(moved).toMatchObject({ SourceKeyId: kms.keyArn(SEALING), KeyId: kms.keyArn(OTHER) });
    expect(moved).not.toHaveProperty('Plaintext');
    const resealed = present(moved.CiphertextBlob);
    expect((await decrypt(resealed, NEXT, OTHER)).Plaintext).toEqual(plaintext);
    await expect(decrypt(resealed, CONTEXT)).rejects.toMatchObject({ name: 'InvalidCiphertextException' });
  });

  it('needs the source context and, if given, the correct source key', async () => {
    const { sealed } = await newDataKey();
    await expect(reEncrypt(sealed, NEXT)).rejects.toMatchObject({ name: 'InvalidCiphertextException' });
    await expect(reEncrypt(sealed, CONTEXT, OTHER)).rejects.toMatchObject({ name: 'IncorrectKeyException' });
  });
});
