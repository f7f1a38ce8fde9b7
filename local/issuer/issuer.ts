import { randomUUID } from 'node:crypto';
import { createServer } from 'node:http';
import { type CryptoKey, type JWTPayload, SignJWT } from 'jose';
import { LOOPBACK, listen } from '../listen.ts';
import { createAuthorizationCodes } from './authorization-codes.ts';
import {
  authorizationMetadata,
  authorizationServer,
  idTokenClaims,
  jsonAnswer,
} from './authorization-server.ts';
import { loadSigningKey, SIGNING_ALGORITHM, type SigningKey } from './signing-key.ts';

/** Lifetime of a sign-in without a refresh. */
const SIGN_IN_SECONDS = 3_600;

export type LocalIssuerOptions = {
  /** Keeps the key between runs, so that tokens already handed out stay good. */
  readonly stateFile?: string | undefined;
  /** Used where there is no state file. @default a new key */
  readonly signingKey?: Promise<SigningKey> | undefined;
  /** The `aud` of every token. */
  readonly audience: string;
  /** The person that the sign-in page suggests. */
  readonly suggestedPerson?: string | undefined;
  /**
   * The clock of the functions, Unix milliseconds. If a test sets it back, tokens are issued by it, so that no token seems
   * to come from the future. `@default Date.now`
   */
  readonly now?: (() => number) | undefined;
  /** A fixed port keeps the issuer's URL, and with it old tokens, good between runs. */
  readonly port?: number | undefined;
};

export type TokenRequest = {
  readonly sub: string;
  /** Zero or less gives a token that is already expired. */
  readonly expiresInSeconds: number;
  /** More claims; they cannot replace the standard ones below. */
  readonly claims?: Readonly<Record<string, unknown>> | undefined;
};

export type LocalIssuer = {
  readonly issuer: string;
  readonly audience: string;
  readonly jwksUri: string;
  /** The key and its ID, so that tests can sign tokens that an honest issuer never would. */
  readonly privateKey: CryptoKey;
  readonly kid: string;
  /** Signs an access token (RFC 9068 `at+jwt`) with iss, aud, sub, iat, auth_time, exp and a fresh jti. */
  readonly issue: (request: TokenRequest) => Promise<string>;
  readonly close: () => Promise<void>;
};

/**
 * An OpenID Connect issuer on 127.0.0.1: discovery document, key set, and the authorization code flow with PKCE.
 *
 * For local use only: the holder of the returned object can sign in as anyone, and so can every visitor of the sign-in
 * page, which asks for no password.
 */
export async function startLocalIssuer(options: LocalIssuerOptions): Promise<LocalIssuer> {
  const { stateFile, signingKey } = options;
  const { kid, privateKey, publicJwk } = await (stateFile === undefined && signingKey !== undefined
    ? signingKey
    : loadSigningKey(stateFile));
  const documents = new Map<string, unknown>();
  const authorization = authorizationServer({
    codes: createAuthorizationCodes(() => Date.now()),
    suggestedPerson: options.suggestedPerson ?? 'owner',
    issueTokens: async (signIn) => ({
      access_token: await issue({
        sub: signIn.sub,
        expiresInSeconds: SIGN_IN_SECONDS,
        claims: { auth_time: signIn.authTime },
      }),
      id_token: await sign('JWT', idTokenClaims(signIn), SIGN_IN_SECONDS),
      expires_in: SIGN_IN_SECONDS,
    }),
  });
  const server = createServer(async (request, response) => {
    const document = request.method === 'GET' ? documents.get(request.url ?? '') : undefined;
    const answer =
      document === undefined
        ? await authorization(request).catch(() => undefined)
        : jsonAnswer(200, document);
    const { status, headers, body } = answer ?? jsonAnswer(404, { error: 'not_found' });
    response.writeHead(status, headers).end(body);
  });
  const port = await listen(server, options.port);

  const issuer = `http://${LOOPBACK}:${port}`;
  const jwksUri = `${issuer}/.well-known/jwks.json`;
  documents.set('/.well-known/jwks.json', { keys: [publicJwk] });
  documents.set('/.well-known/openid-configuration', {
    issuer,
    jwks_uri: jwksUri,
    ...authorizationMetadata(issuer),
    subject_types_supported: ['public'],
    id_token_signing_alg_values_supported: [SIGNING_ALGORITHM],
  });

  const sign = (typ: string, claims: JWTPayload, expiresInSeconds: number): Promise<string> => {
    const nowMs = Date.now();
    const issuedAt = Math.floor(Math.min(nowMs, options.now?.() ?? nowMs) / 1_000);
    const payload = {
      // In real time, like all checks of sign-ins.
      auth_time: Math.floor(nowMs / 1_000),
      ...claims,
      iss: issuer,
      iat: issuedAt,
      exp: Math.floor(nowMs / 1_000) + expiresInSeconds,
      jti: randomUUID(),
    };
    return new SignJWT(payload).setProtectedHeader({ alg: SIGNING_ALGORITHM, kid, typ }).sign(privateKey);
  };
  const issue = ({ sub, expiresInSeconds, claims }: TokenRequest): Promise<string> =>
    sign('at+jwt', { ...claims, aud: options.audience, sub }, expiresInSeconds);

  return {
    issuer,
    audience: options.audience,
    jwksUri,
    privateKey,
    kid,
    issue,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
