import { Check, X } from 'lucide-react';
import { useState } from 'react';
import { type AuditRow, useSearch, useSites } from '../api/queries.ts';
import type { DataOf, QueryOf } from '../api/routes.ts';
import { useAddress, usePages } from '../ui/address.ts';
import { Button } from '../ui/button.tsx';
import { Dialog } from '../ui/dialog.tsx';
import { ExportButtons } from '../ui/export-buttons.tsx';
import { FieldRow, SelectField, TextField } from '../ui/field.tsx';
import { formatCode, formatExactTime, timeZone } from '../ui/format.ts';
import { Pager, SearchedSoFar } from '../ui/pager.tsx';
import { Empty, Loaded } from '../ui/states.tsx';
import { Card, Facts } from '../ui/surface.tsx';
import { type Column, Table } from '../ui/table.tsx';
import ui from '../ui/ui.module.css';
import { useWorkspace } from '../workspace.tsx';
import css from './audit.module.css';
import { AUDIT_TYPES, actorOf, sentenceOf } from './sentences.ts';

interface Filter {
  readonly type: string;
  readonly actor: string;
  readonly site_id: string;
  readonly from: string;
  readonly to: string;
}
const EVERYTHING: Filter = { type: '', actor: '', site_id: '', from: '', to: '' };

/** Days of the person's own zone, as the moments that the API asks for; `to` is the end of its day. */
const queryOf = ({ type, actor, site_id, from, to }: Filter): NonNullable<QueryOf<'listAudit'>> => ({
  ...(type !== '' && { type }),
  ...(actor.trim() !== '' && { actor: actor.trim() }),
  ...(site_id !== '' && { site_id }),
  ...(from !== '' && { from: new Date(`${from}T00:00`).toISOString() }),
  ...(to !== '' && {
    to: new Date(Date.parse(new Date(`${to}T00:00`).toISOString()) + 86_400_000).toISOString(),
  }),
});

