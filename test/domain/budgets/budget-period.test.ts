import { describe, expect, it } from '@jest/globals';
import {
  isTimeZone,
  periodEnd,
  periodNameOf,
  periodStart,
} from '../../../lambdas/domain/budgets/budget-period.ts';

describe('the period of a budget', () => {
  it.each([
    ['2026-11-30T23:59:59.999Z', 'UTC', '2026-11-30', '2026-12-01T00:00:00.000Z'],
    ['2026-12-31T23:30:00.000Z', 'Europe/Berlin', '2027-01-01', '2027-01-01T23:00:00.000Z'],
    ['2026-11-30T03:00:00.000Z', 'America/New_York', '2026-11-29', '2026-11-30T05:00:00.000Z'],
    ['2026-11-30T12:00:00.000Z', 'Pacific/Kiritimati', '2026-12-01', '2026-12-01T10:00:00.000Z'],
    ['2026-11-30T11:00:00.000Z', 'Pacific/Pago_Pago', '2026-11-30', '2026-12-01T11:00:00.000Z'],
    ['2026-11-30T10:00:00.000Z', 'Asia/Kathmandu', '2026-11-30', '2026-11-30T18:15:00.000Z'],
  ])('at %s in %s is the local day %s, which ends at %s', (now, zone, name, end) => {
    expect(periodNameOf(new Date(now), 'day', zone)).toBe(name);
    expect(periodEnd(name, zone).toISOString()).toBe(end);
  });

  it.each([
    ['Europe/Berlin', '2026-03-29', 23],
    ['Europe/Berlin', '2026-10-25', 25],
    ['America/New_York', '2026-03-08', 23],
    ['Australia/Lord_Howe', '2026-04-05', 24.5],
    // The clocks go forward at midnight: this day begins at 01:00.
    ['America/Santiago', '2026-09-06', 23],
    ['Africa/Cairo', '2026-04-24', 23],
    ['Asia/Tokyo', '2026-03-29', 24],
  ])('in %s on %s lasts %d hours', (zone, day, hours) => {
    const lasts = periodEnd(day, zone).getTime() - periodStart(day, zone).getTime();
    expect(lasts / 3_600_000).toBe(hours);
  });

  it.each([
    ['2026-02', 'UTC', '2026-02-01T00:00:00.000Z', '2026-03-01T00:00:00.000Z'],
    ['2028-02', 'Europe/Berlin', '2028-01-31T23:00:00.000Z', '2028-02-29T23:00:00.000Z'],
    ['2026-12', 'America/New_York', '2026-12-01T05:00:00.000Z', '2027-01-01T05:00:00.000Z'],
    ['2026-03', 'Europe/Berlin', '2026-02-28T23:00:00.000Z', '2026-03-31T22:00:00.000Z'],
  ])('of the month %s in %s begins at %s and ends at %s', (name, zone, start, end) => {
    expect(periodStart(name, zone).toISOString()).toBe(start);
    expect(periodEnd(name, zone).toISOString()).toBe(end);
    expect(periodNameOf(new Date(start), 'month', zone)).toBe(name);
    expect(periodNameOf(new Date(Date.parse(end) - 1), 'month', zone)).toBe(name);
    expect(periodNameOf(new Date(end), 'month', zone)).not.toBe(name);
  });

  it('is followed by the next period without a gap, in every time zone of the runtime', () => {
    for (const zone of Intl.supportedValuesOf('timeZone'))
      for (const now of ['2026-01-31T12:00:00Z', '2026-03-29T00:30:00Z', '2026-11-01T05:59:59Z']) {
        const name = periodNameOf(new Date(now), 'day', zone);
        const end = periodEnd(name, zone);
        expect([zone, periodNameOf(new Date(end.getTime() - 1_000), 'day', zone)]).toEqual([zone, name]);
        expect(periodNameOf(end, 'day', zone) > name).toBe(true);
      }
  });
});

describe('the time zone of a workspace', () => {
  it.each(['UTC', 'Europe/Berlin', 'America/Argentina/Buenos_Aires', 'Etc/GMT+5'])('can be %s', (zone) => {
    expect(isTimeZone(zone)).toBe(true);
  });
  it.each(['', '+01:00', 'Mars/Base', 'Europe/Berlin ', '../etc', 'CET+1x'])('cannot be "%s"', (zone) => {
    expect(isTimeZone(zone)).toBe(false);
  });
});
