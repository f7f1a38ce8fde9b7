import { BrokerError } from '../../domain/broker-error.ts';
import { type BudgetAction, type BudgetSettings, MICRO_CENTS_PER_USD } from '../../domain/budgets/budget.ts';
import { highestCostOfResponse } from '../../domain/budgets/response-bound.ts';
import type { Site } from '../../domain/tenancy/workspace.ts';
import { priceOf } from '../../domain/usage/price-catalogue.ts';

type PricedSite = Pick<Site, 'name' | 'model' | 'dataResidency' | 'conversation'>;

/** Returns the part of a site whose cost cannot be known in advance; undefined where every part has a price. */
export const priceFault = (
  { name, model, dataResidency, conversation }: PricedSite,
  now: Date,
): { readonly path: string; readonly message: string } | undefined => {
  if (priceOf(model, now, dataResidency) === undefined)
    return { path: 'model', message: `The price of ${model}, the model of ${name}, is not known.` };
  const { transcription } = conversation;
  return transcription === null
    ? undefined
    : {
        path: 'conversation.transcription',
        message: `The price of ${transcription.model}, the transcription model of ${name}, is not known.`,
      };
};

/** Throws `price_required`, naming the sites, where `never_exceed` could not know what a response costs. */
export const refuseUnpriced = (action: BudgetAction, sites: readonly PricedSite[], now: Date): void => {
  if (action !== 'never_exceed') return;
  const details = sites.flatMap((site) => priceFault(site, now) ?? []);
  if (details.length > 0) throw new BrokerError('price_required', { details: details.slice(0, 20) });
};

/** Throws `invalid_request`, naming the least amount, where `never_exceed` could not pay for one response of each site. */
export const refuseTooSmall = (
  { action, amountMicroCents }: BudgetSettings,
  sites: readonly (PricedSite & Pick<Site, 'instructions'>)[],
  now: Date,
): void => {
  if (action !== 'never_exceed') return;
  const least = Math.max(
    0,
    ...sites.map(({ model, dataResidency, instructions, conversation: { maxOutputTokens } }) => {
      const price = priceOf(model, now, dataResidency);
      return price === undefined
        ? 0
        : highestCostOfResponse(price, { instructions, turnMs: 0, maxOutputTokens });
    }),
  );
  if (amountMicroCents >= least) return;
  const usd = (Math.ceil((least * 100) / MICRO_CENTS_PER_USD) / 100).toFixed(2);
  throw new BrokerError('invalid_request', {
    details: [
      {
        path: 'amount_usd',
        message: `never_exceed needs at least ${usd}: the highest possible cost of one response.`,
      },
    ],
  });
};
