import { encryptionContextOf, type KeyScope } from '../keys/sealed-key.ts';
import { PLATFORM_ADDRESS } from '../keys/stored-key.ts';
import type { AuditRow } from './audit-record.ts';
import type { DecryptCall } from './decrypt-call.ts';

/** Disagreements between two records that were kept separately. */
export const FINDING_KINDS = {
  decrypt_without_row: 'KMS decrypted, and no audit row reports it',
  row_without_decrypt: 'An audit row reports a decrypt that CloudTrail does not know',
  context_mismatch: 'KMS decrypted for another workspace, scope or version than the row says',
  failed_decrypt: 'KMS refused to decrypt',
  request_id_repeated: 'One KMS request is in several rows, or one request id in several calls',
  intent_without_outcome: 'A session was reserved, or a key was to be opened, and nothing says how it ended',
  outcome_without_intent: 'A session or a use of a key ended that was never begun',
  conflicting_rows: 'Two different rows at one place of a chain',
} as const;

export type FindingKind = keyof typeof FINDING_KINDS;

/** One disagreement: where to look on either side. */
export interface Finding {
  readonly kind: FindingKind;
  readonly at: string;
  readonly kms_request_id?: string;
  readonly cloudtrail_event_id?: string;
  readonly workspace_id?: string;
  readonly sequence?: number;
  readonly session_id?: string;
  readonly detail?: string;
}

export interface Reconciliation {
  /** Within the window: calls, rows that report one, and pairs that agree. */
  readonly decrypts: number;
  readonly rows: number;
  readonly matched: number;
  readonly findings: readonly Finding[];
}

/** RFC 3339; from inclusive, to exclusive. */
export interface Window {
  readonly from?: string | undefined;
  readonly to?: string | undefined;
}

/** The fields of an audit row that a reconciliation reads. */
export type ReconciledRow = Pick<
  AuditRow,
  'workspaceId' | 'sequence' | 'type' | 'at' | 'siteId' | 'sessionId' | 'facts'
>;

/** True for a record that is judged. Every other record is only matched with the judged ones. */
export type Judged = (record: DecryptCall | ReconciledRow) => boolean;

export const isInWindow =
  ({ from, to }: Window): Judged =>
  ({ at }) => {
    const time = Date.parse(at);
    return !(time < Date.parse(from ?? '')) && !(time >= Date.parse(to ?? ''));
  };

const INTENTS: ReadonlySet<string> = new Set(['session.reserved', 'key.use_intended']);
const OUTCOMES: ReadonlySet<string> = new Set([
  'session.issued',
  'session.used',
  'session.refused',
  'key.use_settled',
]);

/** The key that an intent and its outcome share: the session, or the one opening of a key for a call. */
const subjectOf = ({ sessionId, facts }: ReconciledRow): string | null =>
  typeof facts['use_id'] === 'string' ? `${sessionId} ${facts['use_id']}` : sessionId;

/**
 * Joins CloudTrail's decrypts with the audit rows that carry their request ids, one to one, and returns every
 * disagreement. Both may contain duplicates (files twice, overlapping archive objects); only different ones count.
 */
export const reconcile = (
  given: { readonly decrypts: readonly DecryptCall[]; readonly rows: readonly ReconciledRow[] },
  inWindow: Judged = () => true,
): Reconciliation => {
  const { rows, conflicting } = uniqueRows(given.rows);
  const decrypts = [...new Map(given.decrypts.map((call) => [call.eventId, call])).values()];
  const decryptsById = Map.groupBy(decrypts, ({ requestId }) => requestId);
  const telling = rows.filter((row) => requestIdOf(row) !== undefined);
  const rowsById = Map.groupBy(telling, (row) => requestIdOf(row) ?? '');

  const judgedDecrypts = decrypts.filter(inWindow);
  const judgedRows = telling.filter(inWindow);
  const pairs = judgedDecrypts.map((call) => judge(call, rowsById, decryptsById));
  const findings = [
    ...pairs.flatMap(({ findings: found }) => found),
    ...judgedRows
      .filter((row) => !decryptsById.has(requestIdOf(row) ?? ''))
      .map(rowFinding('row_without_decrypt')),
    ...conflicting.filter(inWindow).map(rowFinding('conflicting_rows')),
    ...sessionFindings(rows, inWindow),
  ];
  return {
    decrypts: judgedDecrypts.length,
    rows: judgedRows.length,
    matched: pairs.filter(({ matched }) => matched).length,
    findings: findings.toSorted((a, b) => Date.parse(a.at) - Date.parse(b.at)),
  };
};

