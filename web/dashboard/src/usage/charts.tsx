import {
  Area,
  AreaChart,
  Bar,
  BarChart,
  CartesianGrid,
  Line,
  LineChart,
  ReferenceDot,
  ResponsiveContainer,
  Tooltip,
  XAxis,
  YAxis,
} from 'recharts';
import { seriesTotals } from './chart-totals.ts';
import css from './charts.module.css';

/** The only file that imports the chart library; pages load it when they first draw. Each chart has a table next to it. */

const COLORS = [1, 2, 3, 4, 5, 6].map((series) => `var(--series-${series})`);
const colorOf = (index: number): string => COLORS[index % COLORS.length] ?? 'var(--series-1)';

const AXIS = {
  stroke: 'var(--line)',
  tick: { fill: 'var(--muted)', fontSize: 12 },
  tickLine: false,
} as const;
const TOOLTIP = {
  contentStyle: {
    background: 'var(--surface)',
    border: '1px solid var(--line)',
    borderRadius: 10,
    boxShadow: 'var(--shadow-l)',
    fontSize: 13,
  },
  labelStyle: { color: 'var(--text)', fontWeight: 600 },
  itemStyle: { color: 'var(--text)' },
  cursor: { fill: 'var(--hover)', stroke: 'var(--line-strong)' },
  isAnimationActive: false,
} as const;
const MARGIN = { top: 8, right: 8, bottom: 0, left: 0 };
const HEIGHT = 260;

export interface Series {
  readonly id: string;
  readonly name: string;
}
export type Point = Readonly<Record<string, string | number>>;

const Legend = ({ series }: { readonly series: readonly Series[] }) =>
  series.length < 2 ? null : (
    <ul className={css['legend']}>
      {series.map(({ id, name }, index) => (
        <li key={id}>
          <span style={{ background: colorOf(index) }} aria-hidden="true" />
          {name}
        </li>
      ))}
    </ul>
  );

/** Each series with its total, and where there are several, the total of all. */
const Totals = ({
  points,
  series,
  format,
}: {
  readonly points: readonly Point[];
  readonly series: readonly Series[];
  readonly format: (value: number) => string;
}) => {
  const totals = seriesTotals(points, series);
  return (
    <ul className={css['legend']} aria-label="Totals">
      {series.map(({ id, name }, index) => (
        <li key={id}>
          <span style={{ background: colorOf(index) }} aria-hidden="true" />
          {name}: {format(totals[index] ?? 0)}
        </li>
      ))}
      {series.length > 1 && <li>In total: {format(totals.reduce((sum, total) => sum + total, 0))}</li>}
    </ul>
  );
};

export const StackedBars = ({
  label,
  points,
  series,
  format,
}: {
  readonly label: string;
  readonly points: readonly Point[];
  readonly series: readonly Series[];
  readonly format: (value: number) => string;
}) => (
  <figure aria-label={label}>
    <Totals points={points} series={series} format={format} />
    <ResponsiveContainer width="100%" height={HEIGHT}>
      <BarChart data={[...points]} margin={MARGIN} accessibilityLayer={false}>
        <CartesianGrid vertical={false} stroke="var(--line)" />
        <XAxis dataKey="x" {...AXIS} minTickGap={24} />
        <YAxis {...AXIS} width={64} tickFormatter={format} axisLine={false} />
        <Tooltip {...TOOLTIP} formatter={(value) => format(Number(value))} />
        {series.map(({ id, name }, index) => (
          <Bar
            key={id}
            dataKey={id}
            name={name}
            stackId="all"
            fill={colorOf(index)}
            maxBarSize={36}
            isAnimationActive={false}
          />
        ))}
      </BarChart>
    </ResponsiveContainer>
  </figure>
);

export const Steps = ({
  label,
  points,
  format,
}: {
  readonly label: string;
  readonly points: readonly { readonly at: number; readonly value: number }[];
  readonly format: (time: number) => string;
}) => (
  <figure aria-label={label}>
    <ResponsiveContainer width="100%" height={HEIGHT}>
      <AreaChart data={[...points]} margin={MARGIN} accessibilityLayer={false}>
        <CartesianGrid vertical={false} stroke="var(--line)" />
        <XAxis
          dataKey="at"
          type="number"
          scale="time"
          domain={['dataMin', 'dataMax']}
          {...AXIS}
          tickFormatter={format}
          minTickGap={40}
        />
        <YAxis {...AXIS} width={40} allowDecimals={false} axisLine={false} />
        <Tooltip {...TOOLTIP} labelFormatter={(time) => format(Number(time))} />
        <Area
          type="stepAfter"
          dataKey="value"
          name="Sessions at a time"
          stroke={colorOf(0)}
          fill="var(--accent-weak)"
          strokeWidth={2}
          isAnimationActive={false}
        />
      </AreaChart>
    </ResponsiveContainer>
  </figure>
);

export const Curves = ({
  label,
  points,
  series,
  xName,
  format,
  mark,
}: {
  readonly label: string;
  readonly points: readonly Point[];
  readonly series: readonly Series[];
  readonly xName: (x: number) => string;
  readonly format: (value: number) => string;
  readonly mark?: { readonly x: number; readonly y: number } | undefined;
}) => (
  <figure aria-label={label}>
    <Legend series={series} />
    <ResponsiveContainer width="100%" height={HEIGHT + 40}>
      <LineChart data={[...points]} margin={MARGIN} accessibilityLayer={false}>
        <CartesianGrid vertical={false} stroke="var(--line)" />
        <XAxis
          dataKey="x"
          type="number"
          domain={['dataMin', 'dataMax']}
          {...AXIS}
          tickFormatter={xName}
          minTickGap={40}
        />
        <YAxis {...AXIS} width={72} tickFormatter={format} axisLine={false} />
        <Tooltip
          {...TOOLTIP}
          labelFormatter={(x) => xName(Number(x))}
          formatter={(value) => format(Number(value))}
        />
        {series.map(({ id, name }, index) => (
          <Line
            key={id}
            dataKey={id}
            name={name}
            stroke={colorOf(index)}
            strokeWidth={index === 0 ? 2.5 : 2}
            {...(index > 0 && { strokeDasharray: index === 1 ? '6 4' : index === 2 ? '2 3' : '10 4 2 4' })}
            dot={false}
            connectNulls={false}
            isAnimationActive={false}
          />
        ))}
        {mark !== undefined && (
          <ReferenceDot
            x={mark.x}
            y={mark.y}
            r={5}
            fill={colorOf(0)}
            stroke="var(--surface)"
            strokeWidth={2}
          />
        )}
      </LineChart>
    </ResponsiveContainer>
  </figure>
);
