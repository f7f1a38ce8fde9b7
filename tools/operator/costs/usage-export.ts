import { z } from 'zod';
import { BILLING_MODES } from '../../../lambdas/domain/tenancy/workspace.ts';
import { MICRO_CENTS_PER_CENT } from '../../../lambdas/domain/usage/cost.ts';
import { csvRows } from './costs-csv.ts';

/** Our own count on one day for one model. */
export interface CountedRow {
  /** `2026-11`, UTC. */
  readonly month: string;
  readonly model: string;
  readonly mode: string | undefined;
  /** Whole micro-cents. */
  readonly microCents: number;
  /** Sessions without a counted cost, because their model has no known price. */
  readonly unpricedSessions: number;
}

const usageRow = z.object({
  day: z.string().regex(/^\d{4}-\d{2}-\d{2}/),
  model: z.string().min(1),
  // Empty if the usage was not grouped by it.
  mode: z.union([z.enum(BILLING_MODES), z.literal('').transform(() => undefined)]).optional(),
  cost_cents: z.coerce.number().min(0),
  unpriced_sessions: z.coerce.number().min(0).default(0),
});

const countedRow = (row: unknown): CountedRow => {
  const parsed = usageRow.safeParse(row);
  if (!parsed.success)
    throw new Error(
      `A row of usage could not be read (${parsed.error.issues.map(({ path }) => path.join('.')).join(', ')}). It takes usage by day and model.`,
    );
  const { day, model, mode, cost_cents, unpriced_sessions } = parsed.data;
  return {
    month: day.slice(0, 7),
    model,
    mode,
    microCents: Math.round(cost_cents * MICRO_CENTS_PER_CENT),
    unpricedSessions: unpriced_sessions,
  };
};

/**
 * Rows of our usage by day and model, from CSV with the names of the contract or from one JSON object per line. Throws on
 * a row that it cannot read.
 */
export const parseUsage = (text: string): CountedRow[] => {
  const rows: unknown[] = text.trimStart().startsWith('{')
    ? text.split('\n').flatMap((line) => (line.trim() === '' ? [] : [JSON.parse(line)]))
    : csvRows(text);
  return rows.map(countedRow);
};
