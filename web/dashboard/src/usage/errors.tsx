import { CircleCheck } from 'lucide-react';
import { Link } from 'react-router';
import { nextStepFor } from '../api/failure.ts';
import { type ErrorRow, useSearch, useSites } from '../api/queries.ts';
import { stepForVerdict } from '../key/verdict.tsx';
import { SiteFilter } from '../sites/site-filter.tsx';
import { useSiteNames } from '../sites/site-names.ts';
import { useAddress, usePages } from '../ui/address.ts';
import { ExportButtons } from '../ui/export-buttons.tsx';
import { FieldRow, SelectField } from '../ui/field.tsx';
import { formatTime, formatWhole } from '../ui/format.ts';
import { FailedPage, Pager, SearchedSoFar } from '../ui/pager.tsx';
import { SkeletonRows } from '../ui/skeletons.tsx';
import { Empty, Loaded } from '../ui/states.tsx';
import { Card } from '../ui/surface.tsx';
import { type Column, Table } from '../ui/table.tsx';
import ui from '../ui/ui.module.css';
import { useWorkspace } from '../workspace.tsx';
import { type ErrorGroup, groupErrors } from './group-errors.ts';
import { RefusedOrigin } from './refused-origin.tsx';
import { isRefusedOrigin } from './refused-words.ts';
import css from './usage.module.css';

/** The maximum page size of the API. */
const ROWS = 100;

const SOURCES: Readonly<Record<ErrorRow['source'], string>> = {
  mint: 'Before the session',
  connect: 'While connecting',
  response: 'In the conversation',
  media: 'At the visitor’s microphone',
};

/** Where to act; undefined if the message already says what can be done. */
const stepOf = ({ code, reason, source }: ErrorRow): string | undefined => {
  if (reason !== null) return stepForVerdict(reason);
  return source === 'mint' ? (nextStepFor(code) ?? undefined) : undefined;
};

export const Errors = () => {
  const { workspace_id, may } = useWorkspace();
  const sites = useSites(workspace_id);
  const { get } = useAddress();
  const { cursors, move } = usePages('errors');
  const siteId = get('site');
  const source = get('source');
  const isFiltered = siteId !== '' || source !== '';
  const cursor = cursors.at(-1);
  const errors = useSearch('listErrors', {
    path: { workspaceId: workspace_id },
    query: {
      limit: ROWS,
      ...(siteId !== '' && { site_id: siteId }),
      ...(source !== '' && { source }),
      ...(cursor !== undefined && { cursor }),
    },
  });
  const nameOf = useSiteNames();
  const siteOf = ({ site_id }: ErrorRow) => sites.data?.find((site) => site.site_id === site_id);
  const columns: readonly Column<ErrorGroup>[] = [
    {
      head: 'What happened, and what to do',
      cell: ({ latest, count }) =>
        isRefusedOrigin(latest) ? (
          <RefusedOrigin row={{ ...latest, count }} site={siteOf(latest)} mayChange={may('admin')} />
        ) : (
          <>
            <span className={css['code']}>{latest.message}</span>
            {stepOf(latest) !== undefined && <div className={css['step']}>{stepOf(latest)}</div>}
            <div className={ui['meta']}>
              {SOURCES[latest.source]} ·{' '}
              <span className={ui['mono']}>
                {latest.reason === null || latest.reason === latest.code
                  ? latest.code
                  : `${latest.code} · ${latest.reason}`}
              </span>
            </div>
          </>
        ),
    },
    { head: 'Times', cell: ({ count }) => formatWhole(count), number: true },
    {
      head: 'Last',
      nowrap: true,
      cell: ({ latest, firstAt }) => (
        <>
          {formatTime(latest.last_at)}
          {firstAt !== latest.last_at && <div className={ui['meta']}>first {formatTime(firstAt)}</div>}
        </>
      ),
    },
    { head: 'Site', cell: ({ latest }) => (latest.site_id === null ? '–' : nameOf(latest.site_id)) },
    {
      head: 'Session',
      cell: ({ session }) =>
        session === undefined ? (
          '–'
        ) : (
          <Link to={`?${new URLSearchParams({ tab: 'sessions', session: session.sessionId })}`}>
            Latest session
          </Link>
        ),
    },
  ];
  const older = (next: string): void => move([...cursors, next]);
  return (
    <Card
      title="Errors"
      lead="Why visitors could not talk, by kind, newest first."
      aside={
        <ExportButtons
          list="errors"
          id="listErrors"
          path={{ workspaceId: workspace_id }}
          query={{ ...(siteId !== '' && { site_id: siteId }), ...(source !== '' && { source }) }}
        />
      }
      flush
    >
      <div className={css['filters']}>
        <FieldRow>
          <SiteFilter value={siteId} onChange={(site) => move([], { site })} />
          <SelectField
            label="When it happened"
            value={source}
            onChange={(event) => move([], { source: event.target.value })}
          >
            <option value="">At any point</option>
            {Object.entries(SOURCES).map(([id, title]) => (
              <option key={id} value={id}>
                {title}
              </option>
            ))}
          </SelectField>
        </FieldRow>
      </div>
      <Loaded query={errors} what="the errors" skeleton={<SkeletonRows />}>
        {({ items, next_cursor }) => (
          <>
            {items.length === 0 && next_cursor !== null ? (
              <SearchedSoFar searchedTo={null} onFurther={() => older(next_cursor)} />
            ) : items.length === 0 ? (
              <Empty
                icon={<CircleCheck aria-hidden="true" />}
                title={cursor !== undefined ? 'No more errors' : isFiltered ? 'No such errors' : 'No errors'}
              >
                {cursor !== undefined
                  ? 'The newer errors are on the pages before this one.'
                  : 'Errors from OpenAI and the widget appear here, with what to do about them.'}
              </Empty>
            ) : (
              <Table
                caption="Errors, newest first"
                columns={columns}
                rows={groupErrors(items)}
                keyOf={({ key }) => key}
              />
            )}
            {items.length > 0 && (next_cursor !== null || cursor !== undefined) && (
              <p className={ui['meta']} style={{ padding: '0 24px' }}>
                The counts are of this page, {formatTime(items.at(-1)?.first_at)} to{' '}
                {formatTime(items[0]?.last_at)}.{' '}
                {next_cursor !== null && 'Older errors are on the next page.'}
              </p>
            )}
            <Pager cursors={cursors} next={next_cursor} onMove={move} />
          </>
        )}
      </Loaded>
      <FailedPage query={errors} cursors={cursors} onMove={move} />
    </Card>
  );
};
