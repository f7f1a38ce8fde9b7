import { CircleCheck } from 'lucide-react';
import { useState } from 'react';
import { nextStepFor } from '../api/failure.ts';
import { type ErrorRow, useRoute, useSites } from '../api/queries.ts';
import { stepForVerdict } from '../key/verdict.tsx';
import { formatTime, formatWhole } from '../ui/format.ts';
import { Pager } from '../ui/pager.tsx';
import { Empty, Loaded } from '../ui/states.tsx';
import { Card } from '../ui/surface.tsx';
import { type Column, Table } from '../ui/table.tsx';
import ui from '../ui/ui.module.css';
import { useWorkspace } from '../workspace.tsx';
import { isRefusedOrigin, RefusedOrigin } from './refused-origin.tsx';
import css from './usage.module.css';

/** What to do about one: where OpenAI said something, that; otherwise what our own code asks for. */
const stepOf = ({ code, reason }: ErrorRow): string =>
  (reason === null ? undefined : stepForVerdict(reason)) ?? nextStepFor(code);

export const Errors = () => {
  const { workspace_id, may } = useWorkspace();
  const sites = useSites(workspace_id);
  const [cursors, setCursors] = useState<readonly string[]>([]);
  const cursor = cursors.at(-1);
  const errors = useRoute('listErrors', {
    path: { workspaceId: workspace_id },
    query: { limit: 25, ...(cursor !== undefined && { cursor }) },
  });
  const siteOf = ({ site_id }: ErrorRow) => sites.data?.find((site) => site.site_id === site_id);
  const columns: readonly Column<ErrorRow>[] = [
    { head: 'Last', cell: ({ last_at }) => formatTime(last_at), nowrap: true },
    {
      head: 'What happened, and what to do',
      cell: (row) =>
        isRefusedOrigin(row) ? (
          <RefusedOrigin row={row} site={siteOf(row)} mayChange={may('admin')} />
        ) : (
          <>
            <span className={css['code']}>{row.message}</span>
            <div className={css['step']}>{stepOf(row)}</div>
            <div className={ui['meta']}>
              <span className={ui['mono']}>
                {row.reason === null ? row.code : `${row.code} · ${row.reason}`}
              </span>
            </div>
          </>
        ),
    },
    { head: 'Times', cell: ({ count }) => formatWhole(count), number: true },
    {
      head: 'Site',
      cell: (row) => siteOf(row)?.name ?? row.site_id ?? '–',
    },
  ];
  return (
    <Card
      title="Errors"
      lead="What kept visitors from a conversation, newest first; the same within a minute is one line."
      flush
    >
      <Loaded query={errors} what="the errors">
        {({ items, next_cursor }) => (
          <>
            {items.length === 0 ? (
              <Empty icon={<CircleCheck aria-hidden="true" />} title="No errors">
                Whatever OpenAI or a widget reports appears here, with what to do about it.
              </Empty>
            ) : (
              <Table
                caption="Errors, newest first"
                columns={columns}
                rows={items}
                keyOf={(row) => `${row.first_at}${row.site_id}${row.code}${row.reason}${row.origin}`}
              />
            )}
            <Pager cursors={cursors} next={next_cursor} onMove={setCursors} />
          </>
        )}
      </Loaded>
    </Card>
  );
};
