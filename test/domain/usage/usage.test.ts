import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { BrokerError } from '../../../lambdas/domain/broker-error.ts';
import type { SiteId } from '../../../lambdas/domain/identifiers.ts';
import { addEntries, type LedgerEntry, NO_ENTRY } from '../../../lambdas/domain/usage/ledger.ts';
import {
  type DayUsage,
  dayOf,
  dayRange,
  endOfDay,
  groupUsage,
  MAX_RANGE_DAYS,
  totalUsage,
  USAGE_GROUPS,
} from '../../../lambdas/domain/usage/usage.ts';
import { anyTokens } from './any-tokens.ts';

const NOW = new Date('2026-11-23T12:00:00Z');

const count = fc.integer({ min: 0, max: 100_000 });
const entry: fc.Arbitrary<LedgerEntry> = fc.record({
  sessions: count,
  seconds: count,
  billedSeconds: count,
  committedSeconds: fc.constant(0),
  costMicroCents: count,
  unpricedSessions: fc.integer({ min: 0, max: 1 }),
  flaggedSessions: fc.integer({ min: 0, max: 1 }),
  incompleteSessions: fc.integer({ min: 0, max: 1 }),
  tokens: anyTokens(1_000),
});
const part: fc.Arbitrary<DayUsage> = fc.record({
  day: fc.constantFrom('2026-11-01', '2026-11-02', '2026-12-01'),
  siteId: fc.constantFrom('site1', 'site2').map((id) => id as SiteId),
  model: fc.constantFrom('gpt-realtime-2.1', 'gpt-realtime-2.1-mini'),
  mode: fc.constantFrom('byok' as const, 'managed' as const),
  entry,
});
const groups = fc.shuffledSubarray([...USAGE_GROUPS]);

describe('usage grouped by any fields', () => {
  it('adds up to the totals, and counts each part in one row', () => {
    fc.assert(
      fc.property(fc.array(part, { maxLength: 40 }), groups, (parts, by) => {
        const rows = groupUsage(parts, by);
        const sum = rows.reduce((all, row) => addEntries(all, row.entry), NO_ENTRY);
        expect(sum).toEqual(totalUsage(parts).entry);
        expect(rows.some(({ estimated }) => estimated)).toBe(totalUsage(parts).estimated);
        const places = rows.map(({ group }) => JSON.stringify(group));
        expect(new Set(places).size).toBe(places.length);
        expect(rows.every(({ group }) => Object.keys(group).length === by.length)).toBe(true);
      }),
    );
  });

  it('is sorted in ascending order', () => {
    fc.assert(
      fc.property(fc.array(part, { maxLength: 20 }), groups, (parts, by) => {
        const rows = groupUsage(parts, by);
        expect(groupUsage(parts.toReversed(), by)).toEqual(rows);
        const fields = { day: 'day', site: 'siteId', model: 'model', mode: 'mode' } as const;
        const places = rows.map(({ group }) => by.map((name) => group[fields[name]]).join(' '));
        expect(places).toEqual(places.toSorted());
      }),
    );
  });

  it('is estimated only if it includes an own key, a flag or an unknown price', () => {
    const exact: DayUsage = {
      day: '2026-11-01',
      siteId: 'site1' as SiteId,
      model: 'gpt-realtime-2.1',
      mode: 'managed',
      entry: { ...NO_ENTRY, sessions: 1, seconds: 60, costMicroCents: 7 },
    };
    const changed = (change: Partial<LedgerEntry>): DayUsage => ({
      ...exact,
      entry: { ...exact.entry, ...change },
    });
    expect(totalUsage([exact, exact]).estimated).toBe(false);
    expect(totalUsage([exact, { ...exact, mode: 'byok' }]).estimated).toBe(true);
    expect(totalUsage([exact, { ...exact, mode: 'byok', entry: NO_ENTRY }]).estimated).toBe(false);
    expect(totalUsage([exact, changed({ flaggedSessions: 1 })]).estimated).toBe(true);
    expect(totalUsage([exact, changed({ unpricedSessions: 1 })]).estimated).toBe(true);
    expect(totalUsage([exact, changed({ incompleteSessions: 1 })]).estimated).toBe(true);
  });
});

describe('a place without usage', () => {
  it('has no row', () => {
    const place = { day: '2026-11-01', siteId: 'site1' as SiteId, model: 'm', mode: 'byok' } as const;
    expect(groupUsage([{ ...place, entry: NO_ENTRY }], ['day'])).toEqual([]);
    expect(groupUsage([], [])).toEqual([]);
  });
});

describe('a range of days', () => {
  it('is the current month by default, and the month of its last day if the first is missing', () => {
    expect(dayRange({}, NOW)).toEqual({ from: '2026-11-01', to: '2026-11-23' });
    expect(dayRange({ to: '2026-02-10' }, NOW)).toEqual({ from: '2026-02-01', to: '2026-02-10' });
    expect(dayRange({ from: '2026-10-30' }, NOW)).toEqual({ from: '2026-10-30', to: '2026-11-23' });
  });

  it('can be a single day', () => {
    const day = { from: '2026-11-23', to: '2026-11-23' };
    expect(dayRange(day, NOW)).toEqual(day);
  });

  it('ends where the next UTC day begins, also after a leap day and at the end of a year', () => {
    expect(endOfDay('2026-11-23').toISOString()).toBe('2026-11-24T00:00:00.000Z');
    expect(endOfDay('2028-02-29').toISOString()).toBe('2028-03-01T00:00:00.000Z');
    expect(endOfDay('2026-12-31').toISOString()).toBe('2027-01-01T00:00:00.000Z');
    expect(dayOf(new Date('2026-11-23T23:59:59.999Z'))).toBe('2026-11-23');
  });

  it(`has at most ${MAX_RANGE_DAYS} days and does not end before it begins, and is otherwise refused with a sentence`, () => {
    expect(dayRange({ from: '2025-10-20', to: '2026-11-23' }, NOW).from).toBe('2025-10-20');
    for (const asked of [{ from: '2025-10-19', to: '2026-11-23' }, { from: '2026-11-24' }]) {
      const refused = (): unknown => dayRange(asked, NOW);
      expect(refused).toThrow(BrokerError);
      try {
        refused();
      } catch (error) {
        expect((error as BrokerError).details).toEqual([
          { path: 'from', message: expect.stringMatching(/^[A-Z].*\.$/) },
        ]);
      }
    }
  });
});
