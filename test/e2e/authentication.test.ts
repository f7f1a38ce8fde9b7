import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, describe, expect, it } from '@jest/globals';
import {
  exportJWK,
  exportSPKI,
  generateKeyPair,
  importJWK,
  type JWTHeaderParameters,
  type JWTPayload,
  SignJWT,
  UnsecuredJWT,
} from 'jose';
import { expectRefusal, expectSuccess } from '../support/answers.ts';
import { makeKeyedTenant, needed } from '../support/keyed-tenant.ts';
import { callRoute, SIGNED_IN_ROUTES } from '../support/routes.ts';
import { startTestStack, type TestAnswer } from '../support/stack.ts';
import { putSiteKey } from '../support/tenant.ts';

const stack = await startTestStack({ audited: false });
const { issuer, audience, jwksUri, privateKey, kid } = stack.issuer;
const tenant = await needed(stack, makeKeyedTenant(stack));
await needed(stack, putSiteKey(stack, tenant, tenant.key));

const published = (
  (await (await fetch(jwksUri)).json()) as { readonly keys: readonly [Record<string, string>] }
).keys[0];
const foreign = await generateKeyPair('RS256', { extractable: true });
const foreignJwk = { ...(await exportJWK(foreign.publicKey)), alg: 'RS256', use: 'sig', kid };

let foreignKeySetReads = 0;
const foreignKeySet = createServer((_, response) => {
  foreignKeySetReads++;
  response.setHeader('content-type', 'application/json').end(JSON.stringify({ keys: [foreignJwk] }));
});
await new Promise<void>((resolve) => foreignKeySet.listen(0, '127.0.0.1', resolve));
const foreignKeySetUrl = `http://127.0.0.1:${(foreignKeySet.address() as AddressInfo).port}/jwks.json`;

afterAll(async () => {
  foreignKeySet.close();
  await stack.close();
});

const nowSeconds = (): number => Math.floor(Date.now() / 1_000);
const goodClaims = (): JWTPayload => ({
  iss: issuer,
  aud: audience,
  sub: tenant.owner,
  iat: nowSeconds(),
  exp: nowSeconds() + 600,
});

/** A token like the issuer's own, except for what a test changes. A claim set to undefined is left out. */
const signed = (
  claims: Readonly<Record<string, unknown>> = {},
  header: Readonly<Record<string, unknown>> = {},
  key: Parameters<SignJWT['sign']>[0] = privateKey,
): Promise<string> =>
  new SignJWT({ ...goodClaims(), ...claims })
    .setProtectedHeader({ alg: 'RS256', kid, typ: 'at+jwt', ...header } as JWTHeaderParameters)
    .sign(key);

const publicKeyAsHmacKey = async (): Promise<Uint8Array> => {
  const key = await importJWK({ ...published }, 'RS256', { extractable: true });
  if (key instanceof Uint8Array) throw new Error('An RSA key cannot be symmetric.');
  return new TextEncoder().encode(await exportSPKI(key));
};

const ONE_ROUTE_OF_EACH_FUNCTION = [
  ['token', 'POST', `/v1/sites/${tenant.siteId}/openai-key/test`],
  ['keys', 'GET', `/v1/sites/${tenant.siteId}/openai-key`],
  ['manage', 'GET', `/v1/sites/${tenant.siteId}`],
] as const;

const callEach = async (authorization: string): Promise<readonly TestAnswer[]> =>
  Promise.all(
    ONE_ROUTE_OF_EACH_FUNCTION.map(([, method, path]) =>
      stack.call(method, path, { headers: { authorization } }),
    ),
  );

describe('a valid access token', () => {
  const accepted: readonly [string, () => Promise<string>][] = [
    ['as the issuer makes it', () => stack.tokenFor(tenant.owner)],
    ['as these tests make it', () => signed()],
    ['of a header type in other letters', () => signed({}, { typ: 'AT+JWT' })],
    ['of a header type with its prefix', () => signed({}, { typ: 'application/at+jwt' })],
    [
      "as Keycloak makes it: `typ` in the claims, the sign-in's nonce",
      () => signed({ typ: 'Bearer', azp: 'dashboard', nonce: 'n-0S6_WzA2Mj' }, { typ: 'JWT' }),
    ],
    [
      'as Cognito makes it: `token_use`, `client_id`, no audience',
      () => signed({ aud: undefined, client_id: audience, token_use: 'access' }, { typ: undefined }),
    ],
    ['that expired half a minute ago by our clock', () => signed({ exp: nowSeconds() - 30 })],
    ['that was issued half a minute ahead of our clock', () => signed({ iat: nowSeconds() + 30 })],
    ['for several audiences', () => signed({ aud: ['other', audience] })],
    ['that says it is an access token', () => signed({ token_use: 'access' })],
    ['that names its client in place of an audience', () => signed({ aud: undefined, client_id: audience })],
  ];

  it('is accepted by every function', async () => {
    for (const answer of await callEach(`Bearer ${await stack.tokenFor(tenant.owner)}`))
      expectSuccess(answer);
  });

  it.each(accepted)('is accepted: %s', async (_, token) => {
    const headers = { authorization: `Bearer ${await token()}` };
    expectSuccess(await stack.call('GET', `/v1/sites/${tenant.siteId}`, { headers }));
  });
});

