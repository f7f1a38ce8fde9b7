import { CircleAlert, CircleCheck, Info, TriangleAlert } from 'lucide-react';
import { type ReactNode, useState } from 'react';
import { ApiFailure, nextStepFor, UNKNOWN_STEP } from '../api/failure.ts';
import { useSession } from '../session.tsx';
import { Button } from './button.tsx';
import { formatTime } from './format.ts';
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
  what,
  onRetry,
}: {
  readonly failure: unknown;
  /** The part that failed to load, such as `the sites`; undefined: something else failed. */
  readonly what?: string;
  readonly onRetry?: () => void;
}) => {
  const known = failure instanceof ApiFailure ? failure : undefined;
  const message = known?.message ?? 'Something went wrong on this page.';
  const wait = known?.retryAfterSeconds;
  const step =
    known === undefined ? 'Reload the page. If it happens again, report it.' : nextStepFor(known.code);
  const said = [step === undefined ? UNKNOWN_STEP : step, wait !== undefined && `Time to wait: ${wait} s.`];
  return (
    <Note tone="bad" live title={what === undefined ? message : `Could not load ${what}: ${message}`}>
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
export const SignInAgain = ({
  how = 'again',
}: {
  /** `resume` where the sign-in has ended; `again` where it is good, but too old. */
  readonly how?: 'again' | 'resume';
}) => {
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
          signIn[how](window.location.href.slice(signIn.home.length - 1)).catch(() => {
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

/** Placeholder until the data is loaded. Announces the loading to screen readers. */
export const Loading = ({
  what,
  lines = 3,
  skeleton,
}: {
  readonly what: string;
  readonly lines?: number;
  readonly skeleton?: ReactNode;
}) => (
  <div role="status" className={css['loading']}>
    <span className={css['visuallyHidden']}>Loading {what}…</span>
    {skeleton ??
      Array.from({ length: lines }, (_, line) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: lines are all alike.
        <Skeleton key={line} width={`${92 - line * 17}%`} />
      ))}
  </div>
);

interface Loadable<Data> {
  readonly data: Data | undefined;
  readonly error: unknown;
  /** When the data was loaded, Unix ms. */
  readonly dataUpdatedAt: number;
  readonly refetch: () => unknown;
}

/** Shows how old data is that could not be refreshed. */
const StaleNote = ({ query }: { readonly query: Loadable<unknown> }) => (
  <div className={css['stale']}>
    <Note
      tone="warn"
      live
      title={`Not up to date: as of ${formatTime(new Date(query.dataUpdatedAt).toISOString())}.`}
    >
      <p>{query.error instanceof ApiFailure ? query.error.message : 'It could not be refreshed.'}</p>
      <div>
        <Button small onClick={() => void query.refetch()}>
          Try again
        </Button>
      </div>
    </Note>
  </div>
);

/** Shows each state of a query: loading, failed or loaded. Data that could not be refreshed shows its age. */
export const Loaded = <Data,>({
  query,
  what,
  lines,
  skeleton,
  children,
}: {
  readonly query: Loadable<Data>;
  readonly what: string;
  readonly lines?: number;
  /** Shown while the data loads. @default lines of text */
  readonly skeleton?: ReactNode;
  readonly children: (data: Data) => ReactNode;
}) => {
  const hasFailed = query.error !== null && query.error !== undefined;
  if (query.data !== undefined)
    return (
      <>
        {hasFailed && <StaleNote query={query} />}
        {children(query.data)}
      </>
    );
  if (hasFailed)
    return (
      <div className={css['failed']}>
        <FailureNote failure={query.error} what={what} onRetry={() => void query.refetch()} />
      </div>
    );
  return <Loading what={what} {...(lines !== undefined && { lines })} skeleton={skeleton} />;
};
