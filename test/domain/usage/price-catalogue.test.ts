import { describe, expect, it } from '@jest/globals';
import { DATA_RESIDENCIES, DEFAULT_MODEL } from '../../../lambdas/domain/openai-models.ts';
import {
  CATALOGUE_VERSION,
  catalogueAgeDays,
  catalogueIsStale,
  PRICE_CATALOGUE,
  priceOf,
  priceOfVersion,
} from '../../../lambdas/domain/usage/price-catalogue.ts';
import { TOKEN_KINDS } from '../../../lambdas/domain/usage/token-counts.ts';

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
    expect(priceOf(model, new Date(`${day}T12:00:00Z`), 'global')?.version).toBe(version);
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
    expect(priceOf(model, TODAY, 'global')).toBeUndefined();
  });

  it("is not guessed for a day before the model's first price", () => {
    expect(priceOf('gpt-realtime-2.1', new Date('2026-06-30T23:59:59.999Z'), 'global')).toBeUndefined();
    expect(priceOf('gpt-realtime-2.1', new Date('2026-07-01T00:00:00.000Z'), 'global')).toBeDefined();
    expect(priceOf('gpt-4o-realtime-preview', new Date('2024-12-16T00:00:00Z'), 'global')).toBeUndefined();
  });

  it('is known for the default model of new sites', () => {
    expect(priceOf(DEFAULT_MODEL, TODAY, 'global')).toBeDefined();
  });
});

describe('a second price of one model', () => {
  const [row] = PRICE_CATALOGUE;
  if (row === undefined) throw new Error('The catalogue is empty.');
  const later = { ...row, from: '2026-12-01', text: { ...row.text, input: row.text.input + 1 } };

  it.each([
    ['before it begins', '2026-11-30T23:59:59.999Z', '2026-07-01', 400],
    ['at its first moment', '2026-12-01T00:00:00.000Z', '2026-12-01', 500],
    ['long after it begins', '2027-06-01T00:00:00.000Z', '2026-12-01', 500],
  ])('is applied correctly %s, in any order of the rows', (_, at, from, textIn) => {
    for (const catalogue of [
      [row, later],
      [later, row],
    ])
      expect(priceOf(row.model, new Date(at), 'global', catalogue)).toMatchObject({
        version: `${row.model}@${from}`,
        rates: { textIn },
      });
  });
});

describe('the price version of a session', () => {
  it.each(PRICE_CATALOGUE.map(({ model, from }) => [`${model}@${from}`, model, from]))(
    '%s is found again as the price that was applied',
    (version, model, from) => {
      expect(priceOfVersion(version)).toEqual(priceOf(model, new Date(from), 'global'));
    },
  );

  it.each(['', '@', 'gpt-realtime', 'gpt-realtime@', 'gpt-realtime@2020-01-01', 'undefined@undefined'])(
    'is unknown for a row that does not exist: %j',
    (version) => {
      expect(priceOfVersion(version)).toBeUndefined();
    },
  );
});

describe('the price in a region', () => {
  it.each([
    ['gpt-realtime-2.1', '2026-11-30', 10],
    ['gpt-realtime-2.1-mini', '2026-11-30', 10],
    ['gpt-realtime-2', '2026-11-30', 10],
    ['gpt-realtime-1.5', '2026-11-30', 0],
    ['gpt-realtime', '2026-11-30', 0],
    ['gpt-realtime-2025-08-28', '2026-11-30', 0],
    ['gpt-realtime-mini', '2026-11-30', 0],
    ['gpt-realtime-mini-2025-12-15', '2026-11-30', 0],
  ])('of %s on %s has an uplift of %d per cent, and its version names the region', (model, day, percent) => {
    const at = new Date(`${day}T00:00:00Z`);
    const version = priceOf(model, at, 'global')?.version;
    expect(priceOf(model, at, 'global')).toMatchObject({ upliftPercent: 0, region: 'global' });
    for (const region of DATA_RESIDENCIES.filter((one) => one !== 'global')) {
      const price = priceOf(model, at, region);
      expect(price).toMatchObject({ upliftPercent: percent, region, version: `${version}/${region}` });
      expect(priceOfVersion(price?.version ?? '')).toEqual(price);
    }
  });

  it('keeps its uplift when an old model gets a new price after 2026-03-05', () => {
    const row = PRICE_CATALOGUE.find(({ model }) => model === 'gpt-realtime-1.5');
    if (row === undefined) throw new Error('The catalogue lost a model.');
    const later = { ...row, from: '2026-12-01' };
    expect(priceOf(row.model, new Date('2026-12-02'), 'eu', [row, later])?.upliftPercent).toBe(0);
  });

  it.each([
    'gpt-realtime-2.1@2026-07-01/global',
    'gpt-realtime-2.1@2026-07-01/sg',
    'gpt-realtime-2.1@2026-07-01/',
    'gpt-realtime-2.1@2026-07-01/EU',
    'gpt-realtime-2.1@2026-07-01/eu/eu',
    'gpt-realtime-2.1/eu',
  ])('is not guessed for a version that never existed: %s', (version) => {
    expect(priceOfVersion(version)).toBeUndefined();
  });
});

