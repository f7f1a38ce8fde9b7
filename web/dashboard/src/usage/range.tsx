import { useSearchParams } from 'react-router';
import { FieldRow, SelectField, TextField } from '../ui/field.tsx';
import { isDay } from '../ui/format.ts';
import ui from '../ui/ui.module.css';

const DAY_MS = 86_400_000;

export interface Range {
  /** `YYYY-MM-DD`, both inclusive, days in UTC. */
  readonly from: string;
  readonly to: string;
}

const dayOf = (time: number): string => new Date(time).toISOString().slice(0, 10);

const PRESETS = {
  month: 'This month (UTC)',
  last: 'Last month (UTC)',
  '7': 'Last 7 days',
  '30': 'Last 30 days',
  custom: 'From … to …',
} as const;
type Preset = keyof typeof PRESETS;

export const presetRange = (preset: Exclude<Preset, 'custom'>, now: number): Range => {
  const today = dayOf(now);
  if (preset === 'month') return { from: `${today.slice(0, 7)}-01`, to: today };
  if (preset === 'last') {
    const lastDay = Date.parse(`${today.slice(0, 7)}-01T00:00:00Z`) - DAY_MS;
    return { from: `${dayOf(lastDay).slice(0, 7)}-01`, to: dayOf(lastDay) };
  }
  return { from: dayOf(now - (Number(preset) - 1) * DAY_MS), to: today };
};

/** The days that a page is about, kept in the address. */
export const useRange = (): {
  readonly range: Range;
  /** The text of the two fields. Empty while a day is being typed. */
  readonly typed: Range;
  readonly preset: Preset;
  readonly choose: (change: Readonly<Record<string, string>>) => void;
} => {
  const [search, setSearch] = useSearchParams();
  const asked = search.get('range') as Preset | null;
  const preset = asked !== null && Object.hasOwn(PRESETS, asked) ? asked : 'month';
  const now = Date.now();
  const month = presetRange('month', now);
  // A field that is being edited is empty for a moment.
  const dayIn = (name: keyof Range): string => {
    const day = search.get(name) ?? '';
    return isDay(day) ? day : month[name];
  };
  const range = preset === 'custom' ? { from: dayIn('from'), to: dayIn('to') } : presetRange(preset, now);
  const choose = (change: Readonly<Record<string, string>>): void =>
    setSearch(
      (current) => {
        for (const [name, value] of Object.entries(change)) current.set(name, value);
        // Other tabs read these two as well: only days that a person chose are kept.
        if (current.get('range') !== 'custom') for (const name of ['from', 'to']) current.delete(name);
        return current;
      },
      { replace: true },
    );
  const typed = { from: search.get('from') ?? range.from, to: search.get('to') ?? range.to };
  return { range, typed, preset, choose };
};

export const RangeFields = () => {
  const { range, typed, preset, choose } = useRange();
  return (
    <div className={preset === 'custom' ? undefined : ui['narrow']}>
      <FieldRow>
        <SelectField
          label="Period"
          value={preset}
          onChange={(event) => choose({ range: event.target.value, from: range.from, to: range.to })}
        >
          {Object.entries(PRESETS).map(([id, title]) => (
            <option key={id} value={id}>
              {title}
            </option>
          ))}
        </SelectField>
        {preset === 'custom' && (
          <>
            <TextField
              label="First day (UTC)"
              type="date"
              value={typed.from}
              max={range.to}
              onChange={(event) => choose({ from: event.target.value })}
            />
            <TextField
              label="Last day (UTC)"
              type="date"
              value={typed.to}
              min={range.from}
              onChange={(event) => choose({ to: event.target.value })}
            />
          </>
        )}
      </FieldRow>
    </div>
  );
};
