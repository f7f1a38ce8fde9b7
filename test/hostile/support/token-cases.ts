import { createHmac } from 'node:crypto';
import fc from 'fast-check';
import { exportJWK, exportSPKI, generateKeyPair, importJWK, type JWK } from 'jose';
import type { LocalIssuer } from '../../../local/issuer/issuer.ts';

type Fields = Readonly<Record<string, unknown>>;

/** A token in the making: what is signed, and by whom. */
interface Draft {
  readonly header: Fields;
  readonly claims: Fields;
  readonly signedBy: 'issuer' | 'stranger' | 'public key as HMAC key' | 'public JWK as HMAC key' | 'nobody';
  /** Done to the finished token. */
  readonly mangle?: (token: string) => string;
}

interface Facts {
  readonly issuer: string;
  readonly audience: string;
  readonly sub: string;
  readonly now: number;
  readonly strangersJwk: Fields;
  /** A valid token of the same person. */
  readonly valid: string;
}

interface Defect {
  /** API Gateway's authorizer lets it through: it knows neither ID tokens nor what we ask of a `sub`. */
  readonly passesGateway?: true;
  readonly apply: (draft: Draft, facts: Facts) => Draft;
}

const header = (fields: (facts: Facts) => Fields, signedBy: Draft['signedBy'] = 'issuer'): Defect => ({
  apply: (draft, facts) => ({ ...draft, header: { ...draft.header, ...fields(facts) }, signedBy }),
});
const claims = (fields: (facts: Facts) => Fields): Defect => ({
  apply: (draft, facts) => ({ ...draft, claims: { ...draft.claims, ...fields(facts) } }),
});
const ours = (defect: Defect): Defect => ({ ...defect, passesGateway: true });
const mangled = (mangle: (token: string, facts: Facts) => string): Defect => ({
  apply: (draft, facts) => ({ ...draft, mangle: (token) => mangle(draft.mangle?.(token) ?? token, facts) }),
});

const withPart = (token: string, index: number, part: string): string =>
  token
    .split('.')
    .map((old, i) => (i === index ? part : old))
    .join('.');
const base64url = (text: string): string => Buffer.from(text).toString('base64url');

