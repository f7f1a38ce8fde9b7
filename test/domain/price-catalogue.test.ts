import { describe, expect, it } from '@jest/globals';
import { DEFAULT_MODEL } from '../../lambdas/domain/openai-models.ts';
import { PRICE_CATALOGUE, priceOf } from '../../lambdas/domain/price-catalogue.ts';
import { TOKEN_KINDS } from '../../lambdas/domain/token-counts.ts';

const TODAY = new Date('2026-11-24T00:00:00Z');

describe('the price of a model', () => {
  it.each([
    ['gpt-realtime-2.1', '2026-11-24', 'gpt-realtime-2.1@2026-07-01'],
    ['gpt-realtime-2.1-mini', '2026-07-01', 'gpt-realtime-2.1-mini@2026-07-01'],
    ['gpt-realtime', '2025-08-28', 'gpt-realtime@2025-08-28'],
    ['gpt-realtime-2025-08-28', '2026-11-24', 'gpt-realtime@2025-08-28'],
    ['gpt-realtime-mini-2025-12-15', '2026-11-24', 'gpt-realtime-mini@2025-10-06'],
    ['gpt-realtime-mini-2025-10-06', '2026-01-01', 'gpt-realtime-mini-2025-10-06@2025-10-06'],
    ['gpt-4o-realtime-preview', '2025-01-01', 'gpt-4o-realtime-preview@2024-12-17'],
    ['gpt-4o-realtime-preview-2025-06-03', '2026-01-01', 'gpt-4o-realtime-preview@2024-12-17'],
    ['gpt-4o-realtime-preview-2024-10-01', '2026-01-01', 'gpt-4o-realtime@2024-10-01'],
    ['gpt-4o-realtime', '2026-11-24', 'gpt-4o-realtime@2024-10-01'],
  ])('%s on %s is %s', (model, day, version) => {
    expect(priceOf(model, new Date(`${day}T12:00:00Z`))?.version).toBe(version);
  });

  it.each([
    'gpt-realtime-3',
    'gpt-realtime-2.1-2026-08-01',
    'gpt-live-1',
    'gpt-realtime-2.1 ',
    'GPT-REALTIME',
    '',
    '__proto__',
    'constructor',
  ])('is not guessed for %j', (model) => {
    expect(priceOf(model, TODAY)).toBeUndefined();
  });

  it('is not guessed for a day before the first price of the model', () => {
    expect(priceOf('gpt-realtime-2.1', new Date('2026-06-30T23:59:59.999Z'))).toBeUndefined();
    expect(priceOf('gpt-realtime-2.1', new Date('2026-07-01T00:00:00.000Z'))).toBeDefined();
    expect(priceOf('gpt-4o-realtime-preview', new Date('2024-12-16T00:00:00Z'))).toBeUndefined();
  });

  it('is known for the model that new sites have', () => {
    expect(priceOf(DEFAULT_MODEL, TODAY)).toBeDefined();
  });
});

describe('the catalogue', () => {
  it('has one row for a name and a day, so that a version names one price', () => {
    const names = PRICE_CATALOGUE.flatMap(({ model, aliases, from }) =>
      [model, ...aliases].map((name) => `${name}@${from}`),
    );
    expect(new Set(names).size).toBe(names.length);
  });

  it.each(PRICE_CATALOGUE.map((row) => [`${row.model}@${row.from}`, row] as const))(
    '%s is whole micro-cents per token, from a day that there is, with its source',
    (version, row) => {
      const price = priceOf(row.model, new Date(row.from));
      expect(price?.version).toBe(version);
      for (const kind of TOKEN_KINDS) expect(Number.isSafeInteger(price?.rates[kind])).toBe(true);
      // What the source says in dollars comes back from the micro-cents without a loss.
      const dollars = (kind: (typeof TOKEN_KINDS)[number]) => (price?.rates[kind] ?? -1) / 100;
      expect([dollars('textIn'), dollars('cachedTextIn'), dollars('textOut')]).toEqual(
        Object.values(row.text),
      );
      expect([dollars('audioIn'), dollars('cachedAudioIn'), dollars('audioOut')]).toEqual(
        Object.values(row.audio),
      );
      if (row.image !== null)
        expect([dollars('imageIn'), dollars('cachedImageIn')]).toEqual(Object.values(row.image));
      expect(new Date(row.from).toISOString()).toBe(`${row.from}T00:00:00.000Z`);
      expect(row.source).not.toBe('');
    },
  );

  it('says of every model that ends when, and of no other', () => {
    for (const { status, shutdownDate } of PRICE_CATALOGUE)
      expect(shutdownDate === null).toBe(status === 'active');
  });
});
