import { AudioLines } from 'lucide-react';
import { type SessionRow, useRoute, useSearch } from '../api/queries.ts';
import { useSiteNames } from '../sites/site-names.ts';
import { useAddress, usePages } from '../ui/address.ts';
import { Button } from '../ui/button.tsx';
import { ExportButtons } from '../ui/export-buttons.tsx';
import { formatCents, formatCode, formatExactTime, formatTime } from '../ui/format.ts';
import { FailedPage, Pager, SearchedSoFar } from '../ui/pager.tsx';
import { SkeletonRows } from '../ui/skeletons.tsx';
import { Empty, FailureNote, Loaded, Note } from '../ui/states.tsx';
import { useSteadyRows } from '../ui/steady-rows.ts';
import { Badge, Card, type Tone } from '../ui/surface.tsx';
import { type Column, Table } from '../ui/table.tsx';
import ui from '../ui/ui.module.css';
import { useWorkspace } from '../workspace.tsx';
import { lengthInWords, Receipt } from './receipt.tsx';
import { SessionFilters, useSessionFilter } from './session-filters.tsx';
import { sortPage } from './sort-page.ts';
import css from './usage.module.css';

const TONES: Readonly<Record<SessionRow['state'], Tone>> = {
  reserved: 'neutral',
  issued: 'neutral',
  live: 'good',
  ended: 'neutral',
  refused: 'bad',
  used: 'neutral',
};

const PAGE = 25;
const REFRESH_MS = 5_000;
const idOf = ({ session_id }: SessionRow): string => session_id;

/** Sessions of all sites. The address keeps the filters, the page and the open receipt. */
export const Sessions = () => {
  const { workspace_id } = useWorkspace();
  const nameOf = useSiteNames();
  const { set } = useAddress();
  const { cursors, move } = usePages('sessions');
  const filter = useSessionFilter();
  const cursor = cursors.at(-1);
  // A search may read thousands of sessions; only a page that an index answers is read again and again.
  const isLive = cursor === undefined && !filter.isSearch && filter.order === 'newest_first';
  const sessions = useSearch(
    'listWorkspaceSessions',
    {
      path: { workspaceId: workspace_id },
      query: { limit: PAGE, ...filter.query, ...(cursor !== undefined && { cursor }) },
    },
    isLive ? { refetchInterval: REFRESH_MS } : {},
  );
  const columns: readonly Column<SessionRow>[] = [
    { head: 'Began', cell: ({ created_at }) => formatTime(created_at), nowrap: true },
    { head: 'Site', cell: ({ site_id }) => nameOf(site_id) },
    {
      head: 'State',
      cell: ({ state, refusal, end_reason, receipt }) => (
        <>
          <Badge tone={TONES[state]}>{formatCode(state)}</Badge>
          {(refusal ?? end_reason) !== null && (
            <div className={ui['meta']}>{formatCode(refusal ?? end_reason ?? '')}</div>
          )}
          {receipt.flags.length > 0 && <div className={ui['meta']}>Implausible reports</div>}
        </>
      ),
    },
    { head: 'Lasted', cell: (session) => lengthInWords(session), number: true },
    {
      head: 'Model and payer',
      cell: ({ model, mode }) => (
        <>
          {model}
          <div className={ui['meta']}>{mode === 'byok' ? 'Own key' : 'Plan'}</div>
        </>
      ),
    },
    {
      head: 'Cost',
      cell: ({ receipt, seconds }) =>
        receipt.cost_cents === null || seconds === 0
          ? '–'
          : `${receipt.estimated ? '≈ ' : ''}${formatCents(receipt.cost_cents)}`,
      number: true,
    },
    {
      head: 'Receipt',
      cell: (session) => (
        <Button
          small
          aria-label={`Receipt of the session of ${formatExactTime(session.created_at)}`}
          onClick={() => set({ session: session.session_id })}
        >
          Receipt
        </Button>
      ),
    },
  ];
  return (
    <Card
      title="Sessions"
      lead={`${filter.order === 'oldest_first' ? 'Oldest' : 'Newest'} first.${isLive ? ' Updates every 5 seconds.' : ''} A receipt shows who paid, with which key, and how much.`}
      aside={
        <ExportButtons
          list="sessions"
          id="listWorkspaceSessions"
          path={{ workspaceId: workspace_id }}
          query={filter.query}
        />
      }
      flush
    >
      <SessionFilters onChange={(change) => move([], change)} filter={filter} />
      <Loaded query={sessions} what="the sessions" skeleton={<SkeletonRows />}>
        {({ items, next_cursor, searched_to }) =>
          items.length === 0 && next_cursor !== null ? (
            <>
              <SearchedSoFar
                searchedTo={searched_to}
                order={filter.order}
                onFurther={() => move([...cursors, next_cursor])}
              />
              <Pager cursors={cursors} next={null} order={filter.order} onMove={move} />
            </>
          ) : items.length === 0 ? (
            <>
              <NoSessions isFiltered={filter.isFiltered} isPaged={cursor !== undefined} find={filter.find} />
              <Pager cursors={cursors} next={null} order={filter.order} onMove={move} />
            </>
          ) : (
            <>
              <SessionTable
                key={JSON.stringify([filter.query, cursor])}
                items={items}
                columns={columns}
                sort={filter.sort}
                order={filter.order}
              />
              {filter.isSearch && next_cursor !== null && (
                <p className={`${ui['meta']} ${css['note']}`}>
                  Searched up to {formatTime(searched_to)}. Other sessions are on the next page.
                </p>
              )}
              <Pager cursors={cursors} next={next_cursor} order={filter.order} onMove={move} />
            </>
          )
        }
      </Loaded>
      <FailedPage query={sessions} cursors={cursors} order={filter.order} onMove={move} />
      <OpenReceipt nameOf={nameOf} />
    </Card>
  );
};

