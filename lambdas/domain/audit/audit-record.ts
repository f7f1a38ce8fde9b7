import { createHmac } from 'node:crypto';
import { isSameBytes, isSameText } from '../constant-time.ts';

/**
 * The audit trail: one chain of rows per workspace. Each row carries a keyed hash over itself and the hash of the row
 * before it, so that changing, removing or inserting a row shows, and nobody without the chain's key can mend it.
 */

export const AUDIT_EVENT_TYPES = [
  'session.reserved',
  'session.issued',
  'session.used',
  'session.refused',
  'workspace.created',
  'workspace.changed',
  'workspace.plan_changed',
  'workspace.deleted',
  'workspace.restored',
  'member.saved',
  'member.removed',
  'member.invited',
  'member.invitation_removed',
  'api_token.created',
  'api_token.revoked',
  'site.created',
  'site.changed',
  'site.archived',
  'site.model_retiring',
  'site.model_moved',
  'key.stored',
  'key.deleted',
  'key.suspended',
  'key.resumed',
  'key.rolled_back',
  'key.reencrypted',
  'key.rewrapped',
  'key.marked',
  'key.item_written',
  'key.retained_removed',
  'key.use_intended',
  'key.use_settled',
  'session.end_requested',
  'service.stopped',
  'service.resumed',
  'service.heartbeat',
  'anomaly.detected',
  'tampering.detected',
  'plan.threshold_reached',
  'budget.changed',
  'budget.removed',
  'budget.threshold_reached',
  'embed_key.stored',
  'embed_key.removed',
  'usage.corrected',
  'mail_alerts.verified',
  'mail_alerts.changed',
  'webhook.created',
  'webhook.changed',
  'webhook.removed',
  'webhook.secret_rotated',
] as const;

export type AuditEventType = (typeof AUDIT_EVENT_TYPES)[number];

/**
 * True for types with a separate index, so that a rare event is found among many sessions.
 * Sessions have no index, because most rows are sessions.
 */
export const isIndexedType = (type: AuditEventType): boolean => !type.startsWith('session.');

/** Facts of an event, flat. Ids, names of fields, versions; never a secret, never free text from outside. */
export type AuditFacts = Readonly<Record<string, string | number | boolean>>;

export interface AuditEvent {
  /** Unique; the same event delivered again has the same id. */
  readonly eventId: string;
  readonly workspaceId: string;
  readonly type: AuditEventType;
  /** When it happened, RFC 3339. */
  readonly at: string;
  /**
   * `sub` of a person, `token:<ID>` of an API token, `visitor`, `system:<function>`, or `operator:<ARN>` for a command of an
   * operator.
   */
  readonly actor: string;
  readonly siteId: string | null;
  readonly sessionId: string | null;
  /** Keyed hash of the caller's address. */
  readonly ipHash: string | null;
  readonly facts: AuditFacts;
}

/** An event at its place in the chain. */
export interface AuditRow extends Omit<AuditEvent, 'type'> {
  /** `row.damaged` is never written: it replaces a row that can no longer be read. */
  readonly type: AuditEventType | 'row.damaged';
  /** 1, 2, 3, … without a gap. */
  readonly sequence: number;
  /** Hash of row `sequence - 1`; of the first row, the chain's name. */
  readonly previousHash: string;
  /** Hex HMAC-SHA-256 over the row's canonical form. */
  readonly hash: string;
}

/** The end of a chain. A new chain ends at 0. */
export interface ChainHead {
  readonly sequence: number;
  readonly hash: string;
}

/** The head of a chain without rows; also ties the first row to its workspace. */
export const emptyChain = (workspaceId: string): ChainHead => ({ sequence: 0, hash: `chain:${workspaceId}` });

/** JSON with sorted keys: one spelling for one row. */
const canonical = (row: Omit<AuditRow, 'hash'>): string =>
  JSON.stringify([
    row.sequence,
    row.previousHash,
    row.eventId,
    row.workspaceId,
    row.type,
    row.at,
    row.actor,
    row.siteId,
    row.sessionId,
    row.ipHash,
    Object.entries(row.facts).sort(([a], [b]) => (a < b ? -1 : 1)),
  ]);

const hashOf = (row: Omit<AuditRow, 'hash'>, chainKey: Uint8Array): string =>
  createHmac('sha256', chainKey).update(canonical(row), 'utf8').digest('hex');

/** The row that puts `event` after `head`. */
export const chainRow = (event: AuditEvent, head: ChainHead, chainKey: Uint8Array): AuditRow => {
  const row = { ...event, sequence: head.sequence + 1, previousHash: head.hash };
  return { ...row, hash: hashOf(row, chainKey) };
};

