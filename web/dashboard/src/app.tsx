import { lazy, type ReactNode, Suspense, useEffect, useRef, useState } from 'react';
import { Navigate, Route, Routes, useLocation, useNavigate, useParams } from 'react-router';
import { useWorkspaces, type Workspace } from './api/queries.ts';
import type { Person, SignIn } from './auth/sign-in.ts';
import { SignInPage } from './auth/sign-in-page.tsx';
import type { DashboardConfig } from './config.ts';
import { Shell } from './layout/shell.tsx';
import { SessionProvider } from './session.tsx';
import { ErrorBoundary } from './ui/error-boundary.tsx';
import { SkeletonPage } from './ui/skeletons.tsx';
import { FailureNote, Loading, Note } from './ui/states.tsx';
import { Toasts } from './ui/toasts.tsx';
import { WorkspaceProvider } from './workspace.tsx';

const HomePage = lazy(() => import('./pages/home.tsx'));
const BillingPage = lazy(() => import('./pages/billing.tsx'));
const VoicePage = lazy(() => import('./pages/voice.tsx'));
const SitesPage = lazy(() => import('./pages/sites.tsx'));
const NewSitePage = lazy(() => import('./pages/new-site.tsx'));
const SitePage = lazy(() => import('./pages/site.tsx'));
const UsagePage = lazy(() => import('./pages/usage.tsx'));
const AuditPage = lazy(() => import('./pages/audit.tsx'));
const BudgetsPage = lazy(() => import('./pages/budgets.tsx'));
const AlertsPage = lazy(() => import('./pages/alerts.tsx'));
const CalculatorPage = lazy(() => import('./pages/calculator.tsx'));
const MembersPage = lazy(() => import('./pages/members.tsx'));
const ApiTokensPage = lazy(() => import('./pages/api-tokens.tsx'));
const SettingsPage = lazy(() => import('./pages/settings.tsx'));
const InvitationPage = lazy(() => import('./pages/invitation.tsx'));
const FirstRunPage = lazy(() => import('./pages/first-run.tsx'));

type State =
  | { readonly at: 'starting' }
  | { readonly at: 'signed-out' }
  | { readonly at: 'signed-in'; readonly person: Person };

export const App = ({ config, signIn }: { readonly config: DashboardConfig; readonly signIn: SignIn }) => {
  const [state, setState] = useState<State>({ at: 'starting' });
  const location = useLocation();
  const isCallback = location.pathname === '/callback';
  useEffect(() => {
    if (isCallback) return;
    void signIn
      .person()
      .then((person) => setState(person ? { at: 'signed-in', person } : { at: 'signed-out' }));
  }, [signIn, isCallback]);

  if (isCallback) return <Callback signIn={signIn} />;
  if (state.at === 'starting') return <Plain>{<Loading what="the dashboard" />}</Plain>;
  if (state.at === 'signed-out')
    return <SignInPage signIn={signIn} returnTo={`${location.pathname}${location.search}${location.hash}`} />;
  return (
    <SessionProvider config={config} person={state.person} signIn={signIn}>
      <Toasts>
        <Routes>
          <Route path="/" element={<Home />} />
          <Route path="/new-workspace" element={<Lazy page={<FirstRunPage />} plain />} />
          <Route path="/invitation" element={<Lazy page={<InvitationPage />} plain />} />
          <Route path="/w/:workspaceId" element={<InWorkspace />}>
            <Route index element={<Navigate to="home" replace />} />
            <Route path="home" element={<HomePage />} />
            <Route path="billing" element={<BillingPage />} />
            <Route path="voice" element={<VoicePage />} />
            <Route path="sites" element={<SitesPage />} />
            <Route path="sites/new" element={<NewSitePage />} />
            <Route path="sites/:siteId" element={<SitePage />} />
            <Route path="usage" element={<UsagePage />} />
            <Route path="audit" element={<AuditPage />} />
            <Route path="budgets" element={<BudgetsPage />} />
            <Route path="alerts" element={<AlertsPage />} />
            <Route path="calculator" element={<CalculatorPage />} />
            <Route path="members" element={<MembersPage />} />
            <Route path="api-tokens" element={<ApiTokensPage />} />
            <Route path="settings" element={<SettingsPage />} />
          </Route>
          <Route path="*" element={<Navigate to="/" replace />} />
        </Routes>
      </Toasts>
    </SessionProvider>
  );
};

const Plain = ({ children }: { readonly children: ReactNode }) => (
  <main style={{ maxWidth: 560, margin: '12vh auto 0', padding: '0 16px' }}>{children}</main>
);

const Lazy = ({ page, plain = false }: { readonly page: ReactNode; readonly plain?: boolean }) => {
  const { pathname } = useLocation();
  return (
    <ErrorBoundary key={pathname}>
      <Suspense
        fallback={
          plain ? (
            <Plain>{<Loading what="the page" />}</Plain>
          ) : (
            <Loading what="the page" skeleton={<SkeletonPage />} />
          )
        }
      >
        {page}
      </Suspense>
    </ErrorBoundary>
  );
};

/** Where the issuer sends the browser back to. */
const Callback = ({ signIn }: { readonly signIn: SignIn }) => {
  const navigate = useNavigate();
  const [failure, setFailure] = useState<string>();
  // A code is good once, and development mode runs effects twice.
  const begun = useRef(false);
  useEffect(() => {
    if (begun.current) return;
    begun.current = true;
    signIn.finish().then(
      (target) => navigate(target, { replace: true }),
      (error: unknown) => setFailure(error instanceof Error ? error.message : String(error)),
    );
  }, [signIn, navigate]);
  return (
    <Plain>
      {failure === undefined ? (
        <Loading what="your account" />
      ) : (
        <Note tone="bad" live title="Sign-in failed.">
          <p>{failure}</p>
          <p>
            <a href={import.meta.env.BASE_URL}>Begin again</a>
          </p>
        </Note>
      )}
    </Plain>
  );
};

/** The workspaces of the person, or what stands in their place until they are there. */
const WithWorkspaces = ({
  children,
}: {
  readonly children: (workspaces: readonly Workspace[]) => ReactNode;
}) => {
  const { data, error, refetch } = useWorkspaces();
  if (data !== undefined) return children(data);
  return (
    <Plain>
      {error === null ? (
        <Loading what="your workspaces" />
      ) : (
        <FailureNote failure={error} onRetry={() => void refetch()} />
      )}
    </Plain>
  );
};

/** On to the first workspace, or to making one. */
const Home = () => (
  <WithWorkspaces>
    {([first]) => (
      <Navigate to={first === undefined ? '/new-workspace' : `/w/${first.workspace_id}/home`} replace />
    )}
  </WithWorkspaces>
);

const InWorkspace = () => {
  const { workspaceId = '' } = useParams();
  return (
    <WithWorkspaces>
      {(workspaces) => {
        const workspace = workspaces.find(({ workspace_id }) => workspace_id === workspaceId);
        return workspace === undefined ? (
          <Plain>
            <Note tone="warn" title="This workspace does not exist, or you are not a member of it.">
              <p>
                <a href={import.meta.env.BASE_URL}>Go to your own workspaces</a>
              </p>
            </Note>
          </Plain>
        ) : (
          <WorkspaceProvider workspace={workspace}>
            <Shell workspaces={workspaces} renderPage={(outlet) => <Lazy page={outlet} />} />
          </WorkspaceProvider>
        );
      }}
    </WithWorkspaces>
  );
};
