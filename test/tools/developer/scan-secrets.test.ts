import { randomBytes } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import type { WorkspaceId } from '../../../lambdas/domain/identifiers.ts';
import { newApiToken } from '../../../lambdas/domain/tenancy/api-token-text.ts';
import { makeFakeKey } from '../../../local/openai/fake-key.ts';
import { findSecrets } from '../../../tools/developer/scan-secrets.ts';

describe('the secret scan', () => {
  it.each([
    ['github', () => `ghp_${randomBytes(18).toString('hex')}`],
    ['slack', () => `xoxb-${'1'.repeat(12)}-${'2'.repeat(12)}-${randomBytes(12).toString('hex')}`],
    ['basicauth', () => `https://admin:${randomBytes(8).toString('hex')}@db.example.com`],
    ['OpenAI client secret', () => `ek_${randomBytes(16).toString('hex')}`],
    ['API token', () => newApiToken('0123456789ab' as WorkspaceId, randomBytes).text],
    ['AWS access key id', () => `AKIA${'A1B2C3D4'.repeat(2)}`],
    ['private key', () => `-----BEGIN ${'PRIVATE KEY'}-----`],
  ])('finds a planted secret of the kind %s and names only its kind', async (kind, secret) => {
    expect(await findSecrets(['planted.txt'], () => `const x = '${secret()}';`)).toEqual([
      { path: 'planted.txt', kind },
    ]);
  });

  it.each([
    ['a letter', (key: string) => `${key.slice(0, -1)}a`],
    ['a hyphen, where no word ends', (key: string) => `${key.slice(0, -1)}-`],
    ['an underscore', (key: string) => `${key.slice(0, -1)}_`],
    ['a suffix that the stand-in plays', (key: string) => `${key}-revoked`],
  ])('finds an OpenAI key that ends in %s', async (_end, ending) => {
    const content = `const x = '${ending(makeFakeKey(randomBytes))}';`;
    expect(await findSecrets(['planted.txt'], () => content)).toContainEqual({
      path: 'planted.txt',
      kind: 'OpenAI key',
    });
  });

  it('ignores masked keys and patterns', async () => {
    const content = 'sk-proj-...AbCd and /^sk-[A-Za-z0-9_-]{20,300}$/';
    expect(await findSecrets(['a'], () => content)).toEqual([]);
  });
});
