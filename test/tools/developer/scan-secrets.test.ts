import { randomBytes } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import { findSecrets } from '../../../tools/developer/scan-secrets.ts';
import { fakeKey } from '../../support/tenant.ts';

describe('the secret scan', () => {
  it.each([
    ['OpenAI API key', () => fakeKey()],
    ['OpenAI client secret', () => `ek_${randomBytes(16).toString('hex')}`],
    ['AWS access key id', () => `AKIA${'A1B2C3D4'.repeat(2)}`],
    ['private key', () => `-----BEGIN ${'PRIVATE KEY'}-----`],
  ])('finds a planted %s and names only its kind', (kind, secret) => {
    expect(findSecrets(['planted.txt'], () => `const x = '${secret()}';`)).toEqual([
      { path: 'planted.txt', kind },
    ]);
  });

  it('leaves masked keys and patterns alone', () => {
    expect(findSecrets(['a'], () => 'sk-proj-...AbCd and /^sk-[A-Za-z0-9_-]{20,300}$/')).toEqual([]);
  });
});
