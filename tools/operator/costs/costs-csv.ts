import { parse } from 'csv-parse/sync';
import { z } from 'zod';

/** A charge of OpenAI on one day for one line item. */
export interface ChargedLine {
  /** `2026-11`, UTC. */
  readonly month: string;
  readonly lineItem: string;
  readonly project: string;
  /** Whole micro-cents. */
  readonly microCents: number;
}

export const MICRO_CENTS_PER_USD = 100_000_000;

/** The rows of a CSV text with a header, with unchanged column names. */
export const csvRows = (text: string): Record<string, string>[] =>
  z
    .array(z.record(z.string(), z.string()))
    .parse(parse(text, { columns: true, bom: true, skip_empty_lines: true, trim: true }));

const firstOf = (row: Readonly<Record<string, string>>, ...names: readonly string[]): string => {
  const name = names.find((candidate) => candidate in row);
  if (name === undefined) throw new Error(`There is no column ${names.join(' or ')}.`);
  return row[name] ?? '';
};

/** Unix seconds, a day or a time. */
const monthOf = (time: string): string => {
  const date = /^\d+(?:\.\d+)?$/.test(time) ? new Date(Number(time) * 1_000) : new Date(time);
  if (Number.isNaN(date.getTime())) throw new Error('A time could not be read.');
  return date.toISOString().slice(0, 7);
};

/**
 * The lines of a CSV of OpenAI's costs, exported from the dashboard or created from `GET /v1/organization/costs` grouped
 * by line item. Columns: `start_time`, `start_time_iso` or `date`; `line_item`; `amount_value`, `amount` or `value`; and,
 * if they are there, `currency` or `amount_currency`, and `project`, `project_id` or `project_name`. Throws on a currency
 * that is not USD and on anything that it cannot read, because a skipped line would be an unnoticed drift.
 */
export const parseCosts = (text: string): ChargedLine[] =>
  csvRows(text).map((row) => {
    const currency = row['currency'] ?? row['amount_currency'] ?? 'usd';
    if (currency.toLowerCase() !== 'usd') throw new Error('A line is not in USD.');
    const amount = firstOf(row, 'amount_value', 'amount', 'value');
    if (amount === '' || !Number.isFinite(Number(amount))) throw new Error('An amount could not be read.');
    return {
      month: monthOf(firstOf(row, 'start_time', 'start_time_iso', 'date')),
      lineItem: firstOf(row, 'line_item'),
      project: row['project_id'] ?? row['project'] ?? row['project_name'] ?? '',
      microCents: Math.round(Number(amount) * MICRO_CENTS_PER_USD),
    };
  });
