import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { type LocalKms, startLocalKms } from '../../../local/kms/server.ts';
import { kmsRules } from '../../../local/strict/kms/rules.ts';

type Input = Readonly<Record<string, unknown>>;
type Call = readonly [operation: string, input: Input];

const KeyId = 'alias/sealing';
const bytes = (length: number): string => Buffer.alloc(length, 1).toString('base64');
const PREFIX = '1 validation error detected: Value';
const tooLong = (member: string, max: number): string =>
  `${PREFIX} at '${member}' failed to satisfy constraint: Member must have length less than or equal to ${max}`;
const tooShort = (member: string): string =>
  `${PREFIX} at '${member}' failed to satisfy constraint: Member must have length greater than or equal to 1`;

const mac = (input: Input): Call => [
  'GenerateMac',
  { KeyId: 'alias/mac', MacAlgorithm: 'HMAC_SHA_256', Message: bytes(1), ...input },
];
const encrypt = (input: Input): Call => ['Encrypt', { KeyId, Plaintext: bytes(1), ...input }];
const dataKey = (input: Input): Call => ['GenerateDataKey', { KeyId, ...input }];
const named = (name: string): Call => ['DescribeKey', { KeyId: name }];

/** By the name of the rule: requests that break it, each with the message of KMS. */
const CASES: Readonly<Record<string, readonly (readonly [Call, string])[]>> = {
  'A plaintext has 1 to 4,096 bytes': [
    [encrypt({ Plaintext: bytes(4_097) }), tooLong('plaintext', 4_096)],
    [encrypt({ Plaintext: '' }), tooShort('plaintext')],
  ],
  'A ciphertext has 1 to 6,144 bytes': [
    [['Decrypt', { CiphertextBlob: bytes(6_145) }], tooLong('ciphertextBlob', 6_144)],
    [['ReEncrypt', { CiphertextBlob: '', DestinationKeyId: KeyId }], tooShort('ciphertextBlob')],
  ],
  'A message has 1 to 4,096 bytes': [
    [mac({ Message: bytes(4_097) }), tooLong('message', 4_096)],
    [mac({ Message: '' }), tooShort('message')],
  ],
  'A MAC has 1 to 6,144 bytes': [
    [
      [
        'VerifyMac',
        { KeyId: 'alias/mac', MacAlgorithm: 'HMAC_SHA_256', Message: bytes(1), Mac: bytes(6_145) },
      ],
      tooLong('mac', 6_144),
    ],
  ],
  'A MAC algorithm is one of four': [
    [
      mac({ MacAlgorithm: 'HMAC_MD5' }),
      `${PREFIX} 'HMAC_MD5' at 'macAlgorithm' failed to satisfy constraint: Member must satisfy enum value set: [HMAC_SHA_224, HMAC_SHA_256, HMAC_SHA_384, HMAC_SHA_512]`,
    ],
  ],
  'A data key is AES_128 or AES_256': [
    [
      dataKey({ KeySpec: 'AES_512' }),
      `${PREFIX} 'AES_512' at 'keySpec' failed to satisfy constraint: Member must satisfy enum value set: [AES_256, AES_128]`,
    ],
  ],
  'An encryption algorithm is one that KMS has': [
    [
      encrypt({ EncryptionAlgorithm: 'AES' }),
      `${PREFIX} 'AES' at 'encryptionAlgorithm' failed to satisfy constraint: Member must satisfy enum value set: [SYMMETRIC_DEFAULT, RSAES_OAEP_SHA_1, RSAES_OAEP_SHA_256, SM2PKE]`,
    ],
  ],
  'A data key has 1 to 1,024 bytes': [
    [
      dataKey({ NumberOfBytes: 1_025 }),
      `${PREFIX} '1025' at 'numberOfBytes' failed to satisfy constraint: Member must have value less than or equal to 1024`,
    ],
    [
      dataKey({ NumberOfBytes: 0 }),
      `${PREFIX} '0' at 'numberOfBytes' failed to satisfy constraint: Member must have value greater than or equal to 1`,
    ],
  ],
  'The length of a data key is given once': [
    [dataKey({}), 'Please specify either number of bytes or key spec.'],
    [
      dataKey({ KeySpec: 'AES_256', NumberOfBytes: 32 }),
      'Please specify either number of bytes or key spec.',
    ],
  ],
  'An encryption context maps strings to strings': [
    [encrypt({ EncryptionContext: { site: 1 } }), 'NUMBER_VALUE can not be converted to a String'],
    [encrypt({ EncryptionContext: { site: null } }), 'NULL can not be converted to a String'],
    [encrypt({ EncryptionContext: ['site'] }), 'START_ARRAY can not be converted to a Map'],
  ],
  'An encryption context has at most 8,192 characters': [
    [
      encrypt({ EncryptionContext: { site: 'x'.repeat(8_189) } }),
      'The encryption context is larger than 8192 characters',
    ],
  ],
  'A call has at most 10 grant tokens of 1 to 8,192 characters': [
    [encrypt({ GrantTokens: Array.from({ length: 11 }, () => 'token') }), tooLong('grantTokens', 10)],
    [
      encrypt({ GrantTokens: [''] }),
      `${PREFIX} at 'grantTokens' failed to satisfy constraint: Member must satisfy constraint: [Member must have length less than or equal to 8192, Member must have length greater than or equal to 1]`,
    ],
  ],
  'The name of a key has 1 to 2,048 characters': [
    [
      named(''),
      `${PREFIX} '' at 'keyId' failed to satisfy constraint: Member must have length greater than or equal to 1`,
    ],
    [
      named('k'.repeat(2_049)),
      `${PREFIX} '${'k'.repeat(2_049)}' at 'keyId' failed to satisfy constraint: Member must have length less than or equal to 2048`,
    ],
  ],
  'A key is named by its id, its ARN, an alias or an ARN of an alias, in the region of the call': [
    [named('sealing'), 'Invalid keyId sealing'],
    [named('alias/seal ing'), 'Invalid alias alias/seal ing'],
    [named('arn:aws:kms:key'), 'Invalid arn arn:aws:kms:key'],
    [named('arn:aws:kms:eu-west-1:000000000000:alias/sealing'), 'Invalid arn eu-west-1'],
    [named('arn:aws:kms:us-east-1:000000000000:key/sealing'), 'Invalid keyId sealing'],
  ],
  'A key is deleted after 7 to 30 days': [
    [
      ['ScheduleKeyDeletion', { KeyId: '00000000-0000-4000-8000-000000000000', PendingWindowInDays: 6 }],
      `${PREFIX} '6' at 'pendingWindowInDays' failed to satisfy constraint: Member must have value greater than or equal to 7`,
    ],
  ],
};

