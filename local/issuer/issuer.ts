import { randomUUID } from 'node:crypto';
import { createServer } from 'node:http';
import { type CryptoKey, type JWTPayload, SignJWT } from 'jose';
import { loadSigningKey, SIGNING_ALGORITHM } from './signing-key.ts';

const LOOPBACK = '127.0.0.1';

export type LocalIssuerOptions = {
  /** Keeps the key between runs, so that tokens already handed out stay good. */
  readonly stateFile?: string | undefined;
  /** The `aud` of every token. */
  readonly audience: string;
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
  /** The key and its id, so that tests can sign what an honest issuer never would. */
  readonly privateKey: CryptoKey;
  readonly kid: string;
  /** Signs an access token (RFC 9068 `at+jwt`) with iss, aud, sub, iat, exp and a fresh jti. */
  readonly issue: (request: TokenRequest) => Promise<string>;
  readonly close: () => Promise<void>;
};

/**
 * Serves an OpenID Connect discovery document and key set on 127.0.0.1, and signs access tokens with that key.
 *
 * For local use: whoever holds the returned object can be anyone. It asks for no password and has no token endpoint.
 */
export async function startLocalIssuer(options: LocalIssuerOptions): Promise<LocalIssuer> {
  const { kid, privateKey, publicJwk } = await loadSigningKey(options.stateFile);
  const documents = new Map<string, unknown>();
  const server = createServer((request, response) => {
    const document = request.method === 'GET' ? documents.get(request.url ?? '') : undefined;
    response.writeHead(document === undefined ? 404 : 200, { 'content-type': 'application/json' });
    response.end(JSON.stringify(document ?? { error: 'not_found' }));
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(options.port ?? 0, LOOPBACK, resolve);
  });
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('The issuer has no port.');

  const issuer = `http://${LOOPBACK}:${address.port}`;
  const jwksUri = `${issuer}/.well-known/jwks.json`;
  documents.set('/.well-known/jwks.json', { keys: [publicJwk] });
  documents.set('/.well-known/openid-configuration', {
    issuer,
    jwks_uri: jwksUri,
    response_types_supported: ['token'],
    subject_types_supported: ['public'],
    id_token_signing_alg_values_supported: [SIGNING_ALGORITHM],
  });

  return {
    issuer,
    audience: options.audience,
    jwksUri,
    privateKey,
    kid,
    issue: ({ sub, expiresInSeconds, claims }) => {
      const issuedAt = Math.floor(Date.now() / 1_000);
      const payload: JWTPayload = {
        ...claims,
        iss: issuer,
        aud: options.audience,
        sub,
        iat: issuedAt,
        exp: issuedAt + expiresInSeconds,
        jti: randomUUID(),
      };
      return new SignJWT(payload)
        .setProtectedHeader({ alg: SIGNING_ALGORITHM, kid, typ: 'at+jwt' })
        .sign(privateKey);
    },
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
