import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import {
  daysUntilShutdown,
  isShutDown,
  modelInUse,
  moveDateOf,
  moveDue,
  NOTICE_DAYS,
  noticeDue,
  RETIREMENTS,
  retirementOf,
} from '../../../lambdas/domain/tenancy/model-retirement.ts';
import { isRealtimeModelName } from '../../../lambdas/domain/tenancy/site-model.ts';
import { PRICE_CATALOGUE } from '../../../lambdas/domain/usage/price-catalogue.ts';

const at = (text: string): Date => new Date(text.length === 10 ? `${text}T12:00:00Z` : text);
const endOf = (model: string) => {
  const retirement = retirementOf(model);
  if (retirement === undefined) throw new Error(`${model} has no end.`);
  return retirement;
};

describe('the table of model retirements', () => {
  it.each([
    ['gpt-realtime', 'gpt-realtime-2.1'],
    ['gpt-realtime-2025-08-28', 'gpt-realtime-2.1'],
    ['gpt-realtime-mini', 'gpt-realtime-2.1-mini'],
    ['gpt-realtime-mini-2025-12-15', 'gpt-realtime-2.1-mini'],
  ])('replaces %s by %s on 2027-01-20', (model, successor) => {
    expect(retirementOf(model)).toMatchObject({ shutdownDate: '2027-01-20', successor });
  });

  it.each([
    'gpt-realtime-2.1',
    'gpt-realtime-2.1-mini',
    'gpt-realtime-2',
    'gpt-realtime-1.5',
    'constructor',
    '',
  ])('has no end for %j', (model) => {
    expect(retirementOf(model)).toBeUndefined();
  });

  it.each(RETIREMENTS.map((one) => [one.model, one] as const))(
    'replaces %s by a priced Realtime model of the same size without an end, and names the source',
    (model, { successor, source }) => {
      const row = PRICE_CATALOGUE.find((one) => one.model === successor);
      expect(row).toMatchObject({ status: 'active', shutdownDate: null });
      expect(isRealtimeModelName(successor)).toBe(true);
      expect(successor.includes('mini')).toBe(model.includes('mini'));
      expect(source).not.toBe('');
    },
  );

  it('agrees with the price catalogue on every name and date', () => {
    const ofCatalogue = PRICE_CATALOGUE.flatMap(({ model, aliases, shutdownDate }) =>
      shutdownDate === null ? [] : [model, ...aliases].map((name) => `${name} ${shutdownDate}`),
    );
    expect(RETIREMENTS.map(({ model, shutdownDate }) => `${model} ${shutdownDate}`).sort()).toEqual(
      ofCatalogue.sort(),
    );
  });
});

describe('a site on a model that ends on 2027-01-20', () => {
  it.each([
    ['2027-01-18T23:59:59.999Z', false, false],
    ['2027-01-19T00:00:00.000Z', true, false],
    ['2027-01-19T23:59:59.999Z', true, false],
    ['2027-01-20T00:00:00.000Z', true, true],
    ['2027-06-01T00:00:00.000Z', true, true],
  ])('at %s is due for its move: %s, and its model is shut down: %s', (now, due, down) => {
    const site = { model: 'gpt-realtime', modelAutoUpgrade: true };
    expect(moveDue(site, at(now)) !== undefined).toBe(due);
    expect(isShutDown(endOf('gpt-realtime'), at(now))).toBe(down);
    expect(modelInUse(site, at(now))).toBe(down ? 'gpt-realtime-2.1' : 'gpt-realtime');
  });

  it('is never moved or served by another model after it opted out', () => {
    const site = { model: 'gpt-realtime', modelAutoUpgrade: false };
    for (const now of ['2027-01-19', '2027-01-20', '2028-01-01']) {
      expect(moveDue(site, at(now))).toBeUndefined();
      expect(modelInUse(site, at(now))).toBe('gpt-realtime');
    }
  });

  it.each([
    ['2026-11-20', 61, undefined],
    ['2026-11-21', 60, 60],
    ['2026-11-30', 51, 60],
    ['2026-12-20', 31, 60],
    ['2026-12-21', 30, 30],
    ['2027-01-12', 8, 30],
    ['2027-01-13', 7, 7],
    ['2027-01-19', 1, 7],
    ['2027-01-20', 0, 7],
  ])('on %s has %d days left, and its next notice is the one of %s days', (day, left, days) => {
    expect(daysUntilShutdown(endOf('gpt-realtime'), at(day)) + 0).toBe(left);
    expect(noticeDue({ model: 'gpt-realtime', noticed: {} }, at(day))?.days).toBe(days);
  });

  it('gets each notice once, whenever and however often it is checked', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: 90 }), { maxLength: 30 }), (days) => {
        const noticed: Record<string, number> = {};
        const sent: number[] = [];
        for (const day of [...days].sort((one, other) => one - other)) {
          const now = new Date(Date.parse('2026-11-01T08:00:00Z') + day * 86_400_000);
          const due = noticeDue({ model: 'gpt-realtime', noticed }, now);
          if (due === undefined) continue;
          sent.push(due.days);
          noticed['gpt-realtime'] = due.days;
        }
        expect(new Set(sent).size).toBe(sent.length);
        expect([...sent].sort((one, other) => other - one)).toEqual(sent);
        for (const each of sent) expect(NOTICE_DAYS).toContain(each);
      }),
    );
  });

  it('gets its notices even if those of another model were sent', () => {
    expect(
      noticeDue({ model: 'gpt-realtime', noticed: { 'gpt-realtime-mini': 7 } }, at('2026-12-01'))?.days,
    ).toBe(60);
  });

  it('is moved one day before the end', () => {
    expect(moveDateOf(endOf('gpt-realtime-mini'))).toBe('2027-01-19');
  });
});

describe('a site on a model that was shut down long ago', () => {
  it('is due for its move at once', () => {
    const site = { model: 'gpt-4o-realtime-preview', modelAutoUpgrade: true };
    expect(moveDue(site, at('2026-11-30'))?.successor).toBe('gpt-realtime-2.1');
    expect(modelInUse(site, at('2026-11-30'))).toBe('gpt-realtime-2.1');
  });
});
