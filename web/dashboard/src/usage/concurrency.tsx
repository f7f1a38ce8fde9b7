import { useQueries } from '@tanstack/react-query';
import { Activity } from 'lucide-react';
import { type Concurrency as Answer, type SessionRow, useRoute, useSites } from '../api/queries.ts';
import { useSession } from '../session.tsx';
import { Bar } from '../ui/bar.tsx';
import { formatTime, formatWhole } from '../ui/format.ts';
import { Empty, FailureNote, Loaded, Loading } from '../ui/states.tsx';
import { Card } from '../ui/surface.tsx';
import ui from '../ui/ui.module.css';
import { useWorkspace } from '../workspace.tsx';
import { atATime } from './at-a-time.ts';
import { ChartFrame, Steps } from './lazy-charts.tsx';
import css from './usage.module.css';

const REFRESH_MS = 5_000;
/** As many as one page of the API holds; the chart says that it goes no further back. */
const SESSIONS_PER_SITE = 100;
/** Each is a request. */
const SITES = 50;

export const Concurrency = () => {
  const { workspace_id } = useWorkspace();
  const now = useRoute(
    'readConcurrency',
    { path: { workspaceId: workspace_id } },
    { refetchInterval: REFRESH_MS },
  );
  return (
    <>
      <Card
        title="Now"
        lead="Live sessions on each stored OpenAI key, and its limit. Updates every 5 seconds."
      >
        <Loaded query={now} what="the sessions at a time">
          {({ keys }) =>
            keys.length === 0 ? (
              <Empty title="No key is stored">Store an OpenAI key under Billing.</Empty>
            ) : (
              <div className={css['lines']}>
                {keys.map((key) => (
                  <KeyLine key={`${key.scope}${key.scope_id}`} line={key} />
                ))}
              </div>
            )
          }
        </Loaded>
      </Card>
      <OverTime />
    </>
  );
};

const KeyLine = ({ line }: { readonly line: Answer['keys'][number] }) => {
  const { workspace_id } = useWorkspace();
  const sites = useSites(workspace_id);
  const share = line.limit === null || line.limit === 0 ? 0 : Math.min(1, line.active / line.limit);
  const name =
    line.scope === 'workspace'
      ? 'The workspace’s key'
      : line.scope === 'platform'
        ? 'The platform’s key'
        : `Key of ${sites.data?.find(({ site_id }) => site_id === line.scope_id)?.name ?? line.scope_id}`;
  const text = `${formatWhole(line.active)} of ${line.limit === null ? 'any number' : formatWhole(line.limit)}`;
  return (
    <div className={css['line']}>
      <div className={css['lineHead']}>
        <strong>{name}</strong>
        <span>{text}</span>
      </div>
      <Bar label={`${name}: sessions at a time`} value={line.active} max={line.limit} text={text} />
      {share >= 1 && (
        <p className={ui['hint']}>
          The next visitor is told “busy”
          {line.earliest_release_at !== null &&
            `, at the latest until ${formatTime(line.earliest_release_at)}`}
          . A higher OpenAI tier allows more.
        </p>
      )}
    </div>
  );
};

/** Counted from the sessions themselves: how many of the workspace's latest ones ran at the same time. */
const OverTime = () => {
  const { workspace_id } = useWorkspace();
  const { api } = useSession();
  const sites = useSites(workspace_id);
  const pages = useQueries({
    queries: (sites.data ?? []).slice(0, SITES).map(({ site_id }) => ({
      queryKey: ['at-a-time', site_id],
      queryFn: async (): Promise<readonly SessionRow[]> =>
        (await api.call('listSessions', { path: { siteId: site_id }, query: { limit: SESSIONS_PER_SITE } }))
          .items,
    })),
  });
  const failed = pages.find(({ error }) => error !== null);
  const ready = sites.data !== undefined && pages.every(({ data }) => data !== undefined);
  const points = ready
    ? atATime(
        pages.flatMap(({ data }) => data ?? []),
        Date.now(),
      )
    : [];
  return (
    <Card
      title="Over time"
      lead={`How many sessions ran at the same time, from the latest ${SESSIONS_PER_SITE} sessions of ${(sites.data?.length ?? 0) > SITES ? `the first ${SITES} sites` : 'each site'}.`}
    >
      {failed !== undefined ? (
        <FailureNote failure={failed.error} />
      ) : !ready ? (
        <Loading what="the sessions" />
      ) : points.length === 0 ? (
        <Empty icon={<Activity aria-hidden="true" />} title="No conversations yet">
          When visitors talk, this shows how close you are to the limit of your OpenAI tier.
        </Empty>
      ) : (
        <>
          <ChartFrame>
            <Steps
              label="Sessions at a time"
              points={points}
              format={(time) => formatTime(new Date(time).toISOString())}
            />
          </ChartFrame>
          <p className={ui['hint']}>
            At most {formatWhole(Math.max(...points.map(({ value }) => value)))} at a time.
          </p>
        </>
      )}
    </Card>
  );
};
