import { createHash, randomBytes } from 'node:crypto';
import { afterAll, describe, expect, it } from '@jest/globals';
import { expectRefusal, expectSuccess } from '../support/answers.ts';
import { callRoute, SIGNED_IN_ROUTES } from '../support/routes.ts';
import { BUNDLED, startTestStack, type TestAnswer } from '../support/stack.ts';
import { fakeKey, makeTenant, mint, ORIGIN, putWorkspaceKey } from '../support/tenant.ts';

const secrets = [randomBytes(32).toString('base64url'), randomBytes(32).toString('base64url')] as const;
const digestOf = (secret: string): string => createHash('sha256').update(secret).digest('hex');

const plain = await startTestStack({ audited: false });
const stack = await startTestStack({
  audited: false,
  variables: { EDGE_PROOF_DIGESTS: secrets.map(digestOf).join(','), IP_LIMIT_PER_MINUTE: '2' },
});
afterAll(() => Promise.all([plain.close(), stack.close()]));

const through = (address: string, secret: string = secrets[0]) => ({
  'x-origin-verify': secret,
  'x-viewer-address': address,
});
const health = (headers: Readonly<Record<string, string>> = {}): Promise<TestAnswer> =>
  stack.call('GET', '/v1/health', { headers });
/** A viewer in a separate network: of an IPv6 address the first 64 bits count. */
const viewer = (): string =>
  `2001:db8:${randomBytes(2).toString('hex')}:${randomBytes(2).toString('hex')}::1`;

describe('an API with an edge in front', () => {
  it('accepts requests that carry the old or the new edge secret', async () => {
    for (const secret of secrets) expectSuccess(await health(through(viewer(), secret)));
  });

  it.each([
    ['without the secret', {}],
    ['with an empty secret', { 'x-origin-verify': '', 'x-viewer-address': '192.0.2.1' }],
    ['with another secret', through('192.0.2.1', randomBytes(32).toString('base64url'))],
    ['with the digest in place of the secret', through('192.0.2.1', digestOf(secrets[0]))],
    ['with the secret and a letter more', through('192.0.2.1', `${secrets[0]}A`)],
    ['with both secrets at once', through('192.0.2.1', `${secrets[0]},${secrets[1]}`)],
    ['with the secret and no address', { 'x-origin-verify': secrets[0] }],
  ])('refuses a request %s', async (_, headers) => {
    expectRefusal(await health(headers), 403, 'forbidden');
  });

  it.each(SIGNED_IN_ROUTES.map((route) => [`${route.method} ${route.path}`, route] as const))(
    'refuses %s before it verifies the token',
    async (_, route) => {
      const nowhere = { workspaceId: 'abcdefgh1234', siteId: 'abcdefgh1234abcd' };
      // API Gateway's authorizer stands before the function, and lets only a good token pass.
      const caller = BUNDLED ? { as: 'somebody' } : {};
      expectRefusal(await callRoute(stack, route, nowhere, caller), 403, 'forbidden');
    },
  );

  it('refuses the public widget routes and unknown routes', async () => {
    for (const [method, path] of [
      ['OPTIONS', '/v1/abcdefgh1234/token'],
      ['POST', '/v1/abcdefgh1234/token'],
      ['POST', '/v1/abcdefgh1234/sessions/ses_1/events'],
      ['GET', '/v1/pricing'],
      ['GET', '/v1/nothing'],
    ] as const)
      expectRefusal(await stack.call(method, path, { origin: ORIGIN }), 403, 'forbidden');
  });

  it('counts requests by the address of the viewer, not of the edge', async () => {
    const site = 'abcdefgh1234';
    const ask = (address: string) =>
      stack.call('POST', `/v1/${site}/token`, { origin: ORIGIN, body: {}, headers: through(address) });
    const [one, other] = [viewer(), viewer()];
    for (let i = 0; i < 2; i++) expectRefusal(await ask(one), 404, 'site_not_found');
    expectRefusal(await ask(one), 429, 'rate_limited');
    expectRefusal(await ask(other), 404, 'site_not_found');
  });

  it('repeats the edge secret in no response and no log', async () => {
    const answer = await health(through(viewer()));
    for (const secret of secrets) {
      expect(answer.text + JSON.stringify([...answer.headers])).not.toContain(secret);
      expect(stack.logs.join('\n')).not.toContain(secret);
    }
  });
});

describe('an API without an edge', () => {
  it('ignores a viewer address in a request header', async () => {
    const tenant = await makeTenant(plain);
    expectSuccess(await putWorkspaceKey(plain, tenant, fakeKey()));
    expectSuccess(await mint(plain, tenant));
    const limited = await startTestStack({ audited: false, variables: { IP_LIMIT_PER_MINUTE: '2' } });
    try {
      const ask = () =>
        limited.call('POST', '/v1/abcdefgh1234/token', {
          origin: ORIGIN,
          body: {},
          headers: through(viewer(), 'made-up'),
        });
      for (let i = 0; i < 2; i++) expectRefusal(await ask(), 404, 'site_not_found');
      expectRefusal(await ask(), 429, 'rate_limited');
    } finally {
      await limited.close();
    }
  });

  it('forbids loading, framing, sniffing and caching in every response', async () => {
    const { headers } = await plain.call('GET', '/v1/health');
    expect(Object.fromEntries(headers)).toMatchObject({
      'cache-control': 'no-store',
      'content-security-policy': "default-src 'none'; frame-ancestors 'none'",
      'referrer-policy': 'no-referrer',
      'strict-transport-security': 'max-age=63072000; includeSubDomains',
      'x-content-type-options': 'nosniff',
    });
  });
});
