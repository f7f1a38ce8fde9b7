import { request } from 'node:http';
import {
  DecryptCommand,
  DescribeKeyCommand,
  GenerateDataKeyCommand,
  GenerateMacCommand,
  type KMSClient,
  ReEncryptCommand,
} from '@aws-sdk/client-kms';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { CallLog } from '../../../local/kms/call-log.ts';
import { type LocalKms, startLocalKms } from '../../../local/kms/server.ts';
import { clientOf, FINGERPRINT, KEYS, OTHER, present, SEALING } from './fixture.ts';

const CONTEXT = { site_id: 'site_1' };
const AN_HOUR_MS = 3_600_000;

let kms: LocalKms;
let client: KMSClient;

beforeAll(async () => {
  kms = await startLocalKms({ keys: KEYS });
  client = clientOf(kms);
});

afterEach(() => {
  kms.clearFaults();
  kms.clearCalls();
});

afterAll(async () => {
  client.destroy();
  await kms.close();
});

function describeKey(by: KMSClient = client) {
  return by.send(new DescribeKeyCommand({ KeyId: SEALING }));
}

function generateDataKey(by: KMSClient = client) {
  return by.send(
    new GenerateDataKeyCommand({ KeyId: SEALING, KeySpec: 'AES_256', EncryptionContext: CONTEXT }),
  );
}

async function post(target: string, body: string) {
  const response = await fetch(kms.endpoint, {
    method: 'POST',
    headers: { 'x-amz-target': target },
    body,
  });
  return { status: response.status, headers: response.headers, body: await response.text() };
}

describe('an injected KMS fault', () => {
  it('of throttling is seen by the SDK as throttling and retried until it ends', async () => {
    kms.inject({ operation: 'DescribeKey', errorName: 'ThrottlingException' });
    await expect(describeKey()).rejects.toMatchObject({
      name: 'ThrottlingException',
      $metadata: { httpStatusCode: 400 },
    });
    kms.clearFaults();
    kms.inject({ errorName: 'ThrottlingException', times: 1 });
    const retrying = clientOf(kms, 3);
    expect((await describeKey(retrying)).$metadata.attempts).toBe(2);
    retrying.destroy();
  });

  it.each([
    ['KMSInternalException', 500],
    ['KeyUnavailableException', 500],
    ['DependencyTimeoutException', 503],
    ['KMSInvalidStateException', 400],
  ])('of %s has status %i', async (errorName, httpStatusCode) => {
    kms.inject({ errorName, times: 1 });
    await expect(describeKey()).rejects.toMatchObject({ name: errorName, $metadata: { httpStatusCode } });
    await expect(describeKey()).resolves.toBeDefined();
  });

  it('applies only to the named operation', async () => {
    kms.inject({ operation: 'Decrypt', errorName: 'KMSInternalException' });
    await expect(describeKey()).resolves.toBeDefined();
  });

  it('applies before faults that were injected later', async () => {
    kms.inject({ errorName: 'KMSInternalException', times: 1 });
    kms.inject({ errorName: 'KMSInvalidStateException', times: 1 });
    await expect(describeKey()).rejects.toMatchObject({ name: 'KMSInternalException' });
    await expect(describeKey()).rejects.toMatchObject({ name: 'KMSInvalidStateException' });
  });

  it('of reset breaks the connection, and a retry on a new connection succeeds', async () => {
    kms.inject({ reset: true, times: 1 });
    await expect(describeKey()).rejects.toThrow('ECONNRESET');
    kms.inject({ reset: true, times: 1 });
    const retrying = clientOf(kms, 3);
    expect((await describeKey(retrying)).$metadata.attempts).toBe(2);
    retrying.destroy();
  });

  it('of delay still ends in the correct response', async () => {
    kms.inject({ operation: 'GenerateDataKey', delayMs: 5 });
    expect((await generateDataKey()).Plaintext).toHaveLength(32);
    expect(kms.calls.map((each) => each.errorName)).toEqual([undefined]);
  });
});

describe('closing the local KMS', () => {
  it('ends even a delayed call and frees the port', async () => {
    const closing = await startLocalKms({ keys: KEYS });
    const waiting = clientOf(closing);
    closing.inject({ operation: 'GenerateDataKey', delayMs: AN_HOUR_MS });
    const held = expect(generateDataKey(waiting)).rejects.toThrow(/socket hang up|ECONNRESET/);
    await describeKey(waiting);
    await Promise.all([closing.close(), closing.close()]);
    await held;
    const again = await startLocalKms({ keys: KEYS, port: Number(new URL(closing.endpoint).port) });
    expect(again.endpoint).toBe(closing.endpoint);
    waiting.destroy();
    await again.close();
  });
});

