import { stringify } from 'csv-stringify/sync';
import Negotiator from 'negotiator';
import * as z from 'zod';
import type { CsvTable } from '../contract/routes.ts';

/** Content types that we can answer with, in our order of preference; a caller may name the encoding. */
const OFFERED = ['application/json', 'text/csv', 'text/csv; charset=utf-8'];

/** True if the caller prefers CSV to JSON. @default JSON */
export const prefersCsv = (accept: string | undefined): boolean =>
  new Negotiator({ headers: { accept: accept ?? '*/*' } }).mediaType(OFFERED)?.startsWith('text/csv') ===
  true;

/**
 * `data` as RFC 4180: a header row, lines that end in CRLF, nested fields joined by `_`, `null` an empty cell, lists separated
 * by spaces. The columns follow from the schema, not from the rows.
 *
 * No cell is a formula: a cell that begins with = + - @, a tab or a carriage return gets an apostrophe in front. Spreadsheets
 * would run it, and some texts come from a visitor's browser. https://owasp.org/www-community/attacks/CSV_Injection
 */
export const csvOf = ({ list, record }: CsvTable, data: unknown): string =>
  stringify(
    z
      .record(z.string(), z.unknown())
      .transform((answer) => answer[list])
      .pipe(z.array(z.unknown()))
      .parse(data),
    {
      header: true,
      columns: columnsOf(record),
      record_delimiter: 'windows',
      escape_formulas: true,
      cast: {
        boolean: String,
        object: (value) => (Array.isArray(value) ? value.join(' ') : JSON.stringify(value)),
      },
    },
  );

interface Column {
  readonly key: string[];
  readonly header: string;
}

const columnsOf = (record: z.ZodObject, path: readonly string[] = []): Column[] =>
  Object.entries(record.shape).flatMap(([name, field]) => {
    const key = [...path, name];
    return field instanceof z.ZodObject ? columnsOf(field, key) : [{ key, header: key.join('_') }];
  });

/** `usage-<id>-2026-11-01-2026-11-30.csv`. Every part is an id or a day: nothing needs quoting. */
export const csvFileName = ({ name }: CsvTable, parts: readonly (string | undefined)[]): string =>
  `${[name, ...parts.filter((part) => part !== undefined && /^[a-z0-9-]+$/.test(part))].join('-')}.csv`;
