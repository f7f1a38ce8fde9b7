import * as z from 'zod';
import { budget, listedBudget } from './budgets.ts';
import { timestamp } from './common.ts';
import { usage } from './usage.ts';

/** Schemas of the overview of a workspace. */

export const overviewQuery = z
  .strictObject({
    own_origin: z
      .string()
      .max(300)
      .optional()
      .describe(
        'Sessions from this origin do not count as visitors. A dashboard passes its own origin, because people test there.',
      ),
  })
  .meta({ id: 'OverviewQuery' });

const seen = (what: string) =>
  z
    .boolean()
    .nullable()
    .describe(
      `${what} null: not found among the latest sessions of the first sites. Older sessions were not read.`,
    );

export const overview = z
  .object({
    at: timestamp,
    month: usage.describe('This month up to today, by day in UTC.'),
    budget: budget.nullable().describe('The budget of the workspace; null: none is set.'),
    tight_site_budgets: z
      .array(listedBudget)
      .describe(
        'Budgets of sites that are at least 80 % used or forecast to run out, the most used first. At most 20.',
      ),
    visitors: z
      .object({
        session_seen: seen('A visitor has opened a session.'),
        talked: seen('OpenAI has answered a visitor.'),
      })
      .describe('Visitors of the sites that are not archived.'),
  })
  .meta({ id: 'Overview' });
