import type { DashboardBody, Widget, WidgetOf } from './dashboard-body.ts';
import { POINTS, sampleValues } from './sample-data.ts';

/** Pixels of one column and one row of CloudWatch's grid of 24 columns. */
const COLUMN = 58;
const ROW = 46;
const GAP = 6;
const COLORS = ['#1f77b4', '#ff7f0e', '#9467bd', '#8c564b', '#e377c2', '#17becf', '#bcbd22', '#7f7f7f'];
const LEGEND_LINE = 13;
const LETTER = 6;

const escaped = (text: string): string => text.replace(/[&<>"]/g, (found) => `&#${found.codePointAt(0)};`);
const round = (value: number): number => Math.round(value * 10) / 10;

interface Box {
  readonly left: number;
  readonly top: number;
  readonly width: number;
  readonly height: number;
}

const text = (x: number, y: number, content: string, attributes = ''): string =>
  `<text x="${round(x)}" y="${round(y)}" ${attributes}>${escaped(content)}</text>`;

/** The dashboard as CloudWatch would draw it, with sample data. The same definition gives the same picture. */
export const renderDashboard = ({ widgets }: DashboardBody): string => {
  const height = Math.max(...widgets.map(({ y, height: rows }) => y + rows)) * ROW;
  const width = 24 * COLUMN;
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height + 24}" font-family="Helvetica, Arial, sans-serif" font-size="10" fill="#16191f">
<title>The dashboard with sample data</title>
<rect width="${width}" height="${height + 24}" fill="#f2f3f3"/>
${widgets.map(renderWidget).join('\n')}
${text(GAP, height + 15, 'Drawn from the synthesized definition of the dashboard. The numbers are made up.', 'fill="#687078"')}
</svg>
`;
};

const renderWidget = (widget: Widget): string => {
  const box = {
    left: widget.x * COLUMN + GAP / 2,
    top: widget.y * ROW + GAP / 2,
    width: widget.width * COLUMN - GAP,
    height: widget.height * ROW - GAP,
  };
  const frame = `<rect x="${box.left}" y="${box.top}" width="${box.width}" height="${box.height}" rx="3" fill="#fff" stroke="#d5dbdb"/>`;
  return `<g>${frame}${contentOf(widget, box)}</g>`;
};

const contentOf = (widget: Widget, box: Box): string => {
  switch (widget.type) {
    case 'text':
      return markdown(widget, box);
    case 'alarm':
      return alarms(widget, box);
    case 'metric':
      return graph(widget, box);
    case 'log':
      return logTable(widget, box);
  }
};

const titleOf = ({ left, top }: Box, title: string): string =>
  text(left + 10, top + 17, title, 'font-size="12" font-weight="bold"');

const markdown = ({ properties }: WidgetOf<'text'>, box: Box): string => {
  const letters = Math.floor((box.width - 20) / LETTER);
  const lines = properties.markdown.split('\n').flatMap((line) => {
    const heading = line.startsWith('# ');
    return wrapped(line.replace(/^# /, ''), heading ? letters / 1.8 : letters).map((part) => ({
      part,
      heading,
    }));
  });
  return lines
    .map(({ part, heading }, i) =>
      text(
        box.left + 10,
        box.top + 24 + i * 18,
        part,
        heading ? 'font-size="17" font-weight="bold"' : 'font-size="11"',
      ),
    )
    .join('');
};

const wrapped = (line: string, letters: number): readonly string[] => {
  const parts: string[] = [];
  for (const word of line.split(' ')) {
    const last = parts.at(-1);
    if (last !== undefined && last.length + word.length < letters)
      parts[parts.length - 1] = `${last} ${word}`;
    else parts.push(word);
  }
  return parts;
};

const alarms = ({ properties }: WidgetOf<'alarm'>, box: Box): string => {
  const columns = 4;
  const width = (box.width - 20) / columns;
  const rows = Math.ceil(properties.alarms.length / columns);
  const step = Math.min(22, (box.height - 28) / rows);
  return (
    titleOf(box, properties.title) +
    properties.alarms
      .map((alarm, i) => {
        const x = box.left + 10 + (i % columns) * width;
        const y = box.top + 26 + Math.floor(i / columns) * step;
        const name = alarm.slice(0, Math.floor((width - 26) / (LETTER * 0.86)));
        return `<rect x="${round(x)}" y="${round(y)}" width="${round(width - 6)}" height="${round(step - 4)}" rx="2" fill="#e9f6e9" stroke="#2ca02c"/>${text(x + 6, y + step / 2 + 1.5, name, 'font-size="8.5"')}`;
      })
      .join('')
  );
};

interface Line {
  readonly label: string;
  readonly color: string;
  readonly values: readonly number[];
}

const graph = ({ properties }: WidgetOf<'metric'>, box: Box): string => {
  const { title, stacked = false, metrics, yAxis } = properties;
  const lines: readonly Line[] = metrics
    .filter(({ visible }) => visible !== false)
    .map(({ label, color }, i) => ({
      label,
      color: color ?? COLORS[i % COLORS.length] ?? '#000',
      values: sampleValues(title, label),
    }));
  const legend = legendOf(lines, box);
  const area: Box = {
    left: box.left + 38,
    top: box.top + 40,
    width: box.width - 50,
    height: box.height - 52 - legend.height,
  };
  const stack = stacked ? stackedUp(lines) : lines.map(({ values }) => values);
  const top = niceTop(Math.max(1, ...stack.flat()));
  const point = (value: number, i: number): string =>
    `${round(area.left + (i * area.width) / (POINTS - 1))},${round(area.top + area.height * (1 - value / top))}`;
  const drawn = lines.map(({ color }, i) => {
    const points = (stack[i] ?? []).map(point).join(' ');
    const below = stacked ? (stack[i - 1] ?? Array.from({ length: POINTS }, () => 0)) : undefined;
    return below === undefined
      ? `<polyline points="${points}" fill="none" stroke="${color}" stroke-width="1.4"/>`
      : `<polygon points="${points} ${below.map(point).reverse().join(' ')}" fill="${color}" fill-opacity="0.55" stroke="${color}" stroke-width="0.6"/>`;
  });
  return `${titleOf(box, title)}${text(box.left + 10, box.top + 32, yAxis.left.label, 'fill="#687078"')}${gridOf(area, top)}${drawn.join('')}${legend.drawn}`;
};

const stackedUp = (lines: readonly Line[]): readonly (readonly number[])[] => {
  const sums: number[][] = [];
  for (const { values } of lines) {
    const below = sums.at(-1);
    sums.push(values.map((value, i) => value + (below?.[i] ?? 0)));
  }
  return sums;
};

/** 1, 2 or 5 times a power of ten. */
const niceTop = (max: number): number => {
  const power = 10 ** Math.floor(Math.log10(max));
  return power * ([1, 2, 5, 10].find((step) => max <= step * power) ?? 10);
};

const short = (value: number): string => (value >= 1_000 ? `${round(value / 1_000)}k` : String(round(value)));

const gridOf = ({ left, top, width, height }: Box, max: number): string =>
  [0, 0.5, 1]
    .map((share) => {
      const y = round(top + height * (1 - share));
      return `<line x1="${left}" y1="${y}" x2="${left + width}" y2="${y}" stroke="#eaeded"/>${text(left - 5, y + 3, short(max * share), 'text-anchor="end" fill="#687078"')}`;
    })
    .join('') +
  ['-3 h', '-2 h', '-1 h', 'now']
    .map((label, i) =>
      text(
        left + (i * width) / 3,
        top + height + 12,
        label,
        `text-anchor="${i === 3 ? 'end' : 'start'}" fill="#687078"`,
      ),
    )
    .join('');

const legendOf = (lines: readonly Line[], box: Box): { readonly drawn: string; readonly height: number } => {
  const places: { readonly line: Line; readonly x: number; readonly row: number }[] = [];
  let x = 0;
  let row = 0;
  for (const line of lines) {
    const width = line.label.length * LETTER + 24;
    if (x > 0 && x + width > box.width - 20) {
      x = 0;
      row += 1;
    }
    places.push({ line, x, row });
    x += width;
  }
  const height = (row + 1) * LEGEND_LINE + 6;
  const top = box.top + box.height - height + 8;
  const drawn = places
    .map(({ line, x: left, row: at }) => {
      const y = top + at * LEGEND_LINE;
      return `<rect x="${round(box.left + 10 + left)}" y="${round(y - 6)}" width="8" height="8" fill="${line.color}"/>${text(box.left + 22 + left, y + 1.5, line.label)}`;
    })
    .join('');
  return { drawn, height };
};

const SAMPLE_ROWS = [
  ['token', 'dependency unavailable', 'dynamodb', 'TransactWriteItems', 'ThrottlingException', '3'],
  ['projector', 'audit record failed', '', '', 'ConflictError', '1'],
];
const LOG_COLUMNS = ['service', 'message', 'dependency', 'operation', 'error_name', 'failures'];

const logTable = ({ properties }: WidgetOf<'log'>, box: Box): string => {
  const width = (box.width - 20) / LOG_COLUMNS.length;
  const rowAt = (cells: readonly string[], i: number, attributes = ''): string =>
    cells
      .map((cell, column) => text(box.left + 10 + column * width, box.top + 40 + i * 20, cell, attributes))
      .join('');
  return (
    titleOf(box, properties.title) +
    rowAt(LOG_COLUMNS, 0, 'font-weight="bold" fill="#687078"') +
    SAMPLE_ROWS.map((cells, i) => rowAt(cells, i + 1)).join('')
  );
};
