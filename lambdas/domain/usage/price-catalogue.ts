import { DATA_RESIDENCIES, type DataResidency } from '../openai-models.ts';
import type { TokenKind } from './token-counts.ts';

/** Changes whenever a row does: the day on which the rows were last compared with their sources. */
export const CATALOGUE_VERSION = '2026-11-23';

/** US dollars per one million tokens, as OpenAI publishes them. */
export interface Rates {
  readonly input: number;
  readonly cachedInput: number;
  readonly output: number;
}

export type PriceStatus = 'active' | 'ending' | 'shut_down';

export interface CatalogueRow {
  readonly model: string;
  /** Dated names that OpenAI bills at the same rates. */
  readonly aliases: readonly string[];
  /**
   * First day of these rates, UTC. Where the source gives the month alone, its first day: no session can be older than
   * its model.
   */
  readonly from: string;
  readonly text: Rates;
  readonly audio: Rates;
  /**
   * OpenAI's surcharge on each rate for a project with data residency, per cent. 10 for a model that was released on or
   * after 2026-03-05, 0 for an older one, whatever the first day of these rates:
   * https://developers.openai.com/api/docs/guides/data-residency
   */
  readonly regionalUpliftPercent: 0 | 10;
  /** null: the model takes no images. */
  readonly image: Pick<Rates, 'input' | 'cachedInput'> | null;
  readonly status: PriceStatus;
  readonly shutdownDate: string | null;
  readonly source: string;
}

const text = (input: number, cachedInput: number, output: number): Rates => ({ input, cachedInput, output });
const audio = text;
const image = (input: number, cachedInput: number) => ({ input, cachedInput });

const OPENAI_MODELS = 'https://developers.openai.com/api/docs/models';
const LITELLM = 'BerriAI/litellm model_prices_and_context_window.json at 00035b69';

/**
 * OpenAI's prices of Realtime models, by model and date. A new price is a new row with a later `from`; an old row is
 * never changed, because sessions name it. docs/pricing.md states how reliable each source is.
 */
export const PRICE_CATALOGUE: readonly CatalogueRow[] = [
  {
    model: 'gpt-realtime-2.1',
    aliases: [],
    from: '2026-07-01',
    regionalUpliftPercent: 10,
    text: text(4, 0.4, 24),
    audio: audio(32, 0.4, 64),
    image: image(5, 0.5),
    status: 'active',
    shutdownDate: null,
    source: `${OPENAI_MODELS}/gpt-realtime-2.1`,
  },
  {
    model: 'gpt-realtime-2.1-mini',
    aliases: [],
    from: '2026-07-01',
    regionalUpliftPercent: 10,
    text: text(0.6, 0.06, 2.4),
    audio: audio(10, 0.3, 20),
    image: image(0.8, 0.08),
    status: 'active',
    shutdownDate: null,
    source: `${OPENAI_MODELS}/gpt-realtime-2.1-mini`,
  },
  {
    model: 'gpt-realtime-2',
    aliases: [],
    from: '2026-05-01',
    regionalUpliftPercent: 10,
    text: text(4, 0.4, 24),
    audio: audio(32, 0.4, 64),
    image: image(5, 0.5),
    status: 'active',
    shutdownDate: null,
    source: `${OPENAI_MODELS}/gpt-realtime-2`,
  },
  {
    model: 'gpt-realtime-1.5',
    aliases: [],
    from: '2026-02-01',
    regionalUpliftPercent: 0,
    text: text(4, 0.4, 16),
    audio: audio(32, 0.4, 64),
    image: image(5, 0.5),
    status: 'active',
    shutdownDate: null,
    source: `${OPENAI_MODELS}/gpt-realtime-1.5`,
  },
  {
    model: 'gpt-realtime',
    aliases: ['gpt-realtime-2025-08-28'],
    from: '2025-08-28',
    regionalUpliftPercent: 0,
    text: text(4, 0.4, 16),
    audio: audio(32, 0.4, 64),
    image: image(5, 0.5),
    status: 'ending',
    shutdownDate: '2027-01-20',
    source: `${LITELLM}; cached images as for gpt-realtime-1.5`,
  },
  {
    model: 'gpt-realtime-mini',
    aliases: ['gpt-realtime-mini-2025-12-15'],
    from: '2025-10-06',
    regionalUpliftPercent: 0,
    text: text(0.6, 0.06, 2.4),
    audio: audio(10, 0.3, 20),
    image: image(0.8, 0.08),
    status: 'ending',
    shutdownDate: '2027-01-20',
    source: `${LITELLM}; cached text and images as for gpt-realtime-2.1-mini`,
  },
  {
    model: 'gpt-realtime-mini-2025-10-06',
    aliases: [],
    from: '2025-10-06',
    regionalUpliftPercent: 0,
    text: text(0.6, 0.06, 2.4),
    audio: audio(10, 0.3, 20),
    image: image(0.8, 0.08),
    status: 'shut_down',
    shutdownDate: '2026-07-23',
    source: `${LITELLM}; cached text and images as for gpt-realtime-2.1-mini`,
  },
  {
    model: 'gpt-4o-realtime-preview',
    aliases: ['gpt-4o-realtime-preview-2024-12-17', 'gpt-4o-realtime-preview-2025-06-03'],
    from: '2024-12-17',
    regionalUpliftPercent: 0,
    text: text(5, 2.5, 20),
    audio: audio(40, 2.5, 80),
    image: null,
    status: 'shut_down',
    shutdownDate: '2026-05-07',
    source: `${OPENAI_MODELS}/gpt-4o-realtime-preview`,
  },
  {
    model: 'gpt-4o-mini-realtime-preview',
    aliases: [],
    from: '2024-12-17',
    regionalUpliftPercent: 0,
    text: text(0.6, 0.3, 2.4),
    audio: audio(10, 0.3, 20),
    image: null,
    status: 'shut_down',
    shutdownDate: '2026-05-07',
    source: `${OPENAI_MODELS}/gpt-4o-mini-realtime-preview`,
  },
  {
    model: 'gpt-4o-mini-realtime-preview-2024-12-17',
    aliases: [],
    from: '2024-12-17',
    regionalUpliftPercent: 0,
    text: text(0.6, 0.3, 2.4),
    audio: audio(10, 0.3, 20),
    image: null,
    status: 'shut_down',
    shutdownDate: '2026-07-23',
    source: `${OPENAI_MODELS}/gpt-4o-mini-realtime-preview`,
  },
  {
    model: 'gpt-4o-realtime',
    aliases: ['gpt-4o-realtime-preview-2024-10-01'],
    from: '2024-10-01',
    regionalUpliftPercent: 0,
    text: text(5, 2.5, 20),
    audio: audio(100, 20, 200),
    image: null,
    status: 'shut_down',
    shutdownDate: '2026-05-07',
    source:
      "The product's BYOK page (uncached rates, the same as OpenAI's at launch); cached audio: community.openai.com/t/1060242",
  },
];