export const TrailCard = ({ verdict }: { readonly verdict: DataOf<'verifyAudit'> | undefined }) => {
  const { workspace_id } = useWorkspace();
  const sites = useSites(workspace_id);
  const { get } = useAddress();
  const { cursors, move } = usePages('rows');
  const filter: Filter = {
    type: get('type'),
    actor: get('actor'),
    site_id: get('site'),
    from: get('from'),
    to: get('to'),
  };
  const isFiltered = Object.values(filter).some((value) => value !== '');
  const [open, setOpen] = useState<AuditRow>();
  const cursor = cursors.at(-1);
  const rows = useSearch('listAudit', {
    path: { workspaceId: workspace_id },
    query: { limit: 25, ...queryOf(filter), ...(cursor !== undefined && { cursor }) },
  });
  const set = (change: Partial<Filter>): void => {
    const { site_id: site, ...others } = { ...filter, ...change };
    move([], { ...others, site });
  };
  const columns: readonly Column<AuditRow>[] = [
    {
      head: 'Row',
      cell: ({ sequence }) => (
        <span className={css['sequence']}>
          {sequence}
          {verdict !== undefined && <Mark verdict={verdict} sequence={sequence} />}
        </span>
      ),
    },
    { head: 'When', cell: ({ at }) => formatExactTime(at), nowrap: true },
    {
      head: 'What',
      cell: (row) => (
        <>
          <span className={css['what']}>{sentenceOf(row.type)}</span>
          <div className={ui['meta']}>
            <span className={ui['mono']}>{row.type}</span>
          </div>
        </>
      ),
    },
    { head: 'Who', cell: actorOf },
    {
      head: 'Site',
      cell: ({ site_id }) =>
        site_id === null ? '–' : (sites.data?.find((site) => site.site_id === site_id)?.name ?? site_id),
    },
    {
      head: 'Details',
      cell: (row) => (
        <Button small aria-label={`Details of row ${row.sequence}`} onClick={() => setOpen(row)}>
          Details
        </Button>
      ),
    },
  ];
  return (
    <Card
      title="Trail"
      lead="Every use of a key and every change, newest first."
      aside={
        <ExportButtons
          list="audit"
          id="listAudit"
          path={{ workspaceId: workspace_id }}
          query={queryOf(filter)}
        />
      }
      flush
    >
      <div className={css['filter']}>
        <FieldRow>
          <SelectField
            label="What"
            value={filter.type}
            onChange={(event) => set({ type: event.target.value })}
          >
            <option value="">Everything</option>
            {AUDIT_TYPES.map((type) => (
              <option key={type} value={type}>
                {sentenceOf(type)}
              </option>
            ))}
          </SelectField>
          <SelectField
            label="Site"
            value={filter.site_id}
            onChange={(event) => set({ site_id: event.target.value })}
          >
            <option value="">All sites</option>
            {sites.data?.map(({ site_id, name }) => (
              <option key={site_id} value={site_id}>
                {name}
              </option>
            ))}
          </SelectField>
          <TextField
            label="Who"
            value={filter.actor}
            placeholder="sub, or visitor"
            onChange={(event) => set({ actor: event.target.value })}
          />
          <TextField
            label={`From (${timeZone})`}
            type="date"
            value={filter.from}
            onChange={(event) => set({ from: event.target.value })}
          />
          <TextField
            label={`To (${timeZone})`}
            type="date"
            value={filter.to}
            onChange={(event) => set({ to: event.target.value })}
          />
        </FieldRow>
      </div>
      <Loaded query={rows} what="the trail" lines={5}>
        {({ items, next_cursor, searched_to }) => (
          <>
            {items.length === 0 && next_cursor !== null ? (
              <SearchedSoFar searchedTo={searched_to} onFurther={() => move([...cursors, next_cursor])} />
            ) : items.length === 0 ? (
              <Empty
                title={isFiltered ? 'Nothing matches' : 'Nothing yet'}
                action={
                  isFiltered && (
                    <Button small onClick={() => set(EVERYTHING)}>
                      Show everything
                    </Button>
                  )
                }
              >
                {isFiltered
                  ? 'Every row of the trail was searched.'
                  : 'Rows appear here some seconds after something happens.'}
              </Empty>
            ) : (
              <Table
                caption="Audit trail"
                columns={columns}
                rows={items}
                keyOf={({ sequence }) => String(sequence)}
              />
            )}
            <Pager cursors={cursors} next={next_cursor} onMove={move} />
          </>
        )}
      </Loaded>
      {open !== undefined && <RowDialog row={open} onClose={() => setOpen(undefined)} />}
    </Card>
  );
};

const Mark = ({
  verdict,
  sequence,
}: {
  readonly verdict: DataOf<'verifyAudit'>;
  readonly sequence: number;
}) =>
  sequence > verdict.head.sequence && verdict.intact ? null : sequence <= verdict.rows ? (
    <Check className={css['sound']} role="img" aria-label="as it was written" />
  ) : (
    <X className={css['broken']} role="img" aria-label="not as it was written, or behind such a row" />
  );

const RowDialog = ({ row, onClose }: { readonly row: AuditRow; readonly onClose: () => void }) => (
  <Dialog
    title={`Row ${row.sequence}: ${sentenceOf(row.type)}`}
    wide
    onClose={onClose}
    foot={<Button onClick={onClose}>Close</Button>}
  >
    <Facts
      items={[
        ['When', formatExactTime(row.at)],
        ['Who', actorOf(row)],
        ['Site', row.site_id ?? '–'],
        ['Session', row.session_id ?? '–'],
        ['Address, as a keyed hash', row.ip_hash ?? '–'],
        ['Event', row.event_id],
        ...Object.entries(row.facts).map(([name, value]) => [formatCode(name), String(value)] as const),
      ]}
    />
    <Facts
      items={[
        [
          'Hash of the row before',
          <span key="before" className={ui['mono']}>
            {row.previous_hash}
          </span>,
        ],
        [
          'Hash of this row',
          <span key="own" className={ui['mono']}>
            {row.hash}
          </span>,
        ],
      ]}
    />
  </Dialog>
);
