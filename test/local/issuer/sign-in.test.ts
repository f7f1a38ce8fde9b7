import { createHash, randomBytes } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { createRemoteJWKSet, jwtVerify } from 'jose';
import { type LocalIssuer, startLocalIssuer } from '../../../local/issuer/issuer.ts';

let issuer: LocalIssuer;
beforeAll(async () => {
  issuer = await startLocalIssuer({ audience: 'spelo', suggestedPerson: 'demo "owner"' });
});
afterAll(() => issuer.close());

const REDIRECT = 'http://127.0.0.1:8787/dashboard/callback';
const newVerifier = (): string => randomBytes(32).toString('base64url');
const challengeOf = (verifier: string): string => createHash('sha256').update(verifier).digest('base64url');

const requestFor = (verifier: string, more: Readonly<Record<string, string>> = {}): URLSearchParams =>
  new URLSearchParams({
    response_type: 'code',
    client_id: 'spelo-dashboard',
    redirect_uri: REDIRECT,
    scope: 'openid',
    state: 'state-1',
    nonce: 'nonce-1',
    code_challenge: challengeOf(verifier),
    code_challenge_method: 'S256',
    ...more,
  });

const post = (path: string, form: URLSearchParams): Promise<Response> =>
  fetch(`${issuer.issuer}${path}`, { method: 'POST', body: form, redirect: 'manual' });

/** Signs in and gives the code that the browser brings back. */
const codeFor = async (verifier: string, sub = 'someone'): Promise<string> => {
  const answer = await post('/authorize', requestFor(verifier, { sub }));
  const back = new URL(answer.headers.get('location') ?? '');
  expect(back.searchParams.get('state')).toBe('state-1');
  return back.searchParams.get('code') ?? '';
};

interface Tokens {
  readonly access_token: string;
  readonly id_token: string;
  readonly refresh_token: string;
}

const tokensOf = async (answer: Promise<Response>): Promise<Tokens> =>
  (await (await answer).json()) as Tokens;

const redeem = (code: string, verifier: string, more: Readonly<Record<string, string>> = {}) =>
  post(
    '/token',
    new URLSearchParams({
      grant_type: 'authorization_code',
      client_id: 'spelo-dashboard',
      code,
      redirect_uri: REDIRECT,
      code_verifier: verifier,
      ...more,
    }),
  );

describe('the sign-in of the local issuer', () => {
  it('issues an access token for the API and an ID token for the client, both for the person who signed in', async () => {
    const verifier = newVerifier();
    const answer = await tokensOf(redeem(await codeFor(verifier), verifier));
    const keys = createRemoteJWKSet(new URL(issuer.jwksUri));
    const access = await jwtVerify(answer.access_token, keys, { audience: 'spelo', typ: 'at+jwt' });
    const id = await jwtVerify(answer.id_token, keys, { audience: 'spelo-dashboard', typ: 'JWT' });
    expect([access.payload.sub, id.payload.sub]).toEqual(['someone', 'someone']);
    expect(id.payload['nonce']).toBe('nonce-1');
    expect(access.payload['nonce']).toBeUndefined();
  });

  it('allows pages of any origin to read the discovery document and to use the token endpoint', async () => {
    const verifier = newVerifier();
    const answers = await Promise.all([
      fetch(`${issuer.issuer}/.well-known/openid-configuration`),
      redeem(await codeFor(verifier), verifier),
    ]);
    for (const answer of answers) expect(answer.headers.get('access-control-allow-origin')).toBe('*');
  });

  it('redeems a code only once', async () => {
    const verifier = newVerifier();
    const code = await codeFor(verifier);
    expect((await redeem(code, verifier)).status).toBe(200);
    expect(await (await redeem(code, verifier)).json()).toEqual({ error: 'invalid_grant' });
  });

  it('refuses a code without the matching verifier', async () => {
    const code = await codeFor(newVerifier());
    expect(await (await redeem(code, newVerifier())).json()).toEqual({ error: 'invalid_grant' });
  });

  it('refuses a code for another redirect URI', async () => {
    const verifier = newVerifier();
    const answer = await redeem(await codeFor(verifier), verifier, {
      redirect_uri: 'http://127.0.0.1:1/elsewhere',
    });
    expect(answer.status).toBe(400);
  });

  it('accepts a refresh token only once', async () => {
    const verifier = newVerifier();
    const first = await tokensOf(redeem(await codeFor(verifier), verifier));
    const renew = () =>
      post(
        '/token',
        new URLSearchParams({
          grant_type: 'refresh_token',
          client_id: 'spelo-dashboard',
          refresh_token: first.refresh_token,
        }),
      );
    expect((await renew()).status).toBe(200);
    expect((await renew()).status).toBe(400);
  });

  it.each([
    ['an address off this machine', { redirect_uri: 'https://evil.example/' }],
    ['another client', { client_id: 'another' }],
    ['the implicit flow', { response_type: 'token' }],
    ['plain PKCE', { code_challenge_method: 'plain' }],
    ['no challenge', { code_challenge: '' }],
  ])('answers %s with an error page, never with a redirect', async (_, change) => {
    const answer = await post('/authorize', requestFor(newVerifier(), { sub: 'someone', ...change }));
    expect(answer.status).toBe(400);
    expect(answer.headers.get('location')).toBeNull();
  });

  it('asks for the person, and escapes request parameters in its page', async () => {
    const state = '"><script>alert(1)</script>';
    const answer = await fetch(`${issuer.issuer}/authorize?${requestFor(newVerifier(), { state })}`);
    const page = await answer.text();
    expect(page).toContain('demo &#34;owner&#34;');
    expect(page).not.toContain('<script>');
    expect(answer.headers.get('content-security-policy')).toContain("default-src 'none'");
  });
});
