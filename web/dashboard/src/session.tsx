import { QueryClient, QueryClientProvider } from '@tanstack/react-query';
import { createContext, type ReactNode, useContext, useEffect, useMemo, useState } from 'react';
import { type Api, createApi } from './api/client.ts';
import { ApiFailure } from './api/failure.ts';
import type { Person, SignIn } from './auth/sign-in.ts';
import type { DashboardConfig } from './config.ts';

/** Values that every page of a signed-in person may use. */
export interface Session {
  readonly config: DashboardConfig;
  readonly person: Person;
  readonly api: Api;
  readonly signIn: SignIn;
  /** The token has ended while a page was open: asks to sign in again without losing the page. */
  readonly signedOut: boolean;
}

const Current = createContext<Session | undefined>(undefined);

export const useSession = (): Session => {
  const session = useContext(Current);
  if (session === undefined) throw new Error('There is no session here.');
  return session;
};

/** Asked again once, and only where another try may go better. */
const worthAnotherTry = (failures: number, error: unknown): boolean =>
  failures < 1 && error instanceof ApiFailure && (error.status === 0 || error.status === 503);

export const SessionProvider = ({
  config,
  person,
  signIn,
  children,
}: {
  readonly config: DashboardConfig;
  readonly person: Person;
  readonly signIn: SignIn;
  readonly children: ReactNode;
}) => {
  const [signedOut, setSignedOut] = useState(false);
  const queries = useMemo(
    () =>
      new QueryClient({
        defaultOptions: {
          queries: { retry: worthAnotherTry, retryDelay: 1_000, staleTime: 15_000 },
          mutations: { retry: false, gcTime: 0 },
        },
      }),
    [],
  );
  const api = useMemo(
    () =>
      createApi({
        baseUrl: config.api_base_url,
        accessToken: signIn.accessToken,
        onSignedOut: () => setSignedOut(true),
      }),
    [config, signIn],
  );
  // Another tab that signs in again ends it in this tab too, where tabs share the sign-in.
  useEffect(() => {
    if (!signedOut) return;
    const onWrite = async (): Promise<void> => {
      const now = await signIn.person().catch(() => undefined);
      if (now?.sub !== person.sub) return;
      setSignedOut(false);
      await queries.invalidateQueries();
    };
    const listen = (): void => void onWrite();
    window.addEventListener('storage', listen);
    return () => window.removeEventListener('storage', listen);
  }, [signedOut, signIn, person, queries]);
  const session = useMemo(
    () => ({ config, person, api, signIn, signedOut }),
    [config, person, api, signIn, signedOut],
  );
  return (
    <Current value={session}>
      <QueryClientProvider client={queries}>{children}</QueryClientProvider>
    </Current>
  );
};
