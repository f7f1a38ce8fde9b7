import * as z from 'zod';
import { BUDGET_ACTIONS } from '../domain/budgets/budget.ts';
import { BUDGET_PERIODS } from '../domain/budgets/budget-period.ts';
import { siteIdSchema, timestamp } from './common.ts';

/** Schemas of budgets, which limit the cost of customers' own keys in a day or a month. */

const settings = {
  period: z.enum(BUDGET_PERIODS).describe("A local day or month, by the workspace's `time_zone`."),
  amount_usd: z
    .number()
    .min(0.01)
    .max(1_000_000)
    .describe('The most that the keys in this scope may cost in the period, US dollars.'),
  action: z
    .enum(BUDGET_ACTIONS)
    .describe(
      '`notify`: notices at 50, 80 and 100 %. `refuse`: also opens no session at 100 %. `end_calls`: also hangs up running calls at 100 %; needs `control` brokered or locked. `never_exceed`: starts a response only if its highest possible cost still fits; needs `control` locked.',
    ),
};

export const putBudgetRequest = z
  .strictObject({
    ...settings,
    expected_changed_at: timestamp
      .nullable()
      .optional()
      .describe(
        '`changed_at` of the budget that you read, or null if there was none. If the budget was set, changed or removed since then, it stays as it is: `changed_meanwhile`. Without this field, the request replaces any budget.',
      ),
  })
  .meta({ id: 'PutBudgetRequest' });

export const budget = z
  .object({
    scope: z.enum(['site', 'workspace']),
    ...settings,
    spent_usd: z.number().describe('Counted in the current period, at list prices.'),
    reserved_usd: z.number().describe('Highest possible cost of responses that have not ended yet.'),
    remaining_usd: z
      .number()
      .describe('Amount less spent less reserved. Negative once the amount is passed.'),
    started_at: timestamp.describe('Start of the current period.'),
    resets_at: timestamp,
    forecast_usd: z
      .number()
      .nullable()
      .describe(
        'Cost of the whole period if spending continues at its current rate. null until a tenth of the period has passed.',
      ),
    paused: z
      .boolean()
      .describe(
        'True while billing_mode is managed: budgets apply only to keys of the workspace and its sites.',
      ),
    changed_at: timestamp,
    changed_by: z.string(),
  })
  .meta({ id: 'Budget' });

export const listedBudget = budget
  .extend({ site_id: siteIdSchema.nullable().describe('null: the budget of the workspace.') })
  .meta({ id: 'ListedBudget' });
