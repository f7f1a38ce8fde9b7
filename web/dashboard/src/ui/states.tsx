import { CircleAlert, CircleCheck, Info, TriangleAlert } from 'lucide-react';
import { type ReactNode, useState } from 'react';
import { ApiFailure, nextStepFor, UNKNOWN_STEP } from '../api/failure.ts';
import { useSession } from '../session.tsx';
import { Button } from './button.tsx';
import { dropKeptDrafts, keepDrafts } from './kept-drafts.ts';
import type { Tone } from './surface.tsx';
import css from './ui.module.css';

const ICONS = { good: CircleCheck, bad: CircleAlert, warn: TriangleAlert, neutral: Info };
const CLASSES: Readonly<Record<Tone, string | undefined>> = {
  good: css['noteGood'],
  bad: css['noteBad'],
  warn: css['noteWarn'],
  neutral: '',
};

export const Note = ({
  tone = 'neutral',
  title,
  live = false,
  children,
}: {
  readonly tone?: Tone;
  readonly title?: ReactNode;
  /** True: read out as soon as it appears. */
  readonly live?: boolean;
  readonly children?: ReactNode;
}) => {
  const Icon = ICONS[tone];
  return (
    <div
      className={`${css['note']} ${CLASSES[tone]}`}
      role={live ? (tone === 'bad' ? 'alert' : 'status') : undefined}
    >
      <Icon aria-hidden="true" />
      <div>
        {title !== undefined && <strong>{title}</strong>}
        {children}
      </div>
    </div>
  );
};

/** The API's message, the next step, and the request id to quote. */
export const FailureNote = ({
  failure,
  onRetry,
}: {
  readonly failure: unknown;
  readonly onRetry?: () => void;
}) => {
  const known = failure instanceof ApiFailure ? failure : undefined;
  const wait = known?.retryAfterSeconds;
  const step =
    known === undefined ? 'Reload the page. If it happens again, report it.' : nextStepFor(known.code);
  const said = [step === undefined ? UNKNOWN_STEP : step, wait !== undefined && `Time to wait: ${wait} s.`];
  return (
    <Note tone="bad" live title={known?.message ?? 'Something went wrong on this page.'}>
      {known?.details.map(({ path, message }) => (
        <p key={`${path}${message}`}>{message}</p>
      ))}
      {said.some(Boolean) && <p>{said.filter(Boolean).join(' ')}</p>}
      {known?.requestId !== undefined && (
        <p className={css['meta']}>
          Request ID: <span className={css['mono']}>{known.requestId}</span>
        </p>
      )}
      {known?.code === 'recent_sign_in_required' && <SignInAgain />}
      {onRetry !== undefined && (
        <div>
          <Button small onClick={onRetry}>
            Try again
          </Button>
        </div>
      )}
    </Note>
  );
};

/** Leaves for the issuer and comes back to this page, with its unsaved forms. */
const SignInAgain = () => {
  const { signIn } = useSession();
  const [hasFailed, setFailed] = useState(false);
  return (
    <div>
      <Button
        small
        kind="primary"
        onClick={() => {
          keepDrafts();
          setFailed(false);
          signIn.again(window.location.href.slice(signIn.home.length - 1)).catch(() => {
            dropKeptDrafts();
            setFailed(true);
          });
        }}
      >
        Sign in again
      </Button>
      {hasFailed && <p role="alert">The sign-in service could not be reached. Try again.</p>}
    </div>
  );
};

/** An empty place that says what will stand here and how to get there. */
export const Empty = ({
  icon,
  title,
  children,
  action,
}: {
  readonly icon?: ReactNode;
  readonly title: string;
  readonly children: ReactNode;
  readonly action?: ReactNode;
}) => (
  <div className={css['empty']}>
    {icon}
    <h3>{title}</h3>
    <p>{children}</p>
    {action}
  </div>
);

export const Skeleton = ({
  height = 16,
  width = '100%',
}: {
  readonly height?: number;
  readonly width?: string;
}) => <span className={css['skeleton']} style={{ height, width }} aria-hidden="true" />;

export const Loading = ({ what, lines = 3 }: { readonly what: string; readonly lines?: number }) => (
  <div role="status" style={{ display: 'grid', gap: 12, padding: '8px 0' }}>
    <span className={css['visuallyHidden']}>Loading {what}…</span>
    {Array.from({ length: lines }, (_, line) => (
      // biome-ignore lint/suspicious/noArrayIndexKey: lines are all alike.
      <Skeleton key={line} width={`${92 - line * 17}%`} />
    ))}
  </div>
);

interface Loadable<Data> {
  readonly data: Data | undefined;
  readonly error: unknown;
  readonly refetch: () => unknown;
}

/** Loading, failed or there: each of a query's three states shows. */
export const Loaded = <Data,>({
  query,
  what,
  lines,
  children,
}: {
  readonly query: Loadable<Data>;
  readonly what: string;
  readonly lines?: number;
  readonly children: (data: Data) => ReactNode;
}) => {
  if (query.data !== undefined) return children(query.data);
  if (query.error !== null && query.error !== undefined)
    return <FailureNote failure={query.error} onRetry={() => void query.refetch()} />;
  return <Loading what={what} {...(lines !== undefined && { lines })} />;
};
