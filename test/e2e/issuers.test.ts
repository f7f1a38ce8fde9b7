import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, it, jest } from '@jest/globals';
import { exportJWK, generateKeyPair, type JWTPayload, SignJWT } from 'jose';
import Provider from 'oidc-provider';
import { oidcAccessTokens } from '../../lambdas/adapters/oidc/access-tokens.ts';
import { parseAccessTokenRule } from '../../lambdas/domain/access-token-rule.ts';
import { DependencyUnavailableError } from '../../lambdas/domain/dependency.ts';
import { expectSuccess } from '../support/answers.ts';
import { startTestStack } from '../support/stack.ts';

const AUDIENCE = 'https://api.spelo.test';

const servers: Server[] = [];
/** Only the date is set by a test; timers and sockets continue. */
const NOT_THE_DATE = [
  'hrtime',
  'nextTick',
  'performance',
  'queueMicrotask',
  'setImmediate',
  'clearImmediate',
  'setInterval',
  'clearInterval',
  'setTimeout',
  'clearTimeout',
] as const;

afterEach(() => {
  jest.useRealTimers();
  for (const server of servers.splice(0)) {
    server.close();
    server.closeAllConnections();
  }
});

const listen = async (server: Server): Promise<string> => {
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
};

const verifierFor = (
  issuer: string,
  options: {
    readonly rule?: string;
    readonly audience?: string;
    readonly elapsedMs?: () => number;
    readonly recentSeconds?: number;
  } = {},
) => {
  const mismatches: string[] = [];
  const rule = parseAccessTokenRule(options.rule ?? 'marked');
  if (rule === undefined) throw new Error('This is no rule.');
  const verifier = oidcAccessTokens({
    recentSignInSeconds: options.recentSeconds ?? 0,
    issuer,
    audience: options.audience ?? AUDIENCE,
    rule,
    monotonicMs: options.elapsedMs ?? (() => performance.now()),
    unixSeconds: () => Math.floor(Date.now() / 1_000),
    onIssuerMismatch: (named) => mismatches.push(named),
  });
  return {
    /** Its `sub`. */
    verify: async (token: string) => (await verifier.verify(token))?.sub,
    isOld: async (token: string) => (await verifier.verify(token))?.signInIsOld,
    mismatches,
  };
};

/** An issuer whose documents a test writes itself. */
const startIssuer = async () => {
  const { privateKey, publicKey } = await generateKeyPair('RS256');
  const jwk = { ...(await exportJWK(publicKey)), kid: 'k1', alg: 'RS256', use: 'sig' };
  const state = { isDown: false, named: undefined as string | undefined, keys: [jwk], reads: 0 };
  const server = createServer((request, response) => {
    state.reads++;
    if (state.isDown) {
      response.writeHead(503).end('down');
      return;
    }
    const body = request.url?.endsWith('/openid-configuration')
      ? { issuer: state.named ?? issuer, jwks_uri: `${issuer}/jwks` }
      : { keys: state.keys };
    response.setHeader('content-type', 'application/json').end(JSON.stringify(body));
  });
  const issuer: string = await listen(server);
  const sign = (claims: JWTPayload = {}, header: { typ?: string; kid?: string } = {}): Promise<string> => {
    const now = Math.floor(Date.now() / 1_000);
    return new SignJWT({ iss: issuer, aud: AUDIENCE, sub: 'ada', iat: now, exp: now + 600, ...claims })
      .setProtectedHeader({ alg: 'RS256', kid: 'k1', ...header })
      .sign(privateKey);
  };
  return { issuer, state, sign };
};

describe('an independent OpenID Provider', () => {
  it('issues access tokens that the API accepts for its own audience and scope only', async () => {
    let issuer = '';
    const server = createServer((request, response) => provider.callback()(request, response));
    issuer = await listen(server);
    const { privateKey } = await generateKeyPair('RS256', { extractable: true });
    const provider = new Provider(issuer, {
      clients: [
        {
          client_id: 'machine',
          client_secret: 'a-secret-of-this-test',
          grant_types: ['client_credentials'],
          redirect_uris: [],
          response_types: [],
        },
      ],
      jwks: { keys: [{ ...(await exportJWK(privateKey)), alg: 'RS256', use: 'sig' }] },
      features: {
        devInteractions: { enabled: false },
        clientCredentials: { enabled: true },
        resourceIndicators: {
          enabled: true,
          getResourceServerInfo: () => ({
            scope: 'spelo',
            audience: AUDIENCE,
            accessTokenFormat: 'jwt',
            jwt: { sign: { alg: 'RS256' } },
          }),
        },
      },
    });
    const answer = await fetch(`${issuer}/token`, {
      method: 'POST',
      headers: { authorization: `Basic ${Buffer.from('machine:a-secret-of-this-test').toString('base64')}` },
      body: new URLSearchParams({ grant_type: 'client_credentials', resource: AUDIENCE, scope: 'spelo' }),
    });
    const { access_token: token } = (await answer.json()) as { readonly access_token: string };

    const stack = await startTestStack({
      audited: false,
      variables: { OIDC_ISSUER: issuer, OIDC_AUDIENCE: AUDIENCE },
    });
    try {
      const headers = { authorization: `Bearer ${token}` };
      const body = { name: 'Machine', openai_tier: 2 };
      expectSuccess(await stack.call('POST', '/v1/workspaces', { headers, body }), 201);
      const { items } = expectSuccess(await stack.call('GET', '/v1/workspaces', { headers }));
      expect(items).toHaveLength(1);
    } finally {
      await stack.close();
    }
    expect(await verifierFor(issuer).verify(token)).toBe('machine');
    expect(await verifierFor(issuer, { rule: 'scope:spelo' }).verify(token)).toBe('machine');
    expect(await verifierFor(issuer, { rule: 'scope:other' }).verify(token)).toBeUndefined();
    expect(await verifierFor(issuer, { audience: 'another' }).verify(token)).toBeUndefined();
  });
});

