import { type User, UserManager, WebStorageStateStore } from 'oidc-client-ts';
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
  /** Redeems the code of the address bar. Gives the path to go on to. */
  finish(): Promise<string>;
  person(): Promise<Person | undefined>;
  /** An access token that is still good, or undefined: sign in again. */
  accessToken(): Promise<string | undefined>;
  end(): Promise<void>;
}

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
  let renewal: Promise<User | null> | undefined;

  const renewed = (): Promise<User | null> => {
    renewal ??= current
      .signinSilent()
      .catch(() => null)
      .finally(() => {
        renewal = undefined;
      });
    return renewal;
  };

  const liveUser = async (): Promise<User | undefined> => {
    const user = await current.getUser();
    if (user === null) return undefined;
    if ((user.expires_in ?? 0) > RENEW_BEFORE_SECONDS) return user;
    const fresh = user.refresh_token === undefined ? null : await renewed();
    if (fresh === null) await current.removeUser();
    return fresh ?? undefined;
  };

  return {
    start: async ({ keep, returnTo }) => {
      if (keep) window.localStorage.setItem(KEEP, 'yes');
      else window.localStorage.removeItem(KEEP);
      current = manager(keep);
      await current.signinRedirect({ state: returnTo });
    },
    finish: async () => {
      const user = await current.signinRedirectCallback();
      return typeof user.state === 'string' && user.state.startsWith('/') ? user.state : '/';
    },
    person: async () => {
      const user = await liveUser();
      return user === undefined ? undefined : { sub: user.profile.sub };
    },
    accessToken: async () => (await liveUser())?.access_token,
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
