import { BrokerError } from '../../domain/broker-error.ts';
import { type BudgetAction, type BudgetSettings, MICRO_CENTS_PER_USD } from '../../domain/budgets/budget.ts';
import { highestCostOfResponse } from '../../domain/budgets/response-bound.ts';
import { firstMessagePrompt } from '../../domain/tenancy/first-message.ts';
import type { Site } from '../../domain/tenancy/workspace.ts';
import { priceOf } from '../../domain/usage/price-catalogue.ts';

type PricedSite = Pick<Site, 'name' | 'model' | 'dataResidency' | 'conversation'>;

/** Returns the part of a site whose cost cannot be known in advance; undefined if every part has a price. */
const priceFault = (
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

/** Throws `price_required`, naming the sites, if `never_exceed` could not know the cost of a response. */
export const refuseUnpriced = (action: BudgetAction, sites: readonly PricedSite[], now: Date): void => {
  if (action !== 'never_exceed') return;
  const details = sites.flatMap((site) => priceFault(site, now) ?? []);
  if (details.length > 0) throw new BrokerError('price_required', { details: details.slice(0, 20) });
};

type AnsweringSite = PricedSite & Pick<Site, 'instructions'>;

/** The highest possible cost of one response, micro-cents; 0 where the price is not known. */
const costOfResponse = (
  { model, dataResidency, instructions, conversation }: AnsweringSite,
  now: Date,
): number => {
  const price = priceOf(model, now, dataResidency);
  if (price === undefined) return 0;
  return highestCostOfResponse(price, {
    instructions: `${instructions}${firstMessagePrompt(conversation) ?? ''}`,
    turnMs: 0,
    maxOutputTokens: conversation.maxOutputTokens,
  });
};

/** USD with two decimals. */
const roundedUp = (microCents: number): string =>
  (Math.ceil((microCents * 100) / MICRO_CENTS_PER_USD) / 100).toFixed(2);

/** Throws `invalid_request`, naming the least amount, if `never_exceed` could not pay for one response of each site. */
export const refuseTooSmall = (
  { action, amountMicroCents }: BudgetSettings,
  sites: readonly AnsweringSite[],
  now: Date,
): void => {
  if (action !== 'never_exceed') return;
  const least = Math.max(0, ...sites.map((site) => costOfResponse(site, now)));
  if (amountMicroCents >= least) return;
  const usd = roundedUp(least);
  throw new BrokerError('invalid_request', {
    details: [
      {
        path: 'amount_usd',
        message: `never_exceed needs at least ${usd}: the highest possible cost of one response.`,
      },
    ],
  });
};

/** True if the change can make a response cost more. */
export const changesCost = (before: AnsweringSite, after: AnsweringSite): boolean =>
  before.model !== after.model ||
  before.instructions !== after.instructions ||
  before.dataResidency !== after.dataResidency ||
  before.conversation !== after.conversation;

/**
 * Throws `price_required`, or `invalid_request` naming the least amount, if a budget with `never_exceed` that the site counts
 * against could not pay for one response: no visitor could speak.
 */
export const refuseUnreservable = (
  budgets: readonly BudgetSettings[],
  site: AnsweringSite,
  now: Date,
): void => {
  for (const { action, amountMicroCents } of budgets) {
    refuseUnpriced(action, [site], now);
    const cost = costOfResponse(site, now);
    if (action === 'never_exceed' && amountMicroCents < cost)
      throw new BrokerError('invalid_request', {
        details: [
          {
            path: 'conversation.max_output_tokens',
            message: `One response of ${site.name} could cost ${roundedUp(cost)} USD, more than its never_exceed budget. Lower max_output_tokens, shorten the instructions, or raise the budget.`,
          },
        ],
      });
  }
};