export type ChainFault = 'missing' | 'out_of_order' | 'altered' | 'cut_off';

export interface ChainVerification {
  readonly intact: boolean;
  /** How many rows were sound. */
  readonly rows: number;
  readonly head: ChainHead;
  /** The first row that differs from the written one. */
  readonly broken: { readonly sequence: number; readonly fault: ChainFault } | undefined;
}

/** Checks a chain row by row, as pages of it come in. Holds only the head, however long the chain is. */
export class ChainVerifier {
  readonly #chainKey: Uint8Array;
  #head: ChainHead;
  #beforeHead: ChainHead;
  #broken: ChainVerification['broken'];
  /** The highest sequence that is known to have existed. */
  #seen: number;

  /** Starts at the first row, or at the row after `checked`, which an earlier check has verified. */
  constructor(workspaceId: string, chainKey: Uint8Array, checked?: ChainHead) {
    this.#chainKey = chainKey;
    this.#head = checked ?? emptyChain(workspaceId);
    this.#beforeHead = this.#head;
    this.#seen = checked === undefined ? 0 : checked.sequence + 1;
  }

  /** True after a fault: no later row changes the verdict. */
  get decided(): boolean {
    return this.#broken !== undefined;
  }

  /**
   * Where another check can continue: one row before the head, so that it reads the last row of this check again and notices
   * if that row has changed or is gone.
   */
  get checked(): ChainHead {
    return this.#beforeHead;
  }

  /** Takes the next row in order of sequence. Rows after the first fault are not judged. */
  take(row: AuditRow): void {
    if (this.#broken !== undefined) return;
    const fault = this.#faultOf(row);
    if (fault === undefined) {
      this.#beforeHead = this.#head;
      this.#head = { sequence: row.sequence, hash: row.hash };
    } else this.#broken = fault;
  }

  #faultOf(row: AuditRow): ChainVerification['broken'] {
    const expected = this.#head.sequence + 1;
    if (row.type === 'row.damaged') return { sequence: expected, fault: 'altered' };
    if (row.sequence > expected) return { sequence: expected, fault: 'missing' };
    if (row.sequence < expected) return { sequence: row.sequence, fault: 'out_of_order' };
    const sound = isSameText(hashOf(row, this.#chainKey), row.hash) && row.previousHash === this.#head.hash;
    return sound ? undefined : { sequence: expected, fault: 'altered' };
  }

  /** The verdict; `lastWritten` is the highest sequence that the event markers know of, which a cut-off tail lacks. */
  finish(lastWritten: number): ChainVerification {
    const cutOff =
      this.#broken === undefined && Math.max(lastWritten, this.#seen) > this.#head.sequence
        ? ({ sequence: this.#head.sequence + 1, fault: 'cut_off' } as const)
        : undefined;
    const broken = this.#broken ?? cutOff;
    return { intact: broken === undefined, rows: this.#head.sequence, head: this.#head, broken };
  }
}

/** How long a check can be continued: its result is about the rows at the time of its reads. */
const CONTINUATION_MS = 3_600_000;

const continuationMac = (
  workspaceId: string,
  head: ChainHead,
  validUntilMs: number,
  chainKey: Uint8Array,
): Buffer =>
  createHmac('sha256', chainKey)
    // No row has this form: the canonical form of a row begins with a number.
    .update(JSON.stringify(['checked until', workspaceId, head.sequence, head.hash, validUntilMs]), 'utf8')
    .digest();

/** The caller's token from one check of a chain to the next; only the holder of the chain's key can make one. */
export const continuationOf = (
  workspaceId: string,
  checked: ChainHead,
  nowMs: number,
  chainKey: Uint8Array,
): string => {
  const validUntilMs = nowMs + CONTINUATION_MS;
  const mac = continuationMac(workspaceId, checked, validUntilMs, chainKey).toString('base64url');
  return [checked.sequence, checked.hash, validUntilMs, mac].join('.');
};

/** Returns the head that `continuation` encodes, or undefined if it is not ours, is for another workspace, was changed or is too old. */
export const headOfContinuation = (
  continuation: string,
  workspaceId: string,
  nowMs: number,
  chainKey: Uint8Array,
): ChainHead | undefined => {
  const [sequence = '', hash = '', validUntil = '', mac = '', ...more] = continuation.split('.');
  const head = { sequence: Number(sequence), hash };
  const validUntilMs = Number(validUntil);
  const claimed = Buffer.from(mac, 'base64url');
  const computed = continuationMac(workspaceId, head, validUntilMs, chainKey);
  const ours = isSameBytes(claimed, computed);
  return ours && more.length === 0 && nowMs < validUntilMs ? head : undefined;
};