/** Each makes a good token one that must be refused, whatever else is wrong with it. */
export const DEFECTS = {
  'alg none': header(() => ({ alg: 'none' }), 'nobody'),
  'alg None': header(() => ({ alg: 'None' }), 'nobody'),
  'alg empty': header(() => ({ alg: '' }), 'nobody'),
  'alg missing': header(() => ({ alg: undefined }), 'nobody'),
  'alg a list': header(() => ({ alg: ['RS256'] })),
  'HMAC by the public key': header(() => ({ alg: 'HS256' }), 'public key as HMAC key'),
  'HMAC by the public JWK': header(() => ({ alg: 'HS256' }), 'public JWK as HMAC key'),
  'HS384 in name only': header(() => ({ alg: 'HS384' })),
  'RS512 in name only': header(() => ({ alg: 'RS512' })),
  'ES256 in name only': header(() => ({ alg: 'ES256' })),
  'ES384 in name only': header(() => ({ alg: 'ES384' })),
  "a stranger's signature under our key id": header(() => ({}), 'stranger'),
  'unknown kid': header(() => ({ kid: 'unknown' }), 'stranger'),
  'kid a path': header(() => ({ kid: '../../../dev/null' }), 'stranger'),
  'kid a query': header(() => ({ kid: "' UNION SELECT 'key' --" }), 'stranger'),
  'kid an object': header(() => ({ kid: { a: 1 } }), 'stranger'),
  'its own jwk': header(({ strangersJwk }) => ({ jwk: strangersJwk }), 'stranger'),
  'its own jku': header(() => ({ jku: 'http://127.0.0.1:9/jwks.json' }), 'stranger'),
  'its own x5u': header(() => ({ x5u: 'http://127.0.0.1:9/x5u' }), 'stranger'),
  'its own x5c': header(() => ({ x5c: ['MIIB'] }), 'stranger'),
  'crit that nobody knows': header(() => ({ crit: ['unheard-of'], 'unheard-of': true })),
  'crit empty': header(() => ({ crit: [] })),
  'crit of a missing field': header(() => ({ crit: ['b64'] })),
  'payload not encoded': header(() => ({ b64: false, crit: ['b64'] })),
  'type of a logout token': ours(header(() => ({ typ: 'logout+jwt' }))),
  'type of a proof': ours(header(() => ({ typ: 'dpop+jwt' }))),
  'type a number': ours(header(() => ({ typ: 1 }))),
  'wrong audience': claims(() => ({ aud: 'another-service' })),
  'audience with a suffix': claims(({ audience }) => ({ aud: `${audience}-other` })),
  'audience in capitals': claims(({ audience }) => ({ aud: audience.toUpperCase() })),
  'audience in an object': claims(({ audience }) => ({ aud: { 0: audience } })),
  'no audience, another client': claims(() => ({ aud: undefined, client_id: 'another-client' })),
  'wrong issuer': claims(() => ({ iss: 'https://issuer.example' })),
  'issuer with a slash': claims(({ issuer }) => ({ iss: `${issuer}/` })),
  'issuer with a suffix': claims(({ issuer }) => ({ iss: `${issuer}.evil.example` })),
  'issuers in a list': claims(({ issuer }) => ({ iss: [issuer] })),
  'no issuer': claims(() => ({ iss: undefined })),
  expired: claims(({ now }) => ({ exp: now - 90 })),
  'issued in the future': claims(({ now }) => ({ iat: now + 600 })),
  'expiry a text': claims(({ now }) => ({ exp: String(now + 600) })),
  'no expiry': claims(() => ({ exp: undefined })),
  'not yet valid': claims(({ now }) => ({ nbf: now + 600 })),
  'nbf a text': claims(() => ({ nbf: 'tomorrow' })),
  'no sub': ours(claims(() => ({ sub: undefined }))),
  'sub empty': ours(claims(() => ({ sub: '' }))),
  'sub a number': ours(claims(() => ({ sub: 1 }))),
  'sub a list': ours(claims(({ sub }) => ({ sub: [sub] }))),
  'sub too long': ours(claims(() => ({ sub: 'a'.repeat(257) }))),
  'sub with a line break': ours(claims(({ sub }) => ({ sub: `${sub}\n` }))),
  'sub with a zero': ours(claims(({ sub }) => ({ sub: `${sub}\0` }))),
  'sub with half a character': ours(claims(({ sub }) => ({ sub: `${sub}\uD800` }))),
  'sub with a blank in front': ours(claims(({ sub }) => ({ sub: ` ${sub}` }))),
  'no mark of an access token': ours(header(() => ({ typ: 'JWT' }))),
  'no type and no mark of an access token': ours(header(() => ({ typ: undefined }))),
  'no kid': header(() => ({ kid: undefined })),
  'ID token by token_use': ours(claims(() => ({ token_use: 'id' }))),
  'token_use a list': ours(claims(() => ({ token_use: ['access'] }))),
  'no signature': mangled((token) => withPart(token, 2, '')),
  'no payload': mangled((token) => withPart(token, 1, '')),
  'no header': mangled((token) => withPart(token, 0, '')),
  'two parts': mangled((token) => token.split('.').slice(0, 2).join('.')),
  'four parts': mangled((token) => `${token}.${token.split('.')[2]}`),
  'five parts': mangled((token) => `${token}.AAAA.AAAA`),
  'a signature of zeros': mangled((token) => withPart(token, 2, base64url('\0'.repeat(64)))),
  'a payload that is no object': mangled((token) => withPart(token, 1, base64url('[]'))),
  'a payload that is no JSON': mangled((token) => withPart(token, 1, base64url('{'))),
  'a payload of another token': mangled((token) =>
    withPart(token, 1, base64url('{"sub":"owner","exp":9999999999}')),
  ),
  'a header that is no object': mangled((token) => withPart(token, 0, base64url('null'))),
  'a token within a token': mangled((token) => withPart(token, 1, base64url(token))),
  'two tokens': mangled((token, { valid }) => `${token},${valid}`),
  'a space within': mangled((token) => token.replace('.', '. ')),
  'a line break within': mangled((token) => token.replace('.', '.\n')),
  'a zero at its end': mangled((token) => `${token}\0`),
  'huge header': mangled((token) =>
    withPart(token, 0, base64url(JSON.stringify({ alg: 'RS256', x: 'a'.repeat(50_000) }))),
  ),
  'huge payload': mangled((token) => withPart(token, 1, 'A'.repeat(200_000))),
  'deep payload': mangled((token) => withPart(token, 1, base64url(`{"a":${'['.repeat(20_000)}`))),
} satisfies Readonly<Record<string, Defect>>;

