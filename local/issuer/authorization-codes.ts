import { createHash, randomBytes } from 'node:crypto';
import { z } from 'zod';

/** The dashboard's client at this issuer: public, so it proves itself by PKCE alone (RFC 7636). */
export const DASHBOARD_CLIENT_ID = 'spelo-dashboard';

const CODE_SECONDS = 60;
const LOOPBACK_HOSTS = new Set(['127.0.0.1', 'localhost', '[::1]']);

/** A browser may be sent back to this machine only, on any port (RFC 8252, 7.3). */
const loopbackUri = z
  .url()
  .refine((uri) => new URL(uri).protocol === 'http:' && LOOPBACK_HOSTS.has(new URL(uri).hostname), {
    message: 'redirect_uri must be on this machine.',
  });

export const authorizationRequest = z.object({
  response_type: z.literal('code', 'response_type must be code.'),
  client_id: z.literal(DASHBOARD_CLIENT_ID, `client_id must be ${DASHBOARD_CLIENT_ID}.`),
  redirect_uri: loopbackUri,
  scope: z
    .string()
    .refine((scope) => scope.split(' ').includes('openid'), 'scope must contain openid.')
    .default('openid'),
  state: z.string().max(1_000).optional(),
  nonce: z.string().max(1_000).optional(),
  code_challenge: z.string().regex(/^[\w-]{43}$/, 'code_challenge must be a base64url SHA-256.'),
  code_challenge_method: z.literal('S256', 'code_challenge_method must be S256.'),
});
export type AuthorizationRequest = z.output<typeof authorizationRequest>;

const codeGrant = z.object({
  grant_type: z.literal('authorization_code'),
  client_id: z.literal(DASHBOARD_CLIENT_ID),
  code: z.string(),
  redirect_uri: z.string(),
  code_verifier: z.string().regex(/^[\w.~-]{43,128}$/),
});
const refreshGrant = z.object({
  grant_type: z.literal('refresh_token'),
  client_id: z.literal(DASHBOARD_CLIENT_ID),
  refresh_token: z.string(),
});
export const tokenGrant = z.discriminatedUnion('grant_type', [codeGrant, refreshGrant]);
export type TokenGrant = z.output<typeof tokenGrant>;

/** The person who signed in, and facts for their tokens. */
export interface SignIn {
  readonly sub: string;
  readonly nonce: string | undefined;
  /** When they signed in, unix seconds: a refresh does not change it. */
  readonly authTime: number;
  readonly refreshToken: string;
}

export interface AuthorizationCodes {
  /** Issues a code for a person who has just signed in; it works once, for 60 s. */
  readonly issue: (request: AuthorizationRequest, sub: string) => string;
  /** The sign-in of a code or a refresh token, which is then used up; undefined if the grant is invalid. */
  readonly redeem: (grant: TokenGrant) => SignIn | undefined;
}

/** Remembers codes and refresh tokens in memory; they end with the process. */
export function createAuthorizationCodes(now: () => number): AuthorizationCodes {
  const codes = new Map<
    string,
    { request: AuthorizationRequest; sub: string; authTime: number; expiresAt: number }
  >();
  const refreshTokens = new Map<string, { sub: string; authTime: number }>();
  const signIn = (sub: string, authTime: number, nonce: string | undefined): SignIn => {
    const refreshToken = randomBytes(24).toString('base64url');
    refreshTokens.set(refreshToken, { sub, authTime });
    return { sub, nonce, authTime, refreshToken };
  };

  return {
    issue: (request, sub) => {
      const code = randomBytes(24).toString('base64url');
      const authTime = Math.floor(now() / 1_000);
      codes.set(code, { request, sub, authTime, expiresAt: now() + CODE_SECONDS * 1_000 });
      return code;
    },
    redeem: (grant) => {
      if (grant.grant_type === 'refresh_token') {
        const known = refreshTokens.get(grant.refresh_token);
        refreshTokens.delete(grant.refresh_token);
        return known && signIn(known.sub, known.authTime, undefined);
      }
      const entry = codes.get(grant.code);
      // Used up by the first attempt, valid or not, so an attacker who guesses a verifier has one attempt.
      codes.delete(grant.code);
      if (entry === undefined || now() >= entry.expiresAt) return undefined;
      const challenge = createHash('sha256').update(grant.code_verifier).digest('base64url');
      const proven = challenge === entry.request.code_challenge;
      const samePlace = grant.redirect_uri === entry.request.redirect_uri;
      return proven && samePlace ? signIn(entry.sub, entry.authTime, entry.request.nonce) : undefined;
    },
  };
}
