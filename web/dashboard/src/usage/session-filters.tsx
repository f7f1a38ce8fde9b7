import { useState } from 'react';
import type { QueryOf } from '../api/routes.ts';
import { SiteFilter } from '../sites/site-filter.tsx';
import { useAddress } from '../ui/address.ts';
import { Button } from '../ui/button.tsx';
import { FieldRow, SelectField, TextField } from '../ui/field.tsx';
import { formatCode, isDay } from '../ui/format.ts';
import { isPageSort, PAGE_SORTS } from './sort-page.ts';
import css from './usage.module.css';

const STATES = ['live', 'ended', 'issued', 'refused', 'reserved', 'used'] as const;
const END_REASONS = [
  'hung_up',
  'idle',
  'max_duration',
  'page_closed',
  'connection_lost',
  'failed',
  'silence',
] as const;
const PROBLEMS = {
  refused: 'Refused before it began',
  flagged: 'Implausible reports',
  incomplete: 'Not fully watched',
} as const;

/** Names in the address of filters that need a read of each session. */
const SEARCHED = ['state', 'ended', 'problem', 'opened'] as const;
const ALL = ['site', 'from', 'to', 'find', ...SEARCHED] as const;

export interface SessionFilter {
  readonly query: NonNullable<QueryOf<'listWorkspaceSessions'>>;
  readonly order: 'newest_first' | 'oldest_first';
  /** A sort within the page; empty: none. */
  readonly sort: string;
  readonly find: string;
  /** True if the answer may need to read many sessions. */
  readonly isSearch: boolean;
  readonly isFiltered: boolean;
}

/** The filter that the address names. */
export const useSessionFilter = (): SessionFilter => {
  const { get } = useAddress();
  const asked = get('order');
  const sort = isPageSort(asked) ? asked : '';
  const order = asked === 'oldest_first' ? 'oldest_first' : 'newest_first';
  const of = (name: string, field: string): object => (get(name) === '' ? {} : { [field]: get(name) });
  return {
    query: {
      order,
      ...of('site', 'site_id'),
      ...of('find', get('find').startsWith('rtc_') ? 'call_id' : 'session_id'),
      // Without its first day the API begins with the month of the last one.
      ...(get('from') === '' && isDay(get('to')) ? { from: yearBefore(get('to')) } : of('from', 'from')),
      ...of('to', 'to'),
      ...of('state', 'state'),
      ...of('ended', 'end_reason'),
      ...of('problem', 'problem'),
      ...of('opened', 'opened_with'),
    },
    order,
    sort,
    find: get('find'),
    isSearch: SEARCHED.some((name) => get(name) !== ''),
    isFiltered: ALL.some((name) => get(name) !== ''),
  };
};

/** A day as far back as one range goes. */
const yearBefore = (day: string): string =>
  new Date(Date.parse(`${day}T00:00:00Z`) - 365 * 86_400_000).toISOString().slice(0, 10);

export const SessionFilters = ({
  filter,
  onChange,
}: {
  readonly filter: SessionFilter;
  /** Shows the first page of the changed list. */
  readonly onChange: (change: Readonly<Record<string, string>>) => void;
}) => {
  const { get } = useAddress();
  const select = (
    label: string,
    name: string,
    all: string,
    options: readonly (readonly [string, string])[],
  ) => (
    <SelectField
      label={label}
      value={get(name)}
      onChange={(event) => onChange({ [name]: event.target.value })}
    >
      <option value="">{all}</option>
      {options.map(([value, title]) => (
        <option key={value} value={value}>
          {title}
        </option>
      ))}
    </SelectField>
  );
  const codes = (values: readonly string[]) => values.map((value) => [value, formatCode(value)] as const);
  return (
    <div className={css['filters']}>
      <FieldRow>
        <SiteFilter value={get('site')} onChange={(site) => onChange({ site })} />
        {select('State', 'state', 'Any', codes(STATES))}
        {select('End', 'ended', 'Any', codes(END_REASONS))}
        {select('Problem', 'problem', 'Any', Object.entries(PROBLEMS))}
        {select('Opened with', 'opened', 'Call or token', codes(['call', 'token']))}
        <TextField
          label="First day (UTC)"
          type="date"
          value={get('from')}
          onChange={(event) => onChange({ from: event.target.value })}
        />
        <TextField
          label="Last day (UTC)"
          type="date"
          value={get('to')}
          onChange={(event) => onChange({ to: event.target.value })}
        />
        {select('Order', 'order', 'Newest first', [
          ['oldest_first', 'Oldest first'],
          ...Object.entries(PAGE_SORTS),
        ])}
        <FindSession key={filter.find} shown={filter.find} onFind={(find) => onChange({ find })} />
      </FieldRow>
      {filter.isFiltered && (
        <div>
          <Button small onClick={() => onChange(Object.fromEntries(ALL.map((name) => [name, ''])))}>
            Clear filters
          </Button>
        </div>
      )}
    </div>
  );
};

const FindSession = ({
  shown,
  onFind,
}: {
  readonly shown: string;
  readonly onFind: (sessionId: string) => void;
}) => {
  const [text, setText] = useState(shown);
  return (
    <form
      onSubmit={(event) => {
        event.preventDefault();
        onFind(text.trim());
      }}
    >
      <TextField
        label="Session or call ID"
        type="search"
        value={text}
        maxLength={204}
        placeholder="ses_… or rtc_…, then Enter"
        onChange={(event) => setText(event.target.value)}
      />
    </form>
  );
};
