import { Radar } from 'lucide-react';
import { Link } from 'react-router';
import { type AuditRow, useSearch } from '../api/queries.ts';
import { useSiteNames } from '../sites/site-names.ts';
import { usePages } from '../ui/address.ts';
import { formatTime } from '../ui/format.ts';
import { FailedPage, Pager, SearchedSoFar } from '../ui/pager.tsx';
import { SkeletonRows } from '../ui/skeletons.tsx';
import { Empty, Loaded } from '../ui/states.tsx';
import { Badge, Card } from '../ui/surface.tsx';
import { type Column, Table } from '../ui/table.tsx';
import ui from '../ui/ui.module.css';
import { useWorkspace } from '../workspace.tsx';
import { anomalySentence } from './anomaly-sentences.ts';

const RESPONSES: Readonly<Record<string, string>> = {
  notify: 'listed here',
  rotate: 'key re-encrypted',
  suspend: 'key suspended',
};

const factOf = (row: AuditRow, name: string): string => {
  const value = row.facts[name];
  return typeof value === 'number'
    ? value.toLocaleString(undefined, { maximumFractionDigits: 1 })
    : String(value ?? '–');
};

/** The detector's findings, and its responses. */
export const AnomaliesCard = () => {
  const { workspace_id } = useWorkspace();
  const nameOf = useSiteNames();
  const { cursors, move } = usePages('anomalies');
  const cursor = cursors.at(-1);
  const found = useSearch('listAudit', {
    path: { workspaceId: workspace_id },
    query: { limit: 25, type: 'anomaly.detected', ...(cursor !== undefined && { cursor }) },
  });
  const columns: readonly Column<AuditRow>[] = [
    { head: 'When', cell: ({ at }) => formatTime(at), nowrap: true },
    {
      head: 'What was unusual',
      cell: (row) => (
        <>
          {anomalySentence(row)}
          <div className={ui['meta']}>
            {factOf(row, 'observed')} counted, about {factOf(row, 'expected')} usual, threshold{' '}
            {factOf(row, 'threshold')}
          </div>
        </>
      ),
    },
    {
      head: 'Action',
      cell: (row) => {
        const response = String(row.facts['response'] ?? 'notify');
        return (
          <Badge tone={response === 'suspend' ? 'bad' : 'warn'}>{RESPONSES[response] ?? response}</Badge>
        );
      },
    },
    {
      head: 'Site',
      cell: ({ site_id }) => (site_id === null ? '–' : nameOf(site_id)),
    },
  ];
  return (
    <Card title="Unusual use" lead="The detector compares each key with its own past." flush>
      <Loaded query={found} what="what was found" skeleton={<SkeletonRows />}>
        {({ items, next_cursor, searched_to }) => (
          <>
            {items.length === 0 && next_cursor !== null ? (
              <SearchedSoFar searchedTo={searched_to} onFurther={() => move([...cursors, next_cursor])} />
            ) : items.length === 0 && cursor !== undefined ? (
              <Empty icon={<Radar aria-hidden="true" />} title="No more unusual use">
                The newer findings are on the pages before this one.
              </Empty>
            ) : items.length === 0 ? (
              <Empty icon={<Radar aria-hidden="true" />} title="Nothing unusual so far">
                Bursts, runs of refusals, new origins and addresses, and jumps in cost are listed here. What
                is then done is <Link to="../settings">a setting of the workspace</Link>.
              </Empty>
            ) : (
              <Table
                caption="Unusual use"
                columns={columns}
                rows={items}
                keyOf={({ sequence }) => String(sequence)}
              />
            )}
            <Pager cursors={cursors} next={next_cursor} onMove={move} />
          </>
        )}
      </Loaded>
      <FailedPage query={found} cursors={cursors} onMove={move} />
    </Card>
  );
};
