import { ChartColumn, Download } from 'lucide-react';
import { useState } from 'react';
import { type Usage, useRoute } from '../api/queries.ts';
import { useSession } from '../session.tsx';
import { useSiteNames } from '../sites/site-names.ts';
import { useAddress } from '../ui/address.ts';
import { Button } from '../ui/button.tsx';
import { counted, formatCents, formatDay, formatNumber, formatShortDay, formatWhole } from '../ui/format.ts';
import { saveFile } from '../ui/save-file.ts';
import { Segments } from '../ui/segments.tsx';
import { SkeletonCards, SkeletonTiles } from '../ui/skeletons.tsx';
import { Empty, FailureNote, Loaded, Note, Skeleton } from '../ui/states.tsx';
import { Card } from '../ui/surface.tsx';
import { type Column, Table } from '../ui/table.tsx';
import { Tile, Tiles } from '../ui/tiles.tsx';
import { useWorkspace } from '../workspace.tsx';
import { ChartFrame, StackedBars } from './lazy-charts.tsx';
import { RangeFields, useRange } from './range.tsx';

type Row = Usage['rows'][number];

const SPLITS = { none: 'Together', site_id: 'By site', model: 'By model', mode: 'By mode' } as const;
type Split = keyof typeof SPLITS;
const HEADS: Readonly<Record<Split, string>> = { none: '', site_id: 'Site', model: 'Model', mode: 'Mode' };
const GROUPS: Readonly<Record<Split, string>> = {
  none: 'day',
  site_id: 'day,site',
  model: 'day,model',
  mode: 'day,mode',
};
const MEASURES = { minutes: 'Minutes', sessions: 'Sessions', cost: 'Cost' } as const;
type Measure = keyof typeof MEASURES;

const keyIn = <Names extends object>(names: Names, asked: string): keyof Names | undefined =>
  Object.hasOwn(names, asked) ? (asked as keyof Names) : undefined;

const measured = (row: Row, measure: Measure): number =>
  measure === 'minutes' ? row.seconds / 60 : measure === 'sessions' ? row.sessions : row.cost_cents / 100;
const formatMeasure = (measure: Measure) => (value: number) =>
  measure === 'cost' ? formatCents(value * 100) : formatNumber(value);

const MODE_NAMES: Readonly<Record<string, string>> = { byok: 'Own key', managed: 'Managed' };

export const UsageOverview = () => {
  const { workspace_id } = useWorkspace();
  const { api } = useSession();
  const { range } = useRange();
  const { get, set } = useAddress();
  const split = keyIn(SPLITS, get('split')) ?? 'none';
  const measure = keyIn(MEASURES, get('show')) ?? 'minutes';
  const [exportFailure, setExportFailure] = useState<unknown>();
  const siteName = useSiteNames();
  const query = { ...range, group_by: GROUPS[split] };
  const usage = useRoute('readWorkspaceUsage', { path: { workspaceId: workspace_id }, query });

  const nameOf = (id: string): string => {
    if (split === 'site_id') return siteName(id);
    return MODE_NAMES[id] ?? id;
  };
  const groupOf = (row: Row): string => (split === 'none' ? 'all' : (row[split] ?? 'unknown'));
  const save = async (): Promise<void> => {
    setExportFailure(undefined);
    try {
      const { text } = await api.csv('readWorkspaceUsage', { path: { workspaceId: workspace_id }, query });
      saveFile(`usage-${range.from}-${range.to}.csv`, 'text/csv', text);
    } catch (failure) {
      setExportFailure(failure);
    }
  };

  return (
    <>
      <RangeFields />
      <Loaded query={usage} what="the usage" skeleton={<UsageSkeleton />}>
        {({ totals, rows }) => (
          <>
            <Totals totals={totals} />
            {totals.unpriced_sessions > 0 && (
              <Note
                tone="warn"
                title={`${counted(totals.unpriced_sessions, 'session')} ran on a model without a known price.`}
              >
                <p>Their cost is not included here. See your OpenAI bill.</p>
              </Note>
            )}
            {totals.flagged_sessions > 0 && (
              <Note
                tone="warn"
                title={`${counted(totals.flagged_sessions, 'session')} reported more usage than is possible.`}
              >
                <p>The excess is kept with the session, but it is not billed and not included here.</p>
              </Note>
            )}
            <Card
              title="By day"
              lead={`${formatDay(range.from)} to ${formatDay(range.to)}, days in UTC`}
              aside={
                <>
                  <Segments
                    label="What to show"
                    options={MEASURES}
                    value={measure}
                    onChange={(show) => set({ show })}
                  />
                  <Segments
                    label="Split"
                    options={SPLITS}
                    value={split}
                    onChange={(next) => set({ split: next })}
                  />
                </>
              }
            >
              {rows.length === 0 ? (
                <Empty icon={<ChartColumn aria-hidden="true" />} title="No sessions in this period">
                  When a visitor talks, minutes, sessions and cost appear here, by day. Try it under Test
                  voice.
                </Empty>
              ) : (
                <ChartFrame>
                  <StackedBars
                    label={`${MEASURES[measure]} by day`}
                    format={formatMeasure(measure)}
                    {...pointsOf(rows, range, groupOf, nameOf, measure)}
                  />
                </ChartFrame>
              )}
            </Card>
            {exportFailure !== undefined && <FailureNote failure={exportFailure} />}
            <Card
              title="As a table"
              aside={
                <Button onClick={() => void save()} disabled={rows.length === 0}>
                  <Download aria-hidden="true" />
                  Export CSV
                </Button>
              }
              flush
            >
              {rows.length === 0 ? (
                <Empty title="Nothing to list">Choose another period above.</Empty>
              ) : (
                <Table
                  caption="Usage by day"
                  columns={columnsFor(split, (row) => nameOf(groupOf(row)))}
                  rows={rows}
                  keyOf={(row) => `${row.day} ${groupOf(row)}`}
                />
              )}
            </Card>
          </>
        )}
      </Loaded>
    </>
  );
};

