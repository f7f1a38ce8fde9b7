import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  DecryptCommand,
  DescribeKeyCommand,
  DisableKeyCommand,
  GenerateDataKeyCommand,
  GenerateMacCommand,
  type KMSClient,
} from '@aws-sdk/client-kms';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { DamagedStateFileError, startLocalKms } from '../../../local/kms/server.ts';
import { clientOf, FINGERPRINT, KEYS, present, SEALING } from './fixture.ts';

const CONTEXT = { site_id: 'site_1' };

let directory: string;
let stateFile: string;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'local-kms-'));
  stateFile = join(directory, 'nested', 'kms.json');
});

afterEach(() => rm(directory, { recursive: true }));

/** One run of the server over the state file, from start to close. */
async function run<T>(use: (client: KMSClient) => Promise<T>, keys = KEYS): Promise<T> {
  const kms = await startLocalKms({ keys, stateFile });
  const client = clientOf(kms);
  try {
    return await use(client);
  } finally {
    client.destroy();
    await kms.close();
  }
}

function fingerprint(client: KMSClient) {
  return client.send(
    new GenerateMacCommand({
      KeyId: FINGERPRINT,
      Message: Buffer.from('m'),
      MacAlgorithm: 'HMAC_SHA_256',
    }),
  );
}

describe('a restart with the state file', () => {
  it('decrypts data of an earlier run and creates the same MAC', async () => {
    const earlier = await run(async (client) => ({
      dataKey: await client.send(
        new GenerateDataKeyCommand({ KeyId: SEALING, KeySpec: 'AES_256', EncryptionContext: CONTEXT }),
      ),
      mac: await fingerprint(client),
    }));
    await run(async (client) => {
      const sealed = present(earlier.dataKey.CiphertextBlob);
      const opened = await client.send(
        new DecryptCommand({ CiphertextBlob: sealed, EncryptionContext: CONTEXT, KeyId: SEALING }),
      );
      expect(opened.Plaintext).toEqual(earlier.dataKey.Plaintext);
      expect((await fingerprint(client)).Mac).toEqual(earlier.mac.Mac);
    });
  });

  it('keeps a disabled key disabled', async () => {
    await run(async (client) => {
      const { KeyMetadata } = await client.send(new DescribeKeyCommand({ KeyId: SEALING }));
      await client.send(new DisableKeyCommand({ KeyId: present(KeyMetadata?.Arn) }));
    });
    await run(async (client) => {
      const { KeyMetadata } = await client.send(new DescribeKeyCommand({ KeyId: SEALING }));
      expect(KeyMetadata?.KeyState).toBe('Disabled');
    });
  });

  it('adds a missing alias and keeps the others', async () => {
    const before = await run(fingerprint);
    const after = await run(fingerprint, [...KEYS, { alias: 'alias/new', usage: 'ENCRYPT_DECRYPT' }]);
    expect(after.Mac).toEqual(before.Mac);
    expect(await readFile(stateFile, 'utf8')).toContain('alias/new');
  });
});

describe('the state file of the local KMS', () => {
  it('is readable only by its owner, with no temporary file next to it', async () => {
    await run(fingerprint);
    expect((await stat(stateFile)).mode & 0o777).toBe(0o600);
    expect(await readdir(join(directory, 'nested'))).toEqual(['kms.json']);
  });

  it.each([
    ['empty', () => ''],
    ['cut short', (text: string) => text.slice(0, text.length / 2)],
    ['of another format', (text: string) => text.replace('"format": 1', '"format": 2')],
    ['altered in a key', (text: string) => text.replace('"enabled": true', '"enabled": false')],
    ['not an object', () => '[]'],
  ])('that is %s stops the start with one clear sentence and stays unchanged', async (_what, damage) => {
    await run(fingerprint);
    const damaged = damage(await readFile(stateFile, 'utf8'));
    await writeFile(stateFile, damaged);
    const start = startLocalKms({ keys: KEYS, stateFile });
    await expect(start).rejects.toThrow(DamagedStateFileError);
    await expect(start).rejects.toThrow(
      `The local KMS state file ${stateFile} is damaged; \`npm start -- --reset\` starts afresh.`,
    );
    expect(await readFile(stateFile, 'utf8')).toBe(damaged);
  });

  it('with an alias for another key usage stops the start', async () => {
    await run(fingerprint);
    const start = startLocalKms({ keys: [{ alias: SEALING, usage: 'GENERATE_VERIFY_MAC' }], stateFile });
    await expect(start).rejects.toThrow(DamagedStateFileError);
  });
});