let kms: LocalKms;
beforeAll(async () => {
  kms = await startLocalKms({
    keys: [
      { alias: KeyId, usage: 'ENCRYPT_DECRYPT' },
      { alias: 'alias/mac', usage: 'GENERATE_VERIFY_MAC' },
    ],
  });
});
afterAll(() => kms.close());

const send = async ([operation, input]: Call) => {
  const response = await fetch(kms.endpoint, {
    method: 'POST',
    headers: { 'content-type': 'application/x-amz-json-1.1', 'x-amz-target': `TrentService.${operation}` },
    body: JSON.stringify(input),
  });
  const text = await response.text();
  const body = (text === '' ? {} : JSON.parse(text)) as Readonly<Record<string, unknown>>;
  return {
    status: response.status,
    error: body['__type'],
    message: body['message'],
    rule: response.headers.get('x-strict-rule'),
    source: response.headers.get('x-strict-source'),
    body,
  };
};

describe('The strict layer of the local KMS', () => {
  it('has a test for each of its rules', () => {
    expect(Object.keys(CASES)).toEqual(kmsRules.map(({ name }) => name));
  });

  it.each(kmsRules)('applies the rule: $name', async ({ name, source, error }) => {
    const broken = CASES[name] ?? [];
    expect(broken).not.toEqual([]);
    for (const [call, message] of broken)
      expect(await send(call)).toMatchObject({
        status: 400,
        error: error ?? 'ValidationException',
        message,
        rule: name,
        source,
      });
  });

  it('accepts requests at the limits of its rules', async () => {
    for (const call of [
      encrypt({ Plaintext: bytes(4_096), EncryptionContext: { site: 'x'.repeat(8_188) } }),
      dataKey({ NumberOfBytes: 1_024 }),
      mac({ Message: bytes(4_096) }),
      named(kms.keyArn(KeyId)),
      named('arn:aws:kms:us-east-1:000000000000:alias/sealing'),
    ])
      expect(await send(call)).toMatchObject({ status: 200 });
  });
});

describe('The local KMS', () => {
  const INVALID_STATE = 'KMSInvalidStateException';

  it('refuses every use of a key that is scheduled for deletion, and returns the key disabled after a cancellation', async () => {
    const created = await send(['CreateKey', {}]);
    const { Arn } = created.body['KeyMetadata'] as { readonly Arn: string };
    const key = { KeyId: Arn };
    const sealed = (await send(encrypt(key))).body['CiphertextBlob'];
    expect(await send(['ScheduleKeyDeletion', key])).toMatchObject({ body: { KeyState: 'PendingDeletion' } });
    for (const call of [
      encrypt(key),
      dataKey({ ...key, KeySpec: 'AES_256' }),
      ['Decrypt', { ...key, CiphertextBlob: sealed }],
      ['EnableKey', key],
      ['DisableKey', key],
      ['ScheduleKeyDeletion', key],
    ] satisfies Call[])
      expect(await send(call)).toMatchObject({
        error: INVALID_STATE,
        message: `${Arn} is pending deletion.`,
      });
    await send(['CancelKeyDeletion', key]);
    expect(await send(encrypt(key))).toMatchObject({ error: 'DisabledException' });
    await send(['EnableKey', key]);
    expect(await send(['Decrypt', { ...key, CiphertextBlob: sealed }])).toMatchObject({ status: 200 });
    expect(await send(['CancelKeyDeletion', key])).toMatchObject({ error: INVALID_STATE });
  });

  it('restricts a key to its usage: a MAC key never encrypts, and an encryption key never creates a MAC', async () => {
    const wrong = { error: 'InvalidKeyUsageException' };
    expect(await send(encrypt({ KeyId: 'alias/mac' }))).toMatchObject(wrong);
    expect(await send(mac({ KeyId }))).toMatchObject(wrong);
    expect(await send(mac({ MacAlgorithm: 'HMAC_SHA_512' }))).toMatchObject(wrong);
  });
});
