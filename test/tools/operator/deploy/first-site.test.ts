import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect, test } from '@jest/globals';
import { ensureFirstSite, type FirstSiteAnswers } from '../../../../tools/operator/deploy/first-site.ts';

const nobody: FirstSiteAnswers = {
  payer: async () => 'own',
  tier: async () => 1,
  origin: async () => 'https://shop.test',
  openAiKey: async () => 'sk-key',
  storePlatformKey: async () => undefined,
};

test('an expired recent sign-in is explained, and the next step is a new sign-in', async () => {
  const api = createServer((_request, response) => {
    const error = { code: 'recent_sign_in_required', message: 'Sign in again.' };
    response
      .writeHead(401, { 'content-type': 'application/json' })
      .end(JSON.stringify({ success: false, error }));
  });
  await new Promise<void>((resolve) => api.listen(0, '127.0.0.1', resolve));
  try {
    const { port } = api.address() as AddressInfo;
    await expect(
      ensureFirstSite({
        url: `http://127.0.0.1:${port}`,
        token: 'token',
        workspace: 'First workspace',
        given: { payer: undefined, tier: undefined, origin: undefined },
        answers: nobody,
      }),
    ).rejects.toMatchObject({
      message: expect.stringContaining('(recent_sign_in_required)'),
      next: expect.stringContaining('sign in again to get a new token'),
    });
  } finally {
    api.close();
  }
});