/** Every price that a session may have stored. A row that changes or goes would change receipts of months that have ended. */
const PUBLISHED = [
  'gpt-realtime-2.1@2026-07-01 400 40 2400 3200 40 6400 500 50 +10',
  'gpt-realtime-2.1-mini@2026-07-01 60 6 240 1000 30 2000 80 8 +10',
  'gpt-realtime-2@2026-05-01 400 40 2400 3200 40 6400 500 50 +10',
  'gpt-realtime-1.5@2026-02-01 400 40 1600 3200 40 6400 500 50 +0',
  'gpt-realtime@2025-08-28 400 40 1600 3200 40 6400 500 50 +0',
  'gpt-realtime-mini@2025-10-06 60 6 240 1000 30 2000 80 8 +0',
  'gpt-realtime-mini-2025-10-06@2025-10-06 60 6 240 1000 30 2000 80 8 +0',
  'gpt-4o-realtime-preview@2024-12-17 500 250 2000 4000 250 8000 0 0 +0',
  'gpt-4o-mini-realtime-preview@2024-12-17 60 30 240 1000 30 2000 0 0 +0',
  'gpt-4o-mini-realtime-preview-2024-12-17@2024-12-17 60 30 240 1000 30 2000 0 0 +0',
  'gpt-4o-realtime@2024-10-01 500 250 2000 10000 2000 20000 0 0 +0',
];

describe('a published price', () => {
  it.each(PUBLISHED)('stays unchanged: %s', (line) => {
    const [version = '', ...published] = line.split(' ');
    const price = priceOfVersion(version);
    if (price === undefined) throw new Error(`${version} is gone: sessions name it.`);
    const { textIn, cachedTextIn, textOut, audioIn, cachedAudioIn, audioOut, imageIn, cachedImageIn } =
      price.rates;
    const uplift = priceOfVersion(`${version}/eu`)?.upliftPercent;
    expect([
      ...[textIn, cachedTextIn, textOut, audioIn, cachedAudioIn, audioOut, imageIn, cachedImageIn].map(
        String,
      ),
      `+${uplift}`,
    ]).toEqual(published);
  });

  it('is in this test for each row of the catalogue', () => {
    expect(PUBLISHED.map((line) => line.split(' ')[0])).toEqual(
      PRICE_CATALOGUE.map(({ model, from }) => `${model}@${from}`),
    );
  });
});

describe('the age of the price catalogue', () => {
  it.each([
    [0, 0, false],
    [1, 1, false],
    [92, 92, false],
    [93, 93, true],
    [-5, 0, false],
  ])('%d days after its version is %d days, stale: %s', (after, days, stale) => {
    const now = new Date(Date.parse(`${CATALOGUE_VERSION}T00:00:00Z`) + after * 86_400_000);
    expect([catalogueAgeDays(now), catalogueIsStale(now)]).toEqual([days, stale]);
  });
});

describe('the price catalogue', () => {
  it('names the day of the last comparison with its sources', () => {
    expect(new Date(CATALOGUE_VERSION).toISOString()).toBe(`${CATALOGUE_VERSION}T00:00:00.000Z`);
  });

  it('has one row per model and day, so that a version names one price', () => {
    const names = PRICE_CATALOGUE.flatMap(({ model, aliases, from }) =>
      [model, ...aliases].map((name) => `${name}@${from}`),
    );
    expect(new Set(names).size).toBe(names.length);
  });

  it.each(PRICE_CATALOGUE.map((row) => [`${row.model}@${row.from}`, row] as const))(
    'has a row for %s in whole micro-cents per token, with a valid start date and its source',
    (version, row) => {
      const price = priceOf(row.model, new Date(row.from), 'global');
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
      expect(row.source).toMatch(/https:\/\/|BerriAI\/litellm \S+ at [0-9a-f]{8}|community\.openai\.com/);
      for (const alias of row.aliases) expect(alias.startsWith(row.model)).toBe(true);
    },
  );

  it('names the end of each retiring model, and of no other', () => {
    for (const { status, shutdownDate } of PRICE_CATALOGUE)
      expect(shutdownDate === null).toBe(status === 'active');
  });
});
