import { Activity } from 'lucide-react';
import { type Concurrency as Answer, useRoute } from '../api/queries.ts';
import { useSiteNames } from '../sites/site-names.ts';
import { Bar } from '../ui/bar.tsx';
import { formatTime, formatWhole } from '../ui/format.ts';
import { Empty, Loaded } from '../ui/states.tsx';
import { Card } from '../ui/surface.tsx';
import ui from '../ui/ui.module.css';
import { useWorkspace } from '../workspace.tsx';
import { atATime } from './at-a-time.ts';
import { ChartFrame, Steps } from './lazy-charts.tsx';
import css from './usage.module.css';

const REFRESH_MS = 5_000;
/** As many as one page of the API holds; the chart says that it goes no further back. */
const LATEST_SESSIONS = 100;

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
  const siteName = useSiteNames();
  const share = line.limit === null || line.limit === 0 ? 0 : Math.min(1, line.active / line.limit);
  const name =
    line.scope === 'workspace'
      ? 'The workspace’s key'
      : line.scope === 'platform'
        ? 'The platform’s key'
        : `Key of ${siteName(line.scope_id)}`;
  const text = `${formatWhole(line.active)} ${line.limit === null ? 'live, without a limit' : `of ${formatWhole(line.limit)}`}`;
  return (
    <div className={css['line']}>
      <div className={css['lineHead']}>
        <strong>{name}</strong>
        <span>{text}</span>
      </div>
      {line.limit !== null && (
        <Bar label={`${name}: sessions at a time`} value={line.active} max={line.limit} text={text} />
      )}
      {share >= 1 && (
        <p className={ui['hint']}>
          The next visitor sees that all lines are busy, until a session ends.
          {line.earliest_release_at !== null &&
            ` A session that stops reporting frees its place, the first one at ${formatTime(line.earliest_release_at)}.`}{' '}
          A higher OpenAI tier allows more.
        </p>
      )}
    </div>
  );
};

/** Counted from the sessions themselves: how many of the workspace's latest ones ran at the same time. */
const OverTime = () => {
  const { workspace_id } = useWorkspace();
  const latest = useRoute('listWorkspaceSessions', {
    path: { workspaceId: workspace_id },
    query: { limit: LATEST_SESSIONS },
  });
  return (
    <Card
      title="Over time"
      lead={`How many sessions ran at the same time, from the latest ${LATEST_SESSIONS} sessions of all sites.`}
    >
      <Loaded query={latest} what="the sessions">
        {({ items }) => <OverTimeChart points={atATime(items, latest.dataUpdatedAt)} />}
      </Loaded>
    </Card>
  );
};

const OverTimeChart = ({ points }: { readonly points: ReturnType<typeof atATime> }) =>
  points.length === 0 ? (
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
  );
