import { Check, X } from 'lucide-react';
import { useId, useState } from 'react';
import { type AuditRow, type Member, useMembers, useSearch } from '../api/queries.ts';
import type { DataOf, QueryOf } from '../api/routes.ts';
import { actorIn, machineName } from '../members/actor-names.ts';
import { personName } from '../members/words.ts';
import { SiteFilter } from '../sites/site-filter.tsx';
import { useSiteNames } from '../sites/site-names.ts';
import { useAddress, usePages } from '../ui/address.ts';
import { Button } from '../ui/button.tsx';
import { ExportButtons } from '../ui/export-buttons.tsx';
import { FieldRow, SelectField, TextField } from '../ui/field.tsx';
import { formatExactTime, isDay, timeZone } from '../ui/format.ts';
import { FailedPage, Pager, SearchedSoFar } from '../ui/pager.tsx';
import { Empty, Loaded, Note } from '../ui/states.tsx';
import { Card } from '../ui/surface.tsx';
import { type Column, Table } from '../ui/table.tsx';
import ui from '../ui/ui.module.css';
import { useWorkspace } from '../workspace.tsx';
import css from './audit.module.css';
import { ActorOf, RowDialog } from './row-dialog.tsx';
import { AUDIT_TYPES, sentenceOf } from './sentences.ts';

interface Filter {
  readonly type: string;
  readonly actor: string;
  readonly site_id: string;
  readonly from: string;
  readonly to: string;
}
const EVERYTHING: Filter = { type: '', actor: '', site_id: '', from: '', to: '' };

/** The moment at which a day of the person's own zone begins, or the day after it. A day may have 23 or 25 hours. */
const beginningOf = (day: string, daysLater = 0): string => {
  const date = new Date(`${day}T00:00`);
  date.setDate(date.getDate() + daysLater);
  return date.toISOString();
};

/** Days of the person's own zone, as the moments that the API asks for; `to` is the end of its day. */
const queryOf = (
  { type, actor: text, site_id, from, to }: Filter,
  members: readonly Member[],
): NonNullable<QueryOf<'listAudit'>> => {
  const { actor } = actorIn(text, members);
  return {
    ...(type !== '' && { type }),
    ...(actor !== '' && { actor }),
    ...(site_id !== '' && { site_id }),
    ...(isDay(from) && { from: beginningOf(from) }),
    ...(isDay(to) && { to: beginningOf(to, 1) }),
  };
};

export const TrailCard = ({ verdict }: { readonly verdict: DataOf<'verifyAudit'> | undefined }) => {
  const { workspace_id } = useWorkspace();
  const nameOf = useSiteNames();
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
  const names = useId();
  const [open, setOpen] = useState<AuditRow>();
  const cursor = cursors.at(-1);
  const members = useMembers(workspace_id);
  const people = members.data ?? [];
  const query = queryOf(filter, people);
  const { isAmbiguous } = actorIn(filter.actor, people);
  /** A name is not told from an ID. */
  const isUnnamed = members.isLoadingError && filter.actor !== '' && machineName(filter.actor) === undefined;
  const rows = useSearch(
    'listAudit',
    {
      path: { workspaceId: workspace_id },
      query: { limit: 25, ...query, ...(cursor !== undefined && { cursor }) },
    },
    // Until the members are there, a name cannot be told from an ID, and would match nothing.
    { enabled: filter.actor === '' || !members.isPending },
  );
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
    { head: 'Who', cell: (row) => <ActorOf row={row} /> },
    {
      head: 'Site',
      cell: ({ site_id }) => (site_id === null ? '–' : nameOf(site_id)),
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
      aside={<ExportButtons list="audit" id="listAudit" path={{ workspaceId: workspace_id }} query={query} />}
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
          <SiteFilter value={filter.site_id} onChange={(site_id) => set({ site_id })} />
          <TextField
            label="Who"
            value={filter.actor}
            placeholder="name, email, ID or visitor"
            list={names}
            fault={
              isAmbiguous
                ? 'More than one member has this name. Enter the email address or the ID.'
                : undefined
            }
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
      <datalist id={names}>
        <option value="visitor" />
        {people.map((member) => (
          <option key={member.sub} value={member.email ?? personName(member)}>
            {personName(member)}
          </option>
        ))}
      </datalist>
      {isUnnamed && (
        <div className={css['filter']}>
          <Note tone="warn" live title="The names of the members could not be loaded.">
            <p>Until then, “Who” finds IDs only.</p>
            <div>
              <Button small onClick={() => void members.refetch()}>
                Try again
              </Button>
            </div>
          </Note>
        </div>
      )}
      <Loaded query={rows} what="the trail" lines={5}>
        {({ items, next_cursor, searched_to }) => (
          <>
            {items.length === 0 && next_cursor !== null ? (
              <SearchedSoFar searchedTo={searched_to} onFurther={() => move([...cursors, next_cursor])} />
            ) : items.length === 0 ? (
              <Empty
                title={cursor !== undefined ? 'No more rows' : isFiltered ? 'Nothing matches' : 'Nothing yet'}
                action={
                  isFiltered && (
                    <Button small onClick={() => set(EVERYTHING)}>
                      Show everything
                    </Button>
                  )
                }
              >
                {isUnnamed
                  ? 'No row has this text as the ID of its actor. Names were not searched.'
                  : isFiltered || cursor !== undefined
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
      <FailedPage query={rows} cursors={cursors} onMove={move} />
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
