import type { DataOf } from '../api/routes.ts';

/** The price of a minute, and its source. */
export interface Rate {
  readonly centsPerMinute: number;
  /** `past`: recent conversations. Otherwise the model of a typical conversation. */
  readonly source: 'past' | { readonly model: string };
}

type Sum = Pick<DataOf<'readWorkspaceUsage'>['totals'], 'seconds' | 'cost_cents' | 'unpriced_sessions'>;

/** A few minutes of conversation do not predict the next hours. */
const ENOUGH_SECONDS = 600;

/** The price of a minute by past usage; undefined if there is too little usage or the cost of some sessions is unknown. */
export const pastRate = (sum: Sum | undefined): Rate | undefined =>
  sum === undefined || sum.seconds < ENOUGH_SECONDS || sum.cost_cents === 0 || sum.unpriced_sessions > 0
    ? undefined
    : { centsPerMinute: sum.cost_cents / (sum.seconds / 60), source: 'past' };

/** The price of a minute of a typical conversation. */
export const typicalRate = ({ model, per_session }: DataOf<'estimateCost'>): Rate => ({
  centsPerMinute: per_session.cost_cents / per_session.minutes,
  source: { model },
});

/** Whole minutes that an amount buys at a rate. */
export const minutesFor = (amountUsd: number, { centsPerMinute }: Rate): number =>
  Math.floor((amountUsd * 100) / centsPerMinute);
