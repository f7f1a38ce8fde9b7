import { ErrorResponse, type User, UserManager, WebStorageStateStore } from 'oidc-client-ts';
import type { DashboardConfig } from '../config.ts';
import { dropKeptDrafts } from '../ui/kept-drafts.ts';

const KEEP = 'spelo.keep-signed-in';
/** A token that ends sooner is renewed first, so that a request does not meet its end on the way. */
const RENEW_BEFORE_SECONDS = 30;

export interface Person {
  readonly sub: string;
  /** The name or the address by which the issuer knows them; undefined: it gives neither. */
  readonly name?: string | undefined;
}

const personOf = ({ profile: { sub, name, email } }: User): Person => ({ sub, name: name ?? email });

export interface SignIn {
  /** Leaves for the issuer; comes back to `callback` and then to `returnTo`. */
  start(options: { readonly keep: boolean; readonly returnTo: string }): Promise<void>;
  /** Like `start`, with the earlier choice to be kept signed in or not. For a sign-in that has ended. */
  resume(returnTo: string): Promise<void>;
  /** Like `start`, but the person has to sign in even where the issuer still knows them. */
  again(returnTo: string): Promise<void>;
  /** The address of the dashboard, with its closing slash. */
  readonly home: string;
  /** Redeems the code of the address bar. Gives the path to continue to. */
  finish(): Promise<string>;
  person(): Promise<Person | undefined>;
  /**
   * Returns an access token that is still good, or undefined when the person has to sign in again. Never returns the one
   * that the API has `refused`, however good it looks.
   *
   * @throws {SignInUnreachableError} when the token has expired and the sign-in service cannot be reached.
   */
  accessToken(options?: { readonly refused: string }): Promise<string | undefined>;
  end(): Promise<void>;
}

/** The sign-in service did not answer; the person stays signed in and can try again. */
export class SignInUnreachableError extends Error {
  override readonly name = 'SignInUnreachableError';
}

/** The only answers that end a sign-in (RFC 6749, 5.2; OpenID Connect Core, 3.1.2.6). */
const ENDS_SIGN_IN = new Set(['invalid_grant', 'login_required', 'interaction_required', 'consent_required']);

const isFresh = ({ expires_in }: User): boolean => (expires_in ?? 0) > RENEW_BEFORE_SECONDS;

/** Runs `work` alone among all tabs of this origin, where the browser can. */
const withLock = <Result>(work: () => Promise<Result>): Promise<Result> =>
  'locks' in navigator ? navigator.locks.request('spelo.renew-sign-in', work) : work();

/** How long another tab's write may take to arrive in this one. */
const LATE_WRITE_MS = 5_000;

/** A name for a refresh token that gives nothing of it away. */
const spentLock = async (refreshToken: string): Promise<string> => {
  const hash = await crypto.subtle.digest('SHA-256', new TextEncoder().encode(refreshToken));
  return `spelo.spent.${btoa(String.fromCharCode(...new Uint8Array(hash)))}`;
};

/** Tells the other tabs that this refresh token is spent, for as long as this tab is open. */
const markSpent = async (refreshToken: string): Promise<void> => {
  if (!('locks' in navigator)) return;
  const name = await spentLock(refreshToken);
  await new Promise<void>((resolve) => {
    void navigator.locks.request(name, { mode: 'shared' }, () => {
      resolve();
      return new Promise(() => {});
    });
  });
};

/**
 * The stored sign-in, once it has what the last renewal of another tab wrote. Tabs are processes: a lock can be granted
 * before that write arrives, and a spent refresh token that is used again ends the sign-in at a strict issuer.
 */
const latestUser = async (manager: UserManager): Promise<User | null> => {
  const user = await manager.getUser();
  if (!user?.refresh_token || !('locks' in navigator) || window.localStorage.getItem(KEEP) !== 'yes')
    return user;
  const name = await spentLock(user.refresh_token);
  const { held } = await navigator.locks.query();
  if (held?.some((lock) => lock.name === name) !== true) return user;
  return new Promise((resolve) => {
    const look = async (isLast: boolean): Promise<void> => {
      const now = await manager.getUser();
      if (!isLast && now?.refresh_token === user.refresh_token) return;
      clearTimeout(timer);
      window.removeEventListener('storage', onWrite);
      resolve(now);
    };
    const onWrite = (): void => void look(false);
    const timer = setTimeout(() => void look(true), LATE_WRITE_MS);
    window.addEventListener('storage', onWrite);
    onWrite();
  });
};

