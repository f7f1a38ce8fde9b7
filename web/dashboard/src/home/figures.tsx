import { Link } from 'react-router';
import type { LiveSession, Usage } from '../api/queries.ts';
import type { DataOf } from '../api/routes.ts';
import { useLive } from '../calls/live-calls.ts';
import { counted, formatCents, formatDay, formatTime, formatWhole } from '../ui/format.ts';
import { SkeletonTiles } from '../ui/skeletons.tsx';
import { Loaded } from '../ui/states.tsx';
import { Tile, Tiles } from '../ui/tiles.tsx';

/** `2 calls, 1 token session · ≈ $0.12 so far`, and how much of their cost is unknown. */
export const liveInWords = (items: readonly LiveSession[]): string => {
  const calls = items.filter(({ opened_with }) => opened_with === 'call').length;
  const known = items.flatMap(({ cost_cents }) => cost_cents ?? []);
  const cost = known.reduce((sum, cents) => sum + cents, 0);
  const unknown = items.length - known.length;
  return [
    calls > 0 && counted(calls, 'call'),
    calls < items.length && `${counted(items.length - calls, 'token session')}`,
    known.length > 0 && `≈ ${formatCents(cost)} so far`,
    unknown > 0 && `cost of ${formatWhole(unknown)} not known yet`,
  ]
    .filter((part) => part !== false)
    .join(' · ');
};

/** The sessions that run now. */
export const LiveFigure = () => {
  const live = useLive();
  return (
    <Loaded query={live} what="the live sessions" skeleton={<SkeletonTiles names={['Live now']} />}>
      {({ at, items }) => (
        <Tiles>
          <Tile name={<Link to="../usage?tab=live">Live now</Link>} figure={formatWhole(items.length)}>
            {items.length === 0 ? `Nobody is talking, ${formatTime(at)}` : liveInWords(items)}
          </Tile>
        </Tiles>
      )}
    </Loaded>
  );
};

type Sum = Pick<Usage['totals'], 'sessions' | 'cost_cents' | 'estimated' | 'unpriced_sessions'>;
const NOTHING: Sum = { sessions: 0, cost_cents: 0, estimated: false, unpriced_sessions: 0 };

/** The sums of today, a day of UTC. */
export const todayOf = ({ at, month }: Pick<DataOf<'readOverview'>, 'at' | 'month'>): Sum =>
  month.rows.find(({ day }) => day === at.slice(0, 10)) ?? NOTHING;

const Spent = ({
  name,
  sum,
  since,
}: {
  readonly name: string;
  readonly sum: Sum;
  readonly since: string;
}) => (
  <Tile
    name={<Link to="../usage">{name}</Link>}
    figure={`${sum.estimated ? '≈ ' : ''}${formatCents(sum.cost_cents)}`}
  >
    {counted(sum.sessions, 'session')} · {since}
    {sum.unpriced_sessions > 0 &&
      ` · without the cost of ${counted(sum.unpriced_sessions, 'session')} (no known price)`}
  </Tile>
);

/** Spending today and this month, at OpenAI’s list prices. */
export const SpendingFigures = ({ overview }: { readonly overview: DataOf<'readOverview'> }) => (
  <Tiles>
    <Spent name="Today" sum={todayOf(overview)} since={`${formatDay(overview.at.slice(0, 10))}, UTC`} />
    <Spent
      name="This month"
      sum={overview.month.totals}
      since={`since ${formatDay(overview.month.from)}, UTC`}
    />
  </Tiles>
);
