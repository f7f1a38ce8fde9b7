import type { DataOf } from '../api/routes.ts';

/** The price of a minute, and where it is known from. */
export interface Rate {
  readonly centsPerMinute: number;
  /** `past`: of the latest conversations. Otherwise the model whose typical conversation it is. */
  readonly source: 'past' | { readonly model: string };
}

type Sum = Pick<DataOf<'readWorkspaceUsage'>['totals'], 'seconds' | 'cost_cents' | 'unpriced_sessions'>;

/** A few minutes of talk say little about the next hours. */
const ENOUGH_SECONDS = 600;

/** The price of a minute by past usage; undefined where that is too little, or without the cost of some sessions. */
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
