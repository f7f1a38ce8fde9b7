import { priceOf } from '../../../lambdas/domain/usage/price-catalogue.ts';
import type { ChargedLine } from './costs-csv.ts';
import type { CountedRow } from './usage-export.ts';

/** One month and model in both records. */
export interface Drift {
  readonly month: string;
  readonly model: string;
  /** Whole micro-cents. */
  readonly counted: number;
  readonly charged: number;
  /** Charged less counted: positive if OpenAI charged more than we counted. */
  readonly drift: number;
  /** Relative to the charge; null if nothing was charged. */
  readonly driftPercent: number | null;
  readonly unpricedSessions: number;
}

export interface CostComparison {
  readonly drifts: readonly Drift[];
  /** Charged for models that are neither in the price catalogue nor in our usage: other uses of the account. */
  readonly otherMicroCents: number;
}

/**
 * `realtime api | gpt-realtime-2.1 audio, cached input`: the model is the first word, after the optional name of the
 * API.
 */
const modelIn = (lineItem: string): string | undefined =>
  /^(?:[^|]*\|)?\s*([a-z0-9][a-z0-9.-]*)/i.exec(lineItem)?.[1]?.toLowerCase();

/** Dated names count for the model with the same price. */
const canonical = (model: string, month: string): string =>
  priceOf(model, endOfMonth(month), 'global')?.model ?? model;

const endOfMonth = (month: string): Date => {
  const [year = 0, number = 1] = month.split('-').map(Number);
  return new Date(Date.UTC(year, number, 0));
};

const sumsByPlace = <Item>(
  items: readonly Item[],
  placeOf: (item: Item) => string,
  amountOf: (item: Item) => number,
): ReadonlyMap<string, number> =>
  new Map(
    [...Map.groupBy(items, placeOf)].map(([place, members]) => [
      place,
      members.reduce((sum, item) => sum + amountOf(item), 0),
    ]),
  );

/** Compares OpenAI's charges with our count, per month (UTC) and model, sorted by both. */
export const compareCosts = (
  charged: readonly ChargedLine[],
  counted: readonly CountedRow[],
): CostComparison => {
  const placeOfRow = ({ month, model }: CountedRow): string => `${month} ${canonical(model, month)}`;
  const ourModels = new Set(counted.map(({ model, month }) => canonical(model, month)));
  const lines = charged.map((line) => {
    const model = canonical(modelIn(line.lineItem) ?? '', line.month);
    const known = ourModels.has(model) || priceOf(model, endOfMonth(line.month), 'global') !== undefined;
    return { ...line, place: known ? `${line.month} ${model}` : undefined };
  });
  const ofModels = lines.flatMap(({ place, microCents }) =>
    place === undefined ? [] : [{ place, microCents }],
  );
  const theirs = sumsByPlace(
    ofModels,
    ({ place }) => place,
    ({ microCents }) => microCents,
  );
  const ours = sumsByPlace(counted, placeOfRow, ({ microCents }) => microCents);
  const unpriced = sumsByPlace(counted, placeOfRow, ({ unpricedSessions }) => unpricedSessions);
  const drifts = [...new Set([...ours.keys(), ...theirs.keys()])].sort().map((place): Drift => {
    const [month = '', model = ''] = place.split(' ');
    const [weCounted, theyCharged] = [ours.get(place) ?? 0, theirs.get(place) ?? 0];
    return {
      month,
      model,
      counted: weCounted,
      charged: theyCharged,
      drift: theyCharged - weCounted,
      driftPercent: theyCharged === 0 ? null : ((theyCharged - weCounted) / theyCharged) * 100,
      unpricedSessions: unpriced.get(place) ?? 0,
    };
  });
  const otherMicroCents = lines.reduce(
    (sum, { place, microCents }) => (place === undefined ? sum + microCents : sum),
    0,
  );
  return { drifts, otherMicroCents };
};

/** True if a drift is within `tolerancePercent` of the charge. A drift of a cent is always tolerated. */
export const withinTolerance = ({ drift, charged }: Drift, tolerancePercent: number): boolean =>
  Math.abs(drift) <= Math.max(1_000_000, (charged * tolerancePercent) / 100);