/** KMS's request id that a row carries. */
export const requestIdOf = ({ facts }: ReconciledRow): string | undefined =>
  typeof facts['kms_request_id'] === 'string' ? facts['kms_request_id'] : undefined;

const uniqueRows = (
  given: readonly ReconciledRow[],
): { readonly rows: readonly ReconciledRow[]; readonly conflicting: readonly ReconciledRow[] } => {
  const rows = new Map<string, ReconciledRow>();
  const conflicting: ReconciledRow[] = [];
  for (const row of given) {
    const place = `${row.workspaceId} ${row.sequence}`;
    const known = rows.get(place);
    if (known === undefined) rows.set(place, row);
    else if (JSON.stringify(known) !== JSON.stringify(row)) conflicting.push(row);
  }
  return { rows: [...rows.values()], conflicting };
};

const judge = (
  call: DecryptCall,
  rowsById: ReadonlyMap<string, readonly ReconciledRow[]>,
  decryptsById: ReadonlyMap<string, readonly DecryptCall[]>,
): { readonly matched: boolean; readonly findings: readonly Finding[] } => {
  const rows = rowsById.get(call.requestId) ?? [];
  const [row] = rows;
  const findings: Finding[] = [];
  if (call.errorCode !== undefined) findings.push(callFinding('failed_decrypt', call, row, call.errorCode));
  // A call that KMS refused opened no key, so no row reports it.
  if (row === undefined && call.errorCode !== undefined) return { matched: false, findings };
  if (row === undefined) return { matched: false, findings: [callFinding('decrypt_without_row', call)] };
  const calls = decryptsById.get(call.requestId) ?? [];
  if (rows.length > 1 || calls.length > 1)
    findings.push(
      callFinding('request_id_repeated', call, row, `${rows.length} rows, ${calls.length} calls`),
    );
  const differing = differingNames(call.encryptionContext, expectedContext(row));
  if (differing.length > 0) findings.push(callFinding('context_mismatch', call, row, differing.join('; ')));
  return { matched: rows.length === 1 && calls.length === 1 && differing.length === 0, findings };
};

/** The context that the decrypt of this row's session must have: its version and scope, and nothing else. */
const expectedContext = (row: ReconciledRow): Readonly<Record<string, string>> => {
  const scope = String(row.facts['key_scope']);
  const version = Number(row.facts['key_version']);
  const { workspaceId } = row;
  if (scope === PLATFORM_ADDRESS.scope) return encryptionContextOf({ ...PLATFORM_ADDRESS, version });
  const scopeId = scope === 'site' ? String(row.siteId) : workspaceId;
  return encryptionContextOf({ scope: scope as KeyScope, scopeId, workspaceId, version });
};

const differingNames = (
  actual: Readonly<Record<string, string>>,
  expected: Readonly<Record<string, string>>,
): string[] =>
  [...new Set([...Object.keys(expected), ...Object.keys(actual)])]
    .filter((name) => actual[name] !== expected[name])
    .map((name) => `${name}: KMS ${actual[name] ?? 'nothing'}, row ${expected[name] ?? 'nothing'}`);

const sessionFindings = (
  rows: readonly ReconciledRow[],
  inWindow: (row: ReconciledRow) => boolean,
): readonly Finding[] => {
  const sessionsOf = (wanted: (type: string) => boolean): ReadonlySet<string | null> =>
    new Set(rows.filter(({ type }) => wanted(type)).map(subjectOf));
  const reserved = sessionsOf((type) => INTENTS.has(type));
  const ended = sessionsOf((type) => OUTCOMES.has(type));
  return rows.filter(inWindow).flatMap((row) => {
    if (INTENTS.has(row.type) && !ended.has(subjectOf(row)))
      return [rowFinding('intent_without_outcome')(row)];
    if (OUTCOMES.has(row.type) && !reserved.has(subjectOf(row)))
      return [rowFinding('outcome_without_intent')(row)];
    return [];
  });
};

const rowFinding =
  (kind: FindingKind) =>
  (row: ReconciledRow): Finding => {
    const requestId = requestIdOf(row);
    return {
      kind,
      at: row.at,
      ...(requestId !== undefined && { kms_request_id: requestId }),
      workspace_id: row.workspaceId,
      sequence: row.sequence,
      ...(row.sessionId !== null && { session_id: row.sessionId }),
    };
  };

const callFinding = (
  kind: FindingKind,
  call: DecryptCall,
  row?: ReconciledRow,
  detail?: string,
): Finding => ({
  ...(row !== undefined && rowFinding(kind)(row)),
  kind,
  at: call.at,
  kms_request_id: call.requestId,
  cloudtrail_event_id: call.eventId,
  detail: [detail, call.principal].filter((part) => part !== undefined).join(', by '),
});
