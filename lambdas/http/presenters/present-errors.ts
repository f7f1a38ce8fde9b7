import { PROBLEMS, type ProblemName } from '../../contract/problems.ts';
import type { ErrorRow } from '../../domain/sessions/error-row.ts';

/** The catalogue explains our own refusals. A code that it no longer has stays unchanged. */
const sentenceOf = (refusal: string): string =>
  refusal in PROBLEMS ? PROBLEMS[refusal as ProblemName].message : refusal;

export const presentError = (row: ErrorRow) => ({
  site_id: row.siteId ?? null,
  code: row.code,
  source: row.source,
  reason: row.openAiFailure ?? null,
  origin: row.origin ?? null,
  message: row.openAiFailure === undefined ? sentenceOf(row.code) : row.message,
  count: row.count,
  first_at: row.firstAt,
  last_at: row.lastAt,
  session_id: row.sessionId ?? null,
});