/**
 * Renews the stored sign-in by its refresh token. Forgets it only when the issuer says that it has ended; a failure of
 * the network or of the issuer keeps it.
 */
const renewOrForget = async (manager: UserManager, seen: User): Promise<User | undefined> => {
  const user = await latestUser(manager);
  if (user === null) return undefined;
  const isRenewedByAnotherTab = user.access_token !== seen.access_token && isFresh(user);
  if (isRenewedByAnotherTab) return user;
  if (user.refresh_token !== undefined) {
    try {
      const renewed = await manager.signinSilent();
      // An issuer that does not rotate refresh tokens, such as Cognito, returns the same one: it stays valid.
      if (renewed?.refresh_token !== user.refresh_token) await markSpent(user.refresh_token);
      return renewed ?? undefined;
    } catch (error) {
      const stored = await manager.getUser();
      if (stored !== null && stored.refresh_token !== user.refresh_token) return stored;
      const hasEnded = error instanceof ErrorResponse && ENDS_SIGN_IN.has(error.error ?? '');
      if (!hasEnded && user.expired === true) throw new SignInUnreachableError();
      if (!hasEnded) return user;
    }
  } else if (user.expired !== true) return user;
  await manager.removeUser();
  return undefined;
};

/**
 * Authorization code flow with PKCE. Tokens live in sessionStorage and end with the tab, unless the person asks to be
 * kept signed in; then, and only then, they are in localStorage until they sign out.
 */
export const createSignIn = ({ oidc }: DashboardConfig): SignIn => {
  const home = `${window.location.origin}${import.meta.env.BASE_URL}`;
  const manager = (keep: boolean): UserManager =>
    new UserManager({
      authority: oidc.issuer,
      client_id: oidc.client_id,
      scope: oidc.scope,
      redirect_uri: `${home}callback`,
      post_logout_redirect_uri: home,
      userStore: new WebStorageStateStore({ store: keep ? window.localStorage : window.sessionStorage }),
      stateStore: new WebStorageStateStore({ store: window.sessionStorage }),
      // Only by refresh token, when a request needs one: a hidden frame would break the page's own policy.
      automaticSilentRenew: false,
      ...(oidc.audience !== null && { extraQueryParams: { audience: oidc.audience } }),
    });
  let current = manager(window.localStorage.getItem(KEEP) === 'yes');
  let renewal: Promise<User | undefined> | undefined;

  /** One renewal at a time in all tabs: with rotating refresh tokens the second would be refused. */
  const renew = (seen: User): Promise<User | undefined> => {
    renewal ??= withLock(() => renewOrForget(current, seen)).finally(() => {
      renewal = undefined;
    });
    return renewal;
  };

  const liveUser = async (refused?: string): Promise<User | undefined> => {
    const user = await current.getUser();
    if (user === null) return undefined;
    return isFresh(user) && user.access_token !== refused ? user : renew(user);
  };

  return {
    start: async ({ keep, returnTo }) => {
      if (keep) window.localStorage.setItem(KEEP, 'yes');
      else window.localStorage.removeItem(KEEP);
      current = manager(keep);
      await current.signinRedirect({ state: returnTo });
    },
    home,
    resume: (returnTo) => current.signinRedirect({ state: returnTo }),
    again: (returnTo) => current.signinRedirect({ state: returnTo, max_age: 0, prompt: 'login' }),
    finish: async () => {
      const user = await current.signinRedirectCallback();
      return typeof user.state === 'string' && user.state.startsWith('/') ? user.state : '/';
    },
    person: async () => {
      const stored = await current.getUser();
      try {
        const user = await liveUser();
        return user === undefined ? undefined : personOf(user);
      } catch (error) {
        // Without a network the person is still signed in; their requests say what is wrong.
        if (error instanceof SignInUnreachableError && stored !== null) return personOf(stored);
        throw error;
      }
    },
    accessToken: async (options) => (await liveUser(options?.refused))?.access_token,
    end: async () => {
      dropKeptDrafts();
      window.localStorage.removeItem(KEEP);
      // Gone here in any case; the issuer's own session ends too where it offers that.
      const leaving = current.signoutRedirect().catch(async () => {
        await current.removeUser();
        window.location.assign(home);
      });
      await leaving;
    },
  };
};
