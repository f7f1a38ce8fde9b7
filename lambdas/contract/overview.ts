import * as z from 'zod';
import { budget, listedBudget } from './budgets.ts';
import { timestamp } from './common.ts';
import { usage } from './usage.ts';

/** Shape of a workspace at a glance. */

export const overviewQuery = z
  .strictObject({
    own_origin: z
      .string()
      .max(300)
      .optional()
      .describe('Sessions from this origin are not visitors. A dashboard passes its own, where people test.'),
  })
  .meta({ id: 'OverviewQuery' });

const seen = (what: string) =>
  z
    .boolean()
    .nullable()
    .describe(
      `${what} null: not among the latest sessions of the first sites, and older ones were not read.`,
    );

export const overview = z
  .object({
    at: timestamp,
    month: usage.describe('This month until today, by day, days in UTC.'),
    budget: budget.nullable().describe('The budget of the workspace; null: none is set.'),
    tight_site_budgets: z
      .array(listedBudget)
      .describe(
        'Budgets of sites that are used to 80 % or forecast to be used up, the fullest first. At most 20.',
      ),
    visitors: z
      .object({
        session_seen: seen('A visitor has opened a session.'),
        talked: seen('OpenAI has answered a visitor.'),
      })
      .describe('Visitors of the sites that are not archived.'),
  })
  .meta({ id: 'Overview' });
