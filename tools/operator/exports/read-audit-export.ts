import { parse } from 'csv-parse/sync';
import * as z from 'zod';
import { auditRow } from '../../../lambdas/contract/audit.ts';
import type { AuditRow } from '../../../lambdas/domain/audit/audit-record.ts';

/** A file that the dashboard or `GET …/audit` with `Accept: text/csv` wrote. */
export interface AuditExport {
  /** undefined: the file does not name it. */
  readonly workspaceId: string | undefined;
  /** Names of filters that leave rows out between the first and the last; undefined: the file does not name its filters. */
  readonly filters: readonly string[] | undefined;
  /** In the order of the file. Their `workspaceId` is that of the file, or empty. */
  readonly rows: readonly AuditRow[];
}

const document = z.object({
  format: z.literal('spelo-export/1'),
  list: z.literal('audit'),
  workspace_id: z.string(),
  filter: z.record(z.string(), z.unknown()),
  items: z.array(z.unknown()),
});

/** Time filters leave no gap in the chain. */
const WITHOUT_GAPS = new Set(['from', 'to', 'limit']);

/**
 * Reads a JSON or a CSV export.
 *
 * @throws Error that names the first row that is not an audit row, without its content.
 */
export const readAuditExport = (text: string): AuditExport =>
  /^\s*\{/.test(text) ? readJson(text) : readCsv(text);

const readJson = (text: string): AuditExport => {
  const parsed = document.safeParse(parseJson(text));
  if (!parsed.success) throw new Error('The file is not an export of an audit trail.');
  const { workspace_id, filter, items } = parsed.data;
  return {
    workspaceId: workspace_id,
    filters: Object.keys(filter).filter((name) => !WITHOUT_GAPS.has(name)),
    rows: items.map((item, index) => rowOf(item, workspace_id, index)),
  };
};

const readCsv = (text: string): AuditExport => {
  const lines = z
    .array(z.record(z.string(), z.string()))
    .parse(parse(text, { columns: true, bom: true, skip_empty_lines: true }));
  const rows = lines.map((line, index) => {
    const cells = Object.entries(line).map(([name, cell]) => [name, plainCell(cell)] as const);
    const { sequence, facts, ...others } = Object.fromEntries(cells);
    const nullable = Object.fromEntries(
      ['site_id', 'session_id', 'ip_hash'].map((name) => [name, others[name] === '' ? null : others[name]]),
    );
    return rowOf(
      { ...others, ...nullable, sequence: Number(sequence), facts: parseJson(facts ?? '') },
      '',
      index,
    );
  });
  const workspaceId = rows.flatMap(({ sequence, previousHash }) =>
    sequence === 1 ? [previousHash.replace(/^chain:/, '')] : [],
  )[0];
  return {
    workspaceId,
    filters: undefined,
    rows: rows.map((row) => ({ ...row, workspaceId: workspaceId ?? '' })),
  };
};

/** Removes the apostrophe that keeps a spreadsheet from running a cell as a formula (docs/usage.md). */
const plainCell = (cell: string): string => cell.replace(/^'(?=[=+\-@\t\r\uff1d\uff0b\uff0d\uff20])/, '');

const rowOf = (item: unknown, workspaceId: string, index: number): AuditRow => {
  const parsed = auditRow.strict().safeParse(item);
  if (!parsed.success) throw new Error(`Row ${index + 1} of the file is not an audit row.`);
  const row = parsed.data;
  return {
    workspaceId,
    sequence: row.sequence,
    eventId: row.event_id,
    type: row.type,
    at: row.at,
    actor: row.actor,
    siteId: row.site_id,
    sessionId: row.session_id,
    ipHash: row.ip_hash,
    facts: row.facts,
    previousHash: row.previous_hash,
    hash: row.hash,
  };
};

const parseJson = (text: string): unknown => {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
};
