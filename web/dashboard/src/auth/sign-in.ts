import { ErrorResponse, type User, UserManager, WebStorageStateStore } from 'oidc-client-ts';
import type { DashboardConfig } from '../config.ts';

const KEEP = 'spelo.keep-signed-in';
/** A token that ends sooner is renewed first, so that a request does not meet its end on the way. */
const RENEW_BEFORE_SECONDS = 30;

export interface Person {
  readonly sub: string;
}

export interface SignIn {
  /** Leaves for the issuer; comes back to `callback` and then to `returnTo`. */
  start(options: { readonly keep: boolean; readonly returnTo: string }): Promise<void>;
  /** Like `start`, but the person has to sign in even where the issuer still knows them. */
  again(returnTo: string): Promise<void>;
  /** The address of the dashboard, with its closing slash. */
  readonly home: string;
  /** Redeems the code of the address bar. Gives the path to go on to. */
  finish(): Promise<string>;
  person(): Promise<Person | undefined>;
  /**
   * Returns an access token that is still good, or undefined when the person has to sign in again. `isRefused` renews it
   * even if it looks good, because the API refused it.
   *
   * @throws {SignInUnreachableError} when the token has expired and the sign-in service cannot be reached.
   */
  accessToken(options?: { readonly isRefused: boolean }): Promise<string | undefined>;
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

/**
 * Renews the stored sign-in by its refresh token. Forgets it only when the issuer says that it has ended; a failure of
 * the network or of the issuer keeps it.
 */
const renewOrForget = async (manager: UserManager, seen: User): Promise<User | undefined> => {
  const user = await manager.getUser();
  if (user === null) return undefined;
  const isRenewedByAnotherTab = user.access_token !== seen.access_token && isFresh(user);
  if (isRenewedByAnotherTab) return user;
  if (user.refresh_token !== undefined) {
    try {
      return (await manager.signinSilent()) ?? undefined;
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

  const liveUser = async (isForced = false): Promise<User | undefined> => {
    const user = await current.getUser();
    if (user === null) return undefined;
    return isFresh(user) && !isForced ? user : renew(user);
  };

  return {
    start: async ({ keep, returnTo }) => {
      if (keep) window.localStorage.setItem(KEEP, 'yes');
      else window.localStorage.removeItem(KEEP);
      current = manager(keep);
      await current.signinRedirect({ state: returnTo });
    },
    home,
    again: (returnTo) => current.signinRedirect({ state: returnTo, max_age: 0, prompt: 'login' }),
    finish: async () => {
      const user = await current.signinRedirectCallback();
      return typeof user.state === 'string' && user.state.startsWith('/') ? user.state : '/';
    },
    person: async () => {
      const stored = await current.getUser();
      try {
        const user = await liveUser();
        return user === undefined ? undefined : { sub: user.profile.sub };
      } catch (error) {
        // Without a network the person is still signed in; their requests say what is wrong.
        if (error instanceof SignInUnreachableError && stored !== null) return { sub: stored.profile.sub };
        throw error;
      }
    },
    accessToken: async (options) => (await liveUser(options?.isRefused))?.access_token,
    end: async () => {
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
