import { describe, expect, it } from '@jest/globals';
import { DEFAULT_MODEL } from '../../../lambdas/domain/openai-models.ts';
import {
  CATALOGUE_VERSION,
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

describe('a second price of one model', () => {
  const [row] = PRICE_CATALOGUE;
  if (row === undefined) throw new Error('The catalogue is empty.');
  const later = { ...row, from: '2026-12-01', text: { ...row.text, input: row.text.input + 1 } };

  it.each([
    ['before it begins', '2026-11-30T23:59:59.999Z', '2026-07-01', 400],
    ['from its first moment on', '2026-12-01T00:00:00.000Z', '2026-12-01', 500],
    ['ever after', '2027-06-01T00:00:00.000Z', '2026-12-01', 500],
  ])('counts %s, in whatever order the rows stand', (_, at, from, textIn) => {
    for (const catalogue of [
      [row, later],
      [later, row],
    ])
      expect(priceOf(row.model, new Date(at), catalogue)).toMatchObject({
        version: `${row.model}@${from}`,
        rates: { textIn },
      });
  });
});

describe('the price that a session has stored', () => {
  it.each(PRICE_CATALOGUE.map(({ model, from }) => [`${model}@${from}`, model, from]))(
    '%s is the one that it was counted at',
    (version, model, from) => {
      expect(priceOfVersion(version)).toEqual(priceOf(model, new Date(from)));
    },
  );

  it.each(['', '@', 'gpt-realtime', 'gpt-realtime@', 'gpt-realtime@2020-01-01', 'undefined@undefined'])(
    'of a row that there is not is unknown: %j',
    (version) => {
      expect(priceOfVersion(version)).toBeUndefined();
    },
  );
});

describe('the catalogue', () => {
  it('names the day on which it was last compared with its sources', () => {
    expect(new Date(CATALOGUE_VERSION).toISOString()).toBe(`${CATALOGUE_VERSION}T00:00:00.000Z`);
  });

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
      expect(row.source).toMatch(/https:\/\/|BerriAI\/litellm \S+ at [0-9a-f]{8}|community\.openai\.com/);
      for (const alias of row.aliases) expect(alias.startsWith(row.model)).toBe(true);
    },
  );

  it('says of every model that ends when, and of no other', () => {
    for (const { status, shutdownDate } of PRICE_CATALOGUE)
      expect(shutdownDate === null).toBe(status === 'active');
  });
});