const SessionTable = ({
  items,
  columns,
  sort,
  order,
}: {
  readonly items: readonly SessionRow[];
  readonly columns: readonly Column<SessionRow>[];
  readonly sort: string;
  readonly order: string;
}) => {
  const { rows, waiting, show, hold } = useSteadyRows(sortPage(items, sort), idOf);
  return (
    <div {...hold}>
      <p className={`${ui['meta']} ${css['note']}`} role="status">
        {waiting > 0 && (
          <Button small onClick={show}>
            {waiting === 1 ? 'Show 1 newer session' : `Show ${waiting} newer sessions`}
          </Button>
        )}
        {sort !== '' && `Sorted within the ${rows.length} sessions of this page only.`}
      </p>
      <Table
        caption={order === 'oldest_first' ? 'Sessions, oldest first' : 'Sessions, newest first'}
        columns={columns}
        rows={rows}
        keyOf={idOf}
      />
    </div>
  );
};

const NoSessions = ({
  isFiltered,
  isPaged,
  find,
}: {
  readonly isFiltered: boolean;
  readonly isPaged: boolean;
  readonly find: string;
}) => {
  const icon = <AudioLines aria-hidden="true" />;
  if (find !== '')
    return (
      <Empty icon={icon} title="No session with this ID">
        This workspace has no {find.startsWith('rtc_') ? 'call' : 'session'} {find} that matches the filters.
        A new session appears within seconds. Old sessions are deleted after the retention period.
        {find.startsWith('rtc_') &&
          ' Calls from before this service recorded call IDs are found only by session ID or by day.'}
      </Empty>
    );
  if (isPaged)
    return (
      <Empty icon={icon} title="No more sessions">
        All sessions were searched.
      </Empty>
    );
  return isFiltered ? (
    <Empty icon={icon} title="No matching sessions">
      All stored sessions were searched. None matches these filters.
    </Empty>
  ) : (
    <Empty icon={icon} title="No sessions yet">
      Each visitor’s conversation appears here, with a receipt.
    </Empty>
  );
};

/** The receipt that the address names, whichever site and page its session is on. */
const OpenReceipt = ({ nameOf }: { readonly nameOf: (siteId: string) => string }) => {
  const { workspace_id } = useWorkspace();
  const { get, set } = useAddress();
  const sessionId = get('session');
  const found = useRoute(
    'listWorkspaceSessions',
    { path: { workspaceId: workspace_id }, query: { session_id: sessionId, limit: 1 } },
    { enabled: sessionId !== '' },
  );
  if (sessionId === '') return null;
  if (found.error !== null) return <FailureNote failure={found.error} />;
  if (found.data === undefined) return null;
  const [session] = found.data.items;
  return session === undefined ? (
    <div className={css['note']}>
      <Note tone="warn" title="This session was not found.">
        No session of this workspace has the ID {sessionId}. Sessions are deleted after the retention period.
      </Note>
    </div>
  ) : (
    <Receipt session={session} site={nameOf(session.site_id)} onClose={() => set({ session: '' })} />
  );
};