export type DefectName = keyof typeof DEFECTS;
const NAMES = Object.keys(DEFECTS) as DefectName[];

/** A token as data. */
export type TokenCase =
  | { readonly defects: readonly DefectName[] }
  /** One character of a valid token, counted from its start, is another one. */
  | { readonly place: number; readonly character: string };

export const tokenCases = (): fc.Arbitrary<TokenCase> =>
  fc.oneof(
    fc.record({ defects: fc.uniqueArray(fc.constantFrom(...NAMES), { minLength: 1, maxLength: 4 }) }),
    fc.record({
      place: fc.nat(2_000),
      character: fc.oneof(
        fc.constantFrom('.', '=', '+', '/', ' ', '\n', '%', 'A'),
        fc.string({ minLength: 1, maxLength: 1 }),
      ),
    }),
  );

export interface TokenMaker {
  /** The token of a case, or undefined if the change leaves it the token that it was. */
  readonly tokenOf: (given: TokenCase) => Promise<string | undefined>;
  /** Like the issuer's own in everything. */
  readonly good: () => Promise<string>;
  readonly passesGateway: (given: TokenCase) => boolean;
}

export const tokenMaker = async (
  { issuer, audience, jwksUri, privateKey, kid }: LocalIssuer,
  sub: string,
): Promise<TokenMaker> => {
  const strangers = await generateKeyPair('RS256', { extractable: true });
  const strangersJwk = { ...(await exportJWK(strangers.publicKey)), alg: 'RS256', use: 'sig', kid };
  const { keys } = (await (await fetch(jwksUri)).json()) as { readonly keys: readonly [JWK] };
  const published = await importJWK({ ...keys[0] }, 'RS256', { extractable: true });
  if (published instanceof Uint8Array) throw new Error('An RSA key cannot be symmetric.');
  const hmacKeys = {
    'public key as HMAC key': await exportSPKI(published),
    'public JWK as HMAC key': JSON.stringify(keys[0]),
    nobody: undefined,
  };
  const draft = (now: number): Draft => ({
    header: { alg: 'RS256', kid, typ: 'at+jwt' },
    claims: { iss: issuer, aud: audience, sub, iat: now, exp: now + 600 },
    signedBy: 'issuer',
  });
  const now = () => Math.floor(Date.now() / 1_000);
  const good = (): Promise<string> => finish(draft(now()));

  const finish = async ({ header, claims, signedBy, mangle }: Draft): Promise<string> => {
    const input = `${base64url(JSON.stringify(header))}.${base64url(JSON.stringify(claims))}`;
    const token = `${input}.${await signatureOf(input, signedBy)}`;
    return mangle?.(token) ?? token;
  };

  /** RS256 over whatever stands there: what the header says about it may be a lie. */
  const signatureOf = async (input: string, signedBy: Draft['signedBy']): Promise<string> => {
    if (signedBy === 'issuer' || signedBy === 'stranger') {
      const key = signedBy === 'issuer' ? privateKey : strangers.privateKey;
      const bytes = await crypto.subtle.sign('RSASSA-PKCS1-v1_5', key, Buffer.from(input));
      return Buffer.from(bytes).toString('base64url');
    }
    const secret = hmacKeys[signedBy];
    return secret === undefined ? '' : createHmac('sha256', secret).update(input).digest('base64url');
  };

  return {
    good,
    tokenOf: async (given) => {
      const valid = await good();
      if ('place' in given) {
        const at = given.place % valid.length;
        const changed = `${valid.slice(0, at)}${given.character}${valid.slice(at + 1)}`;
        return isSame(valid, changed) ? undefined : changed;
      }
      const facts = { issuer, audience, sub, now: now(), strangersJwk, valid };
      // What is done to the finished token comes last.
      return finish(
        given.defects.reduce((sum, name) => (DEFECTS[name] as Defect).apply(sum, facts), draft(facts.now)),
      );
    },
    passesGateway: (given) =>
      'defects' in given && given.defects.every((name) => (DEFECTS[name] as Defect).passesGateway === true),
  };
};

/** The last character of a part has bits that count for nothing. */
const isSame = (a: string, b: string): boolean => {
  const bytes = (token: string) =>
    token.split('.').map((part) => Buffer.from(part, 'base64url').toString('hex'));
  return bytes(a).join() === bytes(b).join() && /^[\w.-]*$/.test(b);
};
