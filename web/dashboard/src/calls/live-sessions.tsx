import { PhoneCall } from 'lucide-react';
import { useState } from 'react';
import { type LiveSession, useChange } from '../api/queries.ts';
import { useSiteNames } from '../sites/site-names.ts';
import { Button } from '../ui/button.tsx';
import { ConfirmDialog } from '../ui/dialog.tsx';
import { formatCents, formatExactTime, formatSeconds, formatTime } from '../ui/format.ts';
import { SkeletonRows } from '../ui/skeletons.tsx';
import { Empty, Loaded } from '../ui/states.tsx';
import { Badge, Bullets, Card } from '../ui/surface.tsx';
import { type Column, Table } from '../ui/table.tsx';
import { useToast } from '../ui/toasts.tsx';
import ui from '../ui/ui.module.css';
import { useWorkspace } from '../workspace.tsx';
import { useLive } from './live-calls.ts';

/** Calls as they run, and the button that ends one. */
export const LiveSessions = () => {
  const { may } = useWorkspace();
  const live = useLive();
  const nameOf = useSiteNames();
  const [ending, setEnding] = useState<LiveSession>();
  const columns: readonly Column<LiveSession>[] = [
    { head: 'Site', cell: ({ site_id }) => nameOf(site_id) },
    {
      head: 'Running for',
      cell: ({ started_at }) =>
        formatSeconds(
          Math.max(0, (Date.parse(live.data?.at ?? started_at) - Date.parse(started_at)) / 1_000),
        ),
      number: true,
    },
    {
      head: 'Opened with',
      cell: ({ opened_with }) => (
        <Badge tone={opened_with === 'call' ? 'good' : 'warn'}>
          {opened_with === 'call' ? 'Call' : 'Token'}
        </Badge>
      ),
    },
    {
      head: 'Ends by',
      cell: ({ ends_by, opened_with }) =>
        ends_by !== null ? formatTime(ends_by) : opened_with === 'call' ? 'starting' : 'an hour, at OpenAI',
      nowrap: true,
    },
    {
      head: 'Cost so far',
      cell: ({ cost_cents }) => (cost_cents === null ? 'not known' : `≈ ${formatCents(cost_cents)}`),
      number: true,
    },
    ...(may('admin')
      ? [
          {
            head: 'End',
            cell: (session: LiveSession) =>
              session.endable ? (
                <Button
                  small
                  kind="dangerQuiet"
                  aria-label={`End the call of ${formatExactTime(session.started_at)} on ${nameOf(session.site_id)}`}
                  onClick={() => setEnding(session)}
                >
                  End
                </Button>
              ) : (
                <span className={ui['meta']}>Cannot be ended</span>
              ),
          },
        ]
      : []),
  ];
  return (
    <Card
      title="Live sessions"
      lead="Updates every 5 seconds. A call can be ended; a session opened with a token cannot."
      flush
    >
      <Loaded query={live} what="the live sessions" skeleton={<SkeletonRows />}>
        {({ items }) =>
          items.length === 0 ? (
            <Empty icon={<PhoneCall aria-hidden="true" />} title="Nobody is talking">
              A call appears here when a visitor starts it.
            </Empty>
          ) : (
            <Table
              caption="Live sessions, oldest first"
              columns={columns}
              rows={items}
              keyOf={({ session_id }) => session_id}
            />
          )
        }
      </Loaded>
      {ending !== undefined && (
        <EndDialog session={ending} site={nameOf(ending.site_id)} onClose={() => setEnding(undefined)} />
      )}
    </Card>
  );
};

const EndDialog = ({
  session,
  site,
  onClose,
}: {
  readonly session: LiveSession;
  readonly site: string;
  readonly onClose: () => void;
}) => {
  const say = useToast();
  const path = { siteId: session.site_id, sessionId: session.session_id };
  const end = useChange((api) => api.call('endSession', { path }));
  return (
    <ConfirmDialog
      title="End this call?"
      confirm="End the call"
      danger
      act={async () => {
        const { ending } = await end.mutateAsync(undefined);
        say(ending ? `The call on ${site} is being ended.` : 'The call had already ended.');
      }}
      onClose={onClose}
    >
      <Bullets
        items={[
          `The broker hangs up the call on ${site} at OpenAI, usually within two seconds.`,
          'The visitor sees that the call was ended, and can start another one.',
          'To stop new calls as well, suspend the key.',
        ]}
      />
    </ConfirmDialog>
  );
};
