import { createHash, randomBytes } from 'node:crypto';
import { createServer, type Server } from 'node:http';
import { z } from 'zod';
import { DeployStop } from './stop.ts';
import type { Terminal } from './terminal.ts';

/** The sign-in of a person in the browser, for a command on the same machine (RFC 8252, section 7.3). */
export interface SignInRequest {
  readonly authorizeUrl: string;
  readonly tokenUrl: string;
  readonly clientId: string;
  /** A registered redirect address on http://localhost, with a port. */
  readonly redirectUri: string;
}

/** An invitation, a new password and an authenticator app take a few minutes. */
const PATIENCE_MS = 15 * 60_000;
const TOKEN_TIMEOUT_MS = 20_000;

const HEADERS = {
  'content-type': 'text/html; charset=utf-8',
  'cache-control': 'no-store',
  connection: 'close',
  'content-security-policy': "default-src 'none'",
  'referrer-policy': 'no-referrer',
};
const page = (sentence: string): string => `<!doctype html><title>Spelo BYOK</title><p>${sentence}</p>`;

interface Redirected {
  readonly code: string;
}

/**
 * Returns the code of a redirect; undefined for any other request, also for one with another `state`, so that a page that
 * guesses the address cannot end the sign-in. Throws DeployStop when the person or the issuer refused.
 */
const codeOf = (address: string, redirectUri: string, state: string): Redirected | undefined => {
  let url: URL;
  try {
    url = new URL(address, redirectUri);
  } catch {
    return undefined;
  }
  if (url.pathname !== new URL(redirectUri).pathname || url.searchParams.get('state') !== state)
    return undefined;
  const refusal = url.searchParams.get('error');
  if (refusal !== null)
    throw new DeployStop(
      `The sign-in was refused (${refusal.slice(0, 60)}).`,
      'Run the command again: it continues with the sign-in.',
    );
  const code = url.searchParams.get('code');
  return code === null ? undefined : { code };
};

const listen = (
  port: number,
  host: string,
  onRequest: (address: string) => boolean,
): Promise<Server | undefined> =>
  new Promise((resolve) => {
    const server = createServer((request, response) => {
      const taken = request.method === 'GET' && onRequest(request.url ?? '/');
      response
        .writeHead(taken ? 200 : 404, HEADERS)
        .end(
          page(taken ? 'You can close this page and return to the terminal.' : 'This page does not exist.'),
        );
    });
    server.once('error', () => resolve(undefined));
    server.listen(port, host, () => resolve(server));
  });

/**
 * An access token of the person who signs in. The password and the second factor are entered only in the browser; the
 * token is returned and not stored. With a browser on another machine, the person can paste its final address. Throws
 * DeployStop when nobody signs in within 15 minutes.
 */
export const signInWithBrowser = async (
  { authorizeUrl, tokenUrl, clientId, redirectUri }: SignInRequest,
  { say, ask, interactive }: Terminal,
  openBrowser: (url: string) => void,
): Promise<string> => {
  const verifier = randomBytes(32).toString('base64url');
  const state = randomBytes(16).toString('base64url');
  const authorize = new URL(authorizeUrl);
  for (const [name, value] of Object.entries({
    response_type: 'code',
    client_id: clientId,
    redirect_uri: redirectUri,
    scope: 'openid',
    // Storing a key requires a recent sign-in, and the browser's session may be older.
    prompt: 'login',
    state,
    code_challenge: createHash('sha256').update(verifier).digest('base64url'),
    code_challenge_method: 'S256',
  }))
    authorize.searchParams.set(name, value);

  const stopped = new AbortController();
  const arrived = Promise.withResolvers<Redirected>();
  const onRequest = (address: string): boolean => {
    try {
      const found = codeOf(address, redirectUri, state);
      if (found !== undefined) arrived.resolve(found);
      return found !== undefined;
    } catch (error) {
      arrived.reject(error);
      return true;
    }
  };
  const port = Number(new URL(redirectUri).port);
  // A browser may use either address for `localhost`.
  const servers = await Promise.all([listen(port, '127.0.0.1', onRequest), listen(port, '::1', onRequest)]);
  const timer = setTimeout(
    () =>
      arrived.reject(
        new DeployStop('Nobody signed in within 15 minutes.', 'Run the command again: it continues here.'),
      ),
    PATIENCE_MS,
  );
  try {
    if (servers.every((server) => server === undefined))
      say(`Port ${port} is in use, so the last page in the browser will not load. Paste its address below.`);
    say(`Sign in as the owner in the browser. If it does not open, open this address:\n${authorize.href}`);
    openBrowser(authorize.href);
    if (interactive)
      void ask('Waiting … or paste the last address from the browser:', '', stopped.signal).then(
        (line) => {
          if (!onRequest(line))
            say('That is not the address of this sign-in. Still waiting for the browser …');
        },
        () => undefined,
      );
    const { code } = await arrived.promise;
    return await redeem(tokenUrl, { code, verifier, clientId, redirectUri });
  } finally {
    clearTimeout(timer);
    stopped.abort();
    for (const server of servers) {
      server?.close();
      server?.closeAllConnections();
    }
  }
};

const tokenAnswer = z.object({ access_token: z.string().min(1) });

const redeem = async (
  tokenUrl: string,
  grant: {
    readonly code: string;
    readonly verifier: string;
    readonly clientId: string;
    readonly redirectUri: string;
  },
): Promise<string> => {
  const response = await fetch(tokenUrl, {
    method: 'POST',
    body: new URLSearchParams({
      grant_type: 'authorization_code',
      code: grant.code,
      code_verifier: grant.verifier,
      client_id: grant.clientId,
      redirect_uri: grant.redirectUri,
    }),
    signal: AbortSignal.timeout(TOKEN_TIMEOUT_MS),
  });
  const answer = tokenAnswer.safeParse(await response.json().catch(() => undefined));
  if (!answer.success)
    throw new DeployStop(
      `The issuer gave no token for the sign-in (HTTP ${response.status}).`,
      'Run the command again: it continues with the sign-in.',
    );
  return answer.data.access_token;
};