describe('an issuer that is distinguished by a scope', () => {
  it.each([
    ['a list in `scope`', { scope: 'openid spelo email' }],
    ['an array in `scp`, as Okta writes it', { scp: ['openid', 'spelo'] }],
    ['a list in `scp`, as Entra writes it', { scp: 'spelo profile' }],
  ])('has its token accepted with %s', async (_, claims) => {
    const { issuer, sign } = await startIssuer();
    expect(
      await verifierFor(issuer, { rule: 'scope:spelo' }).verify(await sign(claims, { typ: 'JWT' })),
    ).toBe('ada');
  });

  it.each([
    ['no scope', {}],
    ['a longer scope', { scope: 'spelo-admin' }],
    ['the scope as a part', { scp: ['spelo.read'] }],
    ['a mark in place of the scope', { token_use: 'access' }],
    ['the scope in an ID token of Cognito', { scope: 'spelo', token_use: 'id' }],
  ])('has its token refused with %s', async (_, claims) => {
    const { issuer, sign } = await startIssuer();
    expect(await verifierFor(issuer, { rule: 'scope:spelo' }).verify(await sign(claims))).toBeUndefined();
  });
});

describe('the age of a sign-in', () => {
  it('comes from `auth_time`: a token without a numeric `auth_time` counts as old', async () => {
    const { issuer, sign } = await startIssuer();
    const nowSeconds = Math.floor(Date.now() / 1_000);
    const isOld = async (authTime: unknown, recentSeconds: number) =>
      verifierFor(issuer, { recentSeconds }).isOld(
        await sign(authTime === undefined ? {} : { auth_time: authTime }, { typ: 'at+jwt' }),
      );
    expect(await isOld(nowSeconds - 850, 900)).toBe(false);
    expect(await isOld(nowSeconds - 1_000, 900)).toBe(true);
    for (const unclear of [undefined, String(nowSeconds), null, [nowSeconds]])
      expect(await isOld(unclear, 900)).toBe(true);
    expect(await isOld(undefined, 0)).toBe(false);
  });
});

describe('an outage of the issuer', () => {
  it('does not affect tokens of known keys for a day, and the issuer is asked only now and then', async () => {
    const startMs = Date.now();
    jest.useFakeTimers({ now: startMs, doNotFake: [...NOT_THE_DATE] });
    const { issuer, state, sign } = await startIssuer();
    const { verify } = verifierFor(issuer, { elapsedMs: () => Date.now() - startMs });
    const token = await sign({ exp: Math.floor(startMs / 1_000) + 3 * 86_400 }, { typ: 'at+jwt' });
    expect(await verify(token)).toBe('ada');

    state.isDown = true;
    const readsBefore = state.reads;
    for (const hours of [1, 2, 23]) {
      jest.setSystemTime(startMs + hours * 3_600_000);
      for (let i = 0; i < 5; i++) expect(await verify(token)).toBe('ada');
    }
    expect(state.reads - readsBefore).toBe(3);

    jest.setSystemTime(startMs + 25 * 3_600_000);
    await expect(verify(token)).rejects.toThrow(DependencyUnavailableError);
  });

  it('does not refuse a token of an unknown key: the response reports an outage', async () => {
    const { issuer, state, sign } = await startIssuer();
    const { verify } = verifierFor(issuer);
    state.isDown = true;
    await expect(verify(await sign({}, { typ: 'at+jwt' }))).rejects.toThrow(DependencyUnavailableError);
  });
});

describe('a discovery document that names another issuer', () => {
  it('fails closed and is reported once, with its name', async () => {
    const { issuer, state, sign } = await startIssuer();
    state.named = `${issuer}/`;
    const { verify, mismatches } = verifierFor(issuer);
    const token = await sign({}, { typ: 'at+jwt' });
    for (let i = 0; i < 3; i++)
      await expect(verify(token)).rejects.toMatchObject({ errorName: 'DiscoveryNamesAnotherIssuer' });
    expect(mismatches).toEqual([`${issuer}/`]);
  });
});