/** One row in the form for cost computation, for one region. */
export interface Price {
  readonly model: string;
  readonly from: string;
  readonly region: DataResidency;
  /**
   * `<model>@<from>`, and `/<region>` for any region but global: what a session stores, so that no later change of the
   * site or of the catalogue changes its cost.
   */
  readonly version: string;
  /** Whole micro-cents per token, without the uplift. */
  readonly rates: Readonly<Record<TokenKind, number>>;
  /** Added to the cost at these rates, per cent. Apart from the rates: ten per cent of some is no whole micro-cent. */
  readonly upliftPercent: number;
}

/** $1 per 1,000,000 tokens is 100 micro-cents per token (1 USD = 100,000,000 micro-cents). */
const microCentsPerToken = (usdPerMillion: number): number => Math.round(usdPerMillion * 100);

const priceOfRow = (row: CatalogueRow, region: DataResidency): Price => ({
  model: row.model,
  from: row.from,
  region,
  version: `${row.model}@${row.from}${region === 'global' ? '' : `/${region}`}`,
  rates: {
    textIn: microCentsPerToken(row.text.input),
    cachedTextIn: microCentsPerToken(row.text.cachedInput),
    audioIn: microCentsPerToken(row.audio.input),
    cachedAudioIn: microCentsPerToken(row.audio.cachedInput),
    // A model that takes no images has no rate for them.
    imageIn: microCentsPerToken(row.image?.input ?? 0),
    cachedImageIn: microCentsPerToken(row.image?.cachedInput ?? 0),
    textOut: microCentsPerToken(row.text.output),
    audioOut: microCentsPerToken(row.audio.output),
  },
  upliftPercent: region === 'global' ? 0 : row.regionalUpliftPercent,
});

/**
 * The price of `model` in `region` on the day of `at`, UTC: of its rows the latest that had begun. undefined for a model,
 * or a day, that the catalogue does not know: a price is never guessed.
 */
export const priceOf = (
  model: string,
  at: Date,
  region: DataResidency,
  catalogue: readonly CatalogueRow[] = PRICE_CATALOGUE,
): Price | undefined => {
  const day = at.toISOString().slice(0, 10);
  const [latest] = catalogue
    .filter((row) => row.from <= day && (row.model === model || row.aliases.includes(model)))
    .toSorted((one, other) => (one.from < other.from ? 1 : -1));
  return latest && priceOfRow(latest, region);
};

/** The price that a session stores by its version; undefined for a row that the catalogue does not have. */
export const priceOfVersion = (
  version: string,
  catalogue: readonly CatalogueRow[] = PRICE_CATALOGUE,
): Price | undefined => {
  const [name, regionName = 'global', ...more] = version.split('/');
  const row = catalogue.find(({ model, from }) => `${model}@${from}` === name);
  const region = DATA_RESIDENCIES.find((known) => known === regionName);
  if (row === undefined || region === undefined || more.length > 0) return undefined;
  const price = priceOfRow(row, region);
  // `…/global` is not a version that was ever written.
  return price.version === version ? price : undefined;
};

/** A quarter: by then OpenAI may have changed a price. */
export const CATALOGUE_STALE_AFTER_DAYS = 92;

/** Whole days since the rows were last compared with their sources; never negative. */
export const catalogueAgeDays = (now: Date): number =>
  Math.max(0, Math.floor((now.getTime() - Date.parse(`${CATALOGUE_VERSION}T00:00:00Z`)) / 86_400_000));

export const catalogueIsStale = (now: Date): boolean => catalogueAgeDays(now) > CATALOGUE_STALE_AFTER_DAYS;
