import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, describe, expect, it } from '@jest/globals';
import { createRemoteJWKSet, decodeProtectedHeader, jwtVerify } from 'jose';
import { type LocalIssuer, type LocalIssuerOptions, startLocalIssuer } from '../../../local/issuer/issuer.ts';

const folder = mkdtempSync(join(tmpdir(), 'spelo-byok-issuer-'));
afterAll(() => rmSync(folder, { recursive: true }));

const open: LocalIssuer[] = [];
async function start(options: Partial<LocalIssuerOptions> = {}): Promise<LocalIssuer> {
  const issuer = await startLocalIssuer({ audience: 'spelo', ...options });
  open.push(issuer);
  return issuer;
}
afterEach(async () => {
  await Promise.all(open.splice(0).map((issuer) => issuer.close()));
});

async function verify(token: string, issuer: LocalIssuer) {
  const keys = createRemoteJWKSet(new URL(issuer.jwksUri));
  return jwtVerify(token, keys, { issuer: issuer.issuer, audience: issuer.audience, typ: 'at+jwt' });
}

describe('startLocalIssuer', () => {
  it('issues access tokens that its published key set verifies', async () => {
    const issuer = await start();
    const token = await issuer.issue({ sub: 'owner', expiresInSeconds: 60, claims: { scope: 'keys:write' } });
    const { payload, protectedHeader } = await verify(token, issuer);
    expect(protectedHeader).toEqual({ alg: 'RS256', kid: issuer.kid, typ: 'at+jwt' });
    expect(payload).toMatchObject({ iss: issuer.issuer, aud: 'spelo', sub: 'owner', scope: 'keys:write' });
    expect((payload.exp ?? 0) - (payload.iat ?? 0)).toBe(60);
  });

  it('gives each token a unique id', async () => {
    const issuer = await start();
    const tokens = await Promise.all([1, 2].map(() => issuer.issue({ sub: 'owner', expiresInSeconds: 60 })));
    const ids = await Promise.all(tokens.map(async (token) => (await verify(token, issuer)).payload.jti));
    expect(new Set(ids).size).toBe(2);
  });

  it('lets additional claims never replace the standard ones', async () => {
    const issuer = await start();
    const claims = { iss: 'https://elsewhere.invalid', sub: 'another', exp: 9_999_999_999 };
    const { payload } = await verify(
      await issuer.issue({ sub: 'owner', expiresInSeconds: 60, claims }),
      issuer,
    );
    expect(payload).toMatchObject({ iss: issuer.issuer, sub: 'owner' });
    expect(payload.exp).toBeLessThan(claims.exp);
  });

  it('can issue an expired token', async () => {
    const issuer = await start();
    const token = await issuer.issue({ sub: 'owner', expiresInSeconds: -10 });
    await expect(verify(token, issuer)).rejects.toMatchObject({ code: 'ERR_JWT_EXPIRED' });
  });

  it('describes itself at the discovery address', async () => {
    const issuer = await start();
    const response = await fetch(`${issuer.issuer}/.well-known/openid-configuration`);
    expect(await response.json()).toMatchObject({ issuer: issuer.issuer, jwks_uri: issuer.jwksUri });
  });

  it('publishes no private part of its key', async () => {
    const issuer = await start();
    const text = await (await fetch(issuer.jwksUri)).text();
    expect(Object.keys(JSON.parse(text).keys[0]).sort()).toEqual(['alg', 'e', 'kid', 'kty', 'n', 'use']);
  });

  it('keeps its key in the state file, so that tokens outlive a restart on the same port', async () => {
    const stateFile = join(folder, 'new', 'key.json');
    const before = await start({ stateFile });
    const token = await before.issue({ sub: 'owner', expiresInSeconds: 60 });
    await before.close();
    const after = await start({ stateFile, port: Number(new URL(before.issuer).port) });
    await expect(verify(token, after)).resolves.toMatchObject({ payload: { sub: 'owner' } });
  });

  it('writes the state file atomically, readable only by its owner', async () => {
    const stateFile = join(folder, 'mode', 'key.json');
    await start({ stateFile });
    expect(statSync(stateFile).mode & 0o777).toBe(0o600);
    expect(readdirSync(join(folder, 'mode'))).toEqual(['key.json']);
  });

  it('creates its own key if it has no state file', async () => {
    const [one, other] = await Promise.all([start(), start()]);
    expect(one.kid).not.toBe(other.kid);
    const token = await one.issue({ sub: 'owner', expiresInSeconds: 60 });
    expect(decodeProtectedHeader(token).kid).toBe(one.kid);
    await expect(verify(token, other)).rejects.toMatchObject({ code: 'ERR_JWKS_NO_MATCHING_KEY' });
  });

  it.each([
    ['no JSON', '{"kty":"EC","d":"PRIVATE'],
    ['another kind of key', '{"kty":"oct","k":"PRIVATE"}'],
    ['a key off the curve', '{"kty":"EC","crv":"P-256","x":"AA","y":"AA","d":"PRIVATE"}'],
  ])('refuses a state file with %s, without quoting or replacing the file', async (_, content) => {
    const stateFile = join(folder, 'damaged.json');
    writeFileSync(stateFile, content);
    const refused = await start({ stateFile }).catch((error: unknown) => String(error));
    expect(refused).toMatch(/damaged\.json is damaged: .*npm start -- --reset/);
    expect(refused).not.toContain('PRIVATE');
    expect(readFileSync(stateFile, 'utf8')).toBe(content);
  });
});