const UsageSkeleton = () => (
  <>
    <SkeletonTiles names={['Minutes', 'Sessions', 'Cost at OpenAI']} />
    <Skeleton height={260} />
    <SkeletonCards cards={1} />
  </>
);

const Totals = ({ totals }: { readonly totals: Usage['totals'] }) => (
  <Tiles>
    <Tile name="Minutes" figure={formatWhole(totals.minutes)}>
      connected time, rounded up once
    </Tile>
    <Tile name="Sessions" figure={formatWhole(totals.sessions)}>
      {totals.sessions === 0
        ? 'none yet'
        : `${formatNumber(totals.seconds / 60 / totals.sessions)} min on average`}
      {totals.incomplete_sessions > 0 && ` · ${formatWhole(totals.incomplete_sessions)} not fully watched`}
    </Tile>
    <Tile name="Cost at OpenAI" figure={formatCents(totals.cost_cents)}>
      {totals.estimated ? 'estimated from the price list' : 'as metered'}
    </Tile>
  </Tiles>
);

/** Every day of the range has a place, including days without sessions. */
const pointsOf = (
  rows: readonly Row[],
  range: { readonly from: string; readonly to: string },
  groupOf: (row: Row) => string,
  nameOf: (id: string) => string,
  measure: Measure,
) => {
  const groups = [...new Set(rows.map(groupOf))].sort();
  const days: string[] = [];
  for (let day = Date.parse(range.from); day <= Date.parse(range.to); day += 86_400_000)
    days.push(new Date(day).toISOString().slice(0, 10));
  return {
    series: groups.map((id) => ({ id, name: id === 'all' ? MEASURES[measure] : nameOf(id) })),
    points: days.map((day) => ({
      x: formatShortDay(day),
      ...Object.fromEntries(
        groups.map((group) => [
          group,
          rows
            .filter((row) => row.day === day && groupOf(row) === group)
            .reduce((sum, row) => sum + measured(row, measure), 0),
        ]),
      ),
    })),
  };
};

const columnsFor = (split: Split, groupName: (row: Row) => string): readonly Column<Row>[] => [
  { head: 'Day', cell: ({ day }) => (day === undefined ? '' : formatDay(day)), nowrap: true },
  ...(split === 'none' ? [] : [{ head: HEADS[split], cell: groupName }]),
  { head: 'Sessions', cell: ({ sessions }) => formatWhole(sessions), number: true },
  { head: 'Minutes', cell: ({ minutes }) => formatWhole(minutes), number: true },
  {
    head: 'Tokens in',
    cell: ({ tokens: t }) =>
      formatWhole(
        t.input_text +
          t.input_text_cached +
          t.input_audio +
          t.input_audio_cached +
          t.input_image +
          t.input_image_cached,
      ),
    number: true,
  },
  { head: 'Tokens out', cell: ({ tokens: t }) => formatWhole(t.output_text + t.output_audio), number: true },
  {
    head: 'Cost',
    cell: ({ cost_cents, estimated }) => `${estimated ? '≈ ' : ''}${formatCents(cost_cents)}`,
    number: true,
  },
];