describe('the KMS call log', () => {
  it('has operation, key, context and the request ID that the SDK saw', async () => {
    const made = await generateDataKey();
    const opened = await client.send(
      new DecryptCommand({ CiphertextBlob: present(made.CiphertextBlob), EncryptionContext: CONTEXT }),
    );
    expect(kms.calls).toEqual(
      [
        { operation: 'GenerateDataKey', requestId: made.$metadata.requestId },
        { operation: 'Decrypt', requestId: opened.$metadata.requestId },
      ].map((each) => ({
        ...each,
        keyArn: kms.keyArn(SEALING),
        encryptionContext: CONTEXT,
        errorName: undefined,
        at: expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/),
      })),
    );
  });

  it('includes calls that failed, were faulted or were reset', async () => {
    const made = await generateDataKey();
    const wrong = new DecryptCommand({
      CiphertextBlob: present(made.CiphertextBlob),
      EncryptionContext: { site_id: 'site_2' },
    });
    await expect(client.send(wrong)).rejects.toThrow();
    kms.inject({ errorName: 'ThrottlingException', times: 1 });
    await expect(client.send(wrong)).rejects.toThrow();
    kms.inject({ reset: true, times: 1 });
    await expect(client.send(wrong)).rejects.toThrow();
    const failed = kms.calls.slice(1);
    expect(failed.map((each) => each.errorName)).toEqual([
      'InvalidCiphertextException',
      'ThrottlingException',
      'ConnectionReset',
    ]);
    for (const each of failed) {
      expect(each).toMatchObject({
        keyArn: kms.keyArn(SEALING),
        encryptionContext: { site_id: 'site_2' },
      });
    }
  });

  it('has both contexts of a ReEncrypt, under the destination key', async () => {
    const made = await generateDataKey();
    await client.send(
      new ReEncryptCommand({
        CiphertextBlob: present(made.CiphertextBlob),
        SourceEncryptionContext: CONTEXT,
        DestinationKeyId: OTHER,
        DestinationEncryptionContext: { site_id: 'site_1', version: '2' },
      }),
    );
    expect(kms.calls.at(-1)).toMatchObject({
      keyArn: kms.keyArn(OTHER),
      encryptionContext: { site_id: 'site_1', version: '2' },
      sourceEncryptionContext: CONTEXT,
    });
  });

  it('never holds a plaintext, a ciphertext, a message or a MAC', async () => {
    const made = await generateDataKey();
    await client.send(
      new DecryptCommand({ CiphertextBlob: present(made.CiphertextBlob), EncryptionContext: CONTEXT }),
    );
    const message = Buffer.from('a message that must not be kept');
    const mac = await client.send(
      new GenerateMacCommand({ KeyId: FINGERPRINT, Message: message, MacAlgorithm: 'HMAC_SHA_256' }),
    );
    const log = JSON.stringify(kms.calls);
    for (const bytes of [made.Plaintext, made.CiphertextBlob, message, mac.Mac]) {
      const secret = Buffer.from(present(bytes));
      for (const encoding of ['base64', 'hex', 'latin1'] as const) {
        expect(log).not.toContain(secret.toString(encoding));
      }
    }
  });

  it('drops the oldest calls when it is full', () => {
    const log = new CallLog(2);
    for (const operation of ['first', 'second', 'third']) {
      log.record({
        operation,
        requestId: operation,
        keyArn: undefined,
        encryptionContext: undefined,
        errorName: undefined,
        at: '2026-01-01T00:00:00.000Z',
      });
    }
    expect(log.calls.map((each) => each.operation)).toEqual(['second', 'third']);
  });
});

describe('a request that is not a KMS call', () => {
  it.each(['TrentService.CreateGrant', 'TrentService.constructor', 'Other.Decrypt', ''])(
    'for %p is refused as an unknown operation',
    async (target) => {
      const answer = await post(target, '{}');
      expect(answer.status).toBe(400);
      expect(JSON.parse(answer.body)).toMatchObject({ __type: 'UnknownOperationException' });
    },
  );

  it('with the method GET is refused as an unknown operation', async () => {
    const response = await fetch(kms.endpoint, { headers: { 'x-amz-target': 'TrentService.DescribeKey' } });
    expect(await response.json()).toMatchObject({ __type: 'UnknownOperationException' });
  });

  it.each([
    ['text', 'SerializationException'],
    ['', 'SerializationException'],
    ['null', 'ValidationException'],
    ['[]', 'ValidationException'],
    ['{"KeyId":7}', 'ValidationException'],
    ['{"KeyId":"alias/sealing","KeySpec":"AES_256","EncryptionContext":{"a":1}}', 'SerializationException'],
    ['{"KeyId":"alias/sealing","KeySpec":"AES_256","EncryptionContext":["a"]}', 'SerializationException'],
  ])('with body %p returns %s', async (body, errorName) => {
    const answer = await post('TrentService.GenerateDataKey', body);
    expect(answer.status).toBe(400);
    expect(answer.headers.get('content-type')).toBe('application/x-amz-json-1.1');
    expect(answer.headers.get('x-amzn-requestid')).toMatch(/^[\da-f-]{36}$/);
    expect(JSON.parse(answer.body)).toMatchObject({ __type: errorName });
  });

  it('over 64 KiB is refused, and the server keeps running', async () => {
    const answer = await post('TrentService.Decrypt', 'x'.repeat(1024 * 1024));
    expect(answer.status).toBe(413);
    await expect(describeKey()).resolves.toBeDefined();
  });

  it('with another Host header is denied, so no web page can reach the port by DNS rebinding', async () => {
    const body = await new Promise((resolve, reject) => {
      const sent = request(
        kms.endpoint,
        { method: 'POST', headers: { host: 'attacker.example' } },
        (answer) => {
          answer.setEncoding('utf8').once('data', resolve);
        },
      );
      sent.once('error', reject).end('{}');
    });
    expect(body).toContain('AccessDeniedException');
  });
});

describe('an encryption context with the key __proto__', () => {
  it('is bound like any other context', async () => {
    const made = await post(
      'TrentService.GenerateDataKey',
      '{"KeyId":"alias/sealing","KeySpec":"AES_256","EncryptionContext":{"__proto__":"a"}}',
    );
    const blob = JSON.parse(made.body).CiphertextBlob;
    const open = (context: string) =>
      post('TrentService.Decrypt', `{"CiphertextBlob":"${blob}","EncryptionContext":${context}}`);
    expect((await open('{"__proto__":"a"}')).status).toBe(200);
    expect(JSON.parse((await open('{"__proto__":"b"}')).body).__type).toBe('InvalidCiphertextException');
    expect(JSON.parse((await open('{}')).body).__type).toBe('InvalidCiphertextException');
  });
});