describe('a token that is not a valid access token is refused by every function', () => {
  const refused: readonly [string, () => Promise<string>][] = [
    ['expired', () => signed({ exp: nowSeconds() - 120 })],
    ['issued in the future', () => signed({ iat: nowSeconds() + 600 })],
    ['without a key id', () => signed({}, { kid: undefined })],
    ['of type JWT without a mark of an access token', () => signed({}, { typ: 'JWT' })],
    ['of no type without a mark of an access token', () => signed({}, { typ: undefined })],
    ['not valid yet', () => signed({ nbf: nowSeconds() + 600 })],
    ['without an expiry', () => signed({ exp: undefined })],
    ['for another audience', () => signed({ aud: 'another-service' })],
    ['for no audience', () => signed({ aud: undefined })],
    ['of another client', () => signed({ aud: undefined, client_id: 'another-client' })],
    ['for our audience as a substring', () => signed({ aud: `${audience}-other` })],
    ['of another issuer', () => signed({ iss: 'https://issuer.example' })],
    ['of an issuer with a longer name', () => signed({ iss: `${issuer}.example` })],
    ['without an issuer', () => signed({ iss: undefined })],
    ['without a subject', () => signed({ sub: undefined })],
    ['with an empty subject', () => signed({ sub: '' })],
    ['with a subject of unbounded length', () => signed({ sub: 'a'.repeat(257) })],
    ['whose subject is an actor of the audit trail', () => signed({ sub: 'visitor' })],
    ['whose subject is a service in the audit trail', () => signed({ sub: 'system:detector' })],
    ['whose subject is an API token in the audit trail', () => signed({ sub: 'token:tok_0123456789abcdef' })],
    ['an ID token of the code flow, with its nonce', () => signed({ nonce: 'n-0S6_WzA2Mj' }, { typ: 'JWT' })],
    ['an ID token as Keycloak makes it', () => signed({ typ: 'ID', nonce: 'n-0S6_WzA2Mj' }, { typ: 'JWT' })],
    ['an ID token, by token_use', () => signed({ token_use: 'id' })],
    ['an ID token, by at_hash', () => signed({ at_hash: 'MTIzNDU2Nzg5MDEyMzQ1Ng' }, { typ: 'JWT' })],
    ['a logout token, by its type', () => signed({}, { typ: 'logout+jwt' })],
    ['unsigned', async () => new UnsecuredJWT(goodClaims()).encode()],
    [
      'signed with HMAC by the public key',
      async () => signed({}, { alg: 'HS256' }, await publicKeyAsHmacKey()),
    ],
    ['signed by another key under the same id', () => signed({}, {}, foreign.privateKey)],
    ['of an unknown key', () => signed({}, { kid: 'unknown' }, foreign.privateKey)],
    ['with its own key (jwk)', () => signed({}, { jwk: foreignJwk }, foreign.privateKey)],
    ['with a link to its own keys (jku)', () => signed({}, { jku: foreignKeySetUrl }, foreign.privateKey)],
    [
      'with a link to its own certificate (x5u)',
      () => signed({}, { x5u: foreignKeySetUrl }, foreign.privateKey),
    ],
    [
      'changed after it was signed',
      async () => {
        const [header, , signature] = (await signed({ sub: 'somebody' })).split('.');
        return `${header}.${Buffer.from(JSON.stringify(goodClaims())).toString('base64url')}.${signature}`;
      },
    ],
    ['without its signature', async () => `${(await signed()).split('.').slice(0, 2).join('.')}.`],
    ['cut short', async () => (await signed()).slice(0, -10)],
    ['garbage', async () => 'not.a.token'],
    ['empty', async () => ''],
    ['two at once', async () => `${await signed()},${await signed()}`],
  ];

  it.each(refused)('%s: 401', async (_, token) => {
    for (const answer of await callEach(`Bearer ${await token()}`))
      expectRefusal(answer, 401, 'unauthorized');
  });

  it.each(['Basic', 'Token', 'DPoP'])('a valid token under the scheme %s: 401', async (scheme) => {
    for (const answer of await callEach(`${scheme} ${await signed()}`))
      expectRefusal(answer, 401, 'unauthorized');
  });

  it('a valid token outside the Authorization header: 401', async () => {
    const token = await signed();
    for (const [, method, path] of ONE_ROUTE_OF_EACH_FUNCTION) {
      const headers = { cookie: `access_token=${token}`, 'x-access-token': token };
      const answer = await stack.call(method, `${path}?access_token=${token}`, { headers });
      expectRefusal(answer, 401, 'unauthorized');
    }
  });

  it('the key address that a token names is never requested', () => {
    expect(foreignKeySetReads).toBe(0);
  });
});

describe('a route that is not public', () => {
  it.each(SIGNED_IN_ROUTES)('$method $path without a token: 401', async (route) => {
    expectRefusal(await callRoute(stack, route, tenant), 401, 'unauthorized');
  });

  it.each(SIGNED_IN_ROUTES)('$method $path returns 401 before it validates the request', async (route) => {
    const body = { rawBody: '{ no json' };
    const answer = await callRoute(stack, route, tenant, route.method === 'GET' ? {} : body);
    expectRefusal(answer, 401, 'unauthorized');
  });
});
