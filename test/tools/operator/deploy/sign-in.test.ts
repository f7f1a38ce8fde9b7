import { createServer } from 'node:http';
import { afterAll, describe, expect, test } from '@jest/globals';
import { decodeJwt } from 'jose';
import { DASHBOARD_CLIENT_ID } from '../../../../local/issuer/authorization-codes.ts';
import { startLocalIssuer } from '../../../../local/issuer/issuer.ts';
import { type SignInRequest, signInWithBrowser } from '../../../../tools/operator/deploy/sign-in.ts';
import type { Terminal } from '../../../../tools/operator/deploy/terminal.ts';
import { submitSignIn } from '../../../support/sign-in-page.ts';

const issuer = await startLocalIssuer({ audience: 'spelo-byok' });
afterAll(() => issuer.close());

const REDIRECT = 'http://localhost:18790/callback';
const request: SignInRequest = {
  authorizeUrl: `${issuer.issuer}/authorize`,
  tokenUrl: `${issuer.issuer}/token`,
  clientId: DASHBOARD_CLIENT_ID,
  redirectUri: REDIRECT,
};

const terminalThat = (answer?: (url: string) => Promise<string>) => {
  const said: string[] = [];
  let url = '';
  const terminal: Terminal = {
    say: (line = '') => {
      said.push(line);
      url = /https?:\S+\/authorize\?\S+/.exec(line)?.[0] ?? url;
    },
    interactive: answer !== undefined,
    ask: async () => (await answer?.(url)) ?? '',
    askSecret: async () => '',
  };
  return { terminal, said };
};

/** The status of the answer at the redirect address. */
const get = async (address: string): Promise<number> => (await fetch(address)).status;

/** A browser that does this with the address that it is given. */
const browserThat =
  (visit: (url: string) => Promise<unknown>) =>
  (url: string): void => {
    void visit(url);
  };

describe('the sign-in of the first owner', () => {
  test('returns an access token of the person, which is never displayed', async () => {
    const { terminal, said } = terminalThat();
    const token = await signInWithBrowser(
      request,
      terminal,
      browserThat(async (url) => get(await submitSignIn(url, 'ada'))),
    );
    expect(decodeJwt(token)).toMatchObject({ sub: 'ada', aud: 'spelo-byok' });
    expect(said.join('\n')).not.toContain(token);
  });

  test('uses PKCE: the opened URL contains a challenge, not the verifier, and requests a new sign-in', async () => {
    const { terminal } = terminalThat();
    let opened = new URL(issuer.issuer);
    await signInWithBrowser(
      request,
      terminal,
      browserThat(async (url) => {
        opened = new URL(url);
        await get(await submitSignIn(url, 'ada'));
      }),
    );
    expect(Object.fromEntries(opened.searchParams)).toMatchObject({
      response_type: 'code',
      code_challenge_method: 'S256',
      // The password is asked for although the browser may still have a session.
      prompt: 'login',
      code_challenge: expect.stringMatching(/^[\w-]{43}$/),
      state: expect.stringMatching(/^[\w-]{22}$/),
    });
  });

  test('continues if another page calls the address with any parameters', async () => {
    const { terminal } = terminalThat();
    const statuses: number[] = [];
    const token = await signInWithBrowser(
      request,
      terminal,
      browserThat(async (url) => {
        for (const guess of [
          `${REDIRECT}?code=stolen&state=guessed`,
          `${REDIRECT}?error=access_denied`,
          'http://localhost:18790/elsewhere?code=x',
        ])
          statuses.push(await get(guess));
        await get(await submitSignIn(url, 'ada'));
      }),
    );
    expect(statuses).toEqual([404, 404, 404]);
    expect(decodeJwt(token).sub).toBe('ada');
  });

  test('accepts the address at which a browser on another machine ended', async () => {
    const { terminal } = terminalThat((url) => submitSignIn(url, 'ada'));
    const token = await signInWithBrowser(request, terminal, () => undefined);
    expect(decodeJwt(token).sub).toBe('ada');
  });

  test('accepts that address even if another program uses the port', async () => {
    const other = createServer();
    await new Promise<void>((resolve) => other.listen(18_790, '127.0.0.1', () => resolve()));
    try {
      const { terminal } = terminalThat((url) => submitSignIn(url, 'ada'));
      expect(decodeJwt(await signInWithBrowser(request, terminal, () => undefined)).sub).toBe('ada');
    } finally {
      other.close();
    }
  });

  test('shows the error of the issuer, and the next step', async () => {
    const { terminal } = terminalThat();
    await expect(
      signInWithBrowser(
        request,
        terminal,
        browserThat(async (url) => {
          const state = new URL(url).searchParams.get('state') ?? '';
          await get(`${REDIRECT}?error=access_denied&state=${state}`);
        }),
      ),
    ).rejects.toMatchObject({
      message: 'The sign-in was refused (access_denied).',
      next: expect.stringContaining('Run the command again'),
    });
  });

  test('returns no token for a code that the issuer did not issue', async () => {
    const { terminal } = terminalThat();
    await expect(
      signInWithBrowser(
        request,
        terminal,
        browserThat(async (url) => {
          const state = new URL(url).searchParams.get('state') ?? '';
          await get(`${REDIRECT}?code=invented&state=${state}`);
        }),
      ),
    ).rejects.toMatchObject({ message: 'The issuer gave no token for the sign-in (HTTP 400).' });
  });
});
