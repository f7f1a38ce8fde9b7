import type { IncomingMessage } from 'node:http';
import { z } from 'zod';
import {
  type AuthorizationCodes,
  authorizationRequest,
  DASHBOARD_CLIENT_ID,
  type SignIn,
  tokenGrant,
} from './authorization-codes.ts';
import { refusalPage, SIGN_IN_PAGE_POLICY, signInPage } from './sign-in-page.ts';

export interface IssuerAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

export interface Tokens {
  readonly access_token: string;
  readonly id_token: string;
  readonly expires_in: number;
}

const MAX_FORM_BYTES = 16 * 1024;
const NO_STORE = { 'cache-control': 'no-store' };

/**
 * Open to any page, because a public client has no secret, and its response depends on the code or token that it
 * already has.
 */
const CORS = {
  'access-control-allow-origin': '*',
  'access-control-allow-headers': 'authorization, content-type',
  'access-control-allow-methods': 'GET, POST, OPTIONS',
};

export const jsonAnswer = (status: number, body: unknown): IssuerAnswer => ({
  status,
  headers: { 'content-type': 'application/json', ...NO_STORE, ...CORS },
  body: JSON.stringify(body),
});

const htmlAnswer = (status: number, body: string): IssuerAnswer => ({
  status,
  headers: {
    'content-type': 'text/html; charset=utf-8',
    'content-security-policy': SIGN_IN_PAGE_POLICY,
    'referrer-policy': 'no-referrer',
    ...NO_STORE,
  },
  body,
});

const redirect = (target: URL): IssuerAnswer => ({
  status: 303,
  headers: { location: target.href, ...NO_STORE },
  body: '',
});

const person = z.string().trim().min(1, 'Say who you are.').max(256);

/**
 * Authorization code flow with PKCE (RFC 6749, 7636) for one public client. For local use: it asks for no password.
 */
export function authorizationServer(options: {
  readonly codes: AuthorizationCodes;
  readonly suggestedPerson: string;
  readonly issueTokens: (signIn: SignIn) => Promise<Tokens>;
}) {
  const authorize = (fields: Record<string, string>, method: string): IssuerAnswer => {
    const { sub, ...asked } = fields;
    const request = authorizationRequest.safeParse(asked);
    if (!request.success)
      return htmlAnswer(400, refusalPage(request.error.issues.map(({ message }) => message)));
    const signedIn = person.safeParse(sub);
    if (method !== 'POST' || !signedIn.success)
      return htmlAnswer(200, signInPage(asked, options.suggestedPerson));
    const target = new URL(request.data.redirect_uri);
    target.searchParams.set('code', options.codes.issue(request.data, signedIn.data));
    if (request.data.state !== undefined) target.searchParams.set('state', request.data.state);
    return redirect(target);
  };

  const token = async (fields: Record<string, string>): Promise<IssuerAnswer> => {
    const grant = tokenGrant.safeParse(fields);
    if (!grant.success) return jsonAnswer(400, { error: 'invalid_request' });
    const signIn = options.codes.redeem(grant.data);
    if (signIn === undefined) return jsonAnswer(400, { error: 'invalid_grant' });
    const tokens = await options.issueTokens(signIn);
    return jsonAnswer(200, { ...tokens, token_type: 'Bearer', refresh_token: signIn.refreshToken });
  };

  /** There is no session to end. Redirects the browser to the requested address, on this machine only. */
  const endSession = (fields: Record<string, string>): IssuerAnswer => {
    const back = authorizationRequest.shape.redirect_uri.safeParse(fields['post_logout_redirect_uri']);
    return back.success
      ? redirect(new URL(back.data))
      : htmlAnswer(200, refusalPage(['You are signed out.']));
  };

  return async (request: IncomingMessage): Promise<IssuerAnswer | undefined> => {
    const url = new URL(request.url ?? '/', 'http://issuer');
    const method = request.method ?? 'GET';
    if (method === 'OPTIONS') return { status: 204, headers: CORS, body: '' };
    const query = Object.fromEntries(url.searchParams);
    if (url.pathname === '/authorize' && method === 'GET') return authorize(query, method);
    if (url.pathname === '/authorize' && method === 'POST') return authorize(await readForm(request), method);
    if (url.pathname === '/token' && method === 'POST') return token(await readForm(request));
    if (url.pathname === '/end-session' && method === 'GET') return endSession(query);
    return undefined;
  };
}

/** The authorization server's part of the discovery document. */
export const authorizationMetadata = (issuer: string) => ({
  authorization_endpoint: `${issuer}/authorize`,
  token_endpoint: `${issuer}/token`,
  end_session_endpoint: `${issuer}/end-session`,
  response_types_supported: ['code'],
  response_modes_supported: ['query'],
  grant_types_supported: ['authorization_code', 'refresh_token'],
  code_challenge_methods_supported: ['S256'],
  token_endpoint_auth_methods_supported: ['none'],
  scopes_supported: ['openid'],
});

/** A refresh keeps `auth_time`: clients refuse an ID token in which it has changed (OpenID Connect Core, 12.2). */
export const idTokenClaims = ({ sub, nonce, authTime }: SignIn) => ({
  sub,
  auth_time: authTime,
  aud: DASHBOARD_CLIENT_ID,
  ...(nonce !== undefined && { nonce }),
});

const readForm = async (request: IncomingMessage): Promise<Record<string, string>> => {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    size += chunk.byteLength;
    if (size <= MAX_FORM_BYTES) chunks.push(chunk);
  }
  if (size > MAX_FORM_BYTES) return {};
  return Object.fromEntries(new URLSearchParams(Buffer.concat(chunks).toString('utf8')));
};
