import * as z from 'zod';
import { AUDIT_EVENT_TYPES, type AuditEvent, type AuditRow } from '../../domain/audit-record.ts';

import type { SessionId, SiteId, WorkspaceId } from '../../domain/identifiers.ts';
import { DATA_RESIDENCIES } from '../../domain/openai-models.ts';
import { FAILURE_SOURCES } from '../../domain/reported-failure.ts';
import { KEY_SCOPES } from '../../domain/sealed-key.ts';
import { type ReservedSession, SESSION_KINDS, type SlotLease } from '../../domain/session.ts';
import type { KeyActivity, KeyVersionRecord } from '../../domain/stored-key.ts';
import { VERDICT_CODES, type Verdict } from '../../domain/verdict.ts';
import {
  ANOMALY_RESPONSES,
  BILLING_MODES,
  type Member,
  ROLES,
  type Site,
  type Workspace,
} from '../../domain/workspace.ts';
import type { ErrorRow, HeldSlot, RecordedSession, ReportedError } from '../../use-cases/ports.ts';

/** What the tables hold, and the keys under which they hold it. Every read is parsed; an item that is not what it should be is an error, not a guess. */

const workspaceId = z.string().transform((id) => id as WorkspaceId);
const siteId = z.string().transform((id) => id as SiteId);
const sessionId = z.string().transform((id) => id as SessionId);

export const workspaceItem: z.ZodType<Workspace> = z.object({
  workspaceId,
  name: z.string(),
  billingMode: z.enum(BILLING_MODES),
  plan: z.string(),
  openaiTier: z.number(),
  concurrencyLimit: z.number().nullable(),
  siteSharePercent: z.number().nullable().default(null),
  anomalyResponse: z.enum(ANOMALY_RESPONSES),
  alertEmail: z.string().nullable(),
  ownerCount: z.number(),
  siteCount: z.number().default(0),
  createdAt: z.string(),
  deletedAt: z.string().nullable(),
});

export const memberItem: z.ZodType<Member> = z.object({
  workspaceId,
  sub: z.string(),
  role: z.enum(ROLES),
  addedAt: z.string(),
  addedBy: z.string(),
});

export const siteItem: z.ZodType<Site> = z.object({
  siteId,
  workspaceId,
  name: z.string(),
  allowedOrigins: z.array(z.string()),
  model: z.string(),
  voice: z.string(),
  instructions: z.string(),
  dataResidency: z.enum(DATA_RESIDENCIES),
  clientSecretTtlSeconds: z.number(),
  maxDurationSeconds: z.number(),
  createdAt: z.string(),
  createdBy: z.string(),
});

export const verdictItem: z.ZodType<Verdict> = z.object({
  ok: z.boolean(),
  code: z.enum(VERDICT_CODES),
  message: z.string(),
  checkedAt: z.string(),
  latencyMs: z.number(),
});

export const keyVersionItem: z.ZodType<KeyVersionRecord> = z.object({
  version: z.number(),
  masked: z.string(),
  createdAt: z.string(),
  createdBy: z.string(),
  reason: z.enum(['stored', 'reencrypted']),
});

const atVersion = z.object({ version: z.number(), at: z.string() });

export const keyActivityItem: z.ZodType<KeyActivity> = z.object({
  used: atVersion.nullable().default(null),
  verified: atVersion.nullable().default(null),
  test: z.object({ version: z.number(), verdict: verdictItem }).nullable().default(null),
  unreadableVersion: z.number().nullable().default(null),
  degraded: z.object({ version: z.number(), until: z.string() }).nullable().default(null),
});

const slotLease = z.object({
  pool: z.string(),
  index: z.number(),
  sessionId,
  address: z.string().optional(),
  expires_at: z.number(),
});
const withExpiry = <Lease extends { readonly expires_at: number }>({ expires_at, ...lease }: Lease) => ({
  ...lease,
  expiresAt: expires_at,
});

export const slotLeaseItem: z.ZodType<SlotLease> = slotLease.transform(withExpiry);

export const heldSlotItem: z.ZodType<HeldSlot> = slotLease
  .extend({ siteId, keyScope: z.enum(KEY_SCOPES), keyScopeId: z.string() })
  .transform(withExpiry);

const slotPlace = z.object({ pool: z.string(), index: z.number() });

const session = {
  sessionId,
  workspaceId,
  siteId,
  mode: z.enum(BILLING_MODES),
  keyScope: z.enum(KEY_SCOPES),
  keyScopeId: z.string(),
  keyVersion: z.number(),
  fingerprint: z.string(),
  model: z.string(),
  voice: z.string(),
  ipHash: z.string(),
  actor: z.string(),
  createdAt: z.string(),
};

const admission = z.object({
  maxDurationSeconds: z.number(),
  holdSeconds: z.number(),
  connectBy: z.number(),
  slots: z.array(slotPlace),
});

/** A visitor's session whose secret was handed out. */
export const issuedSessionItem: z.ZodType<ReservedSession & { readonly siteId: SiteId }> = z.object({
  ...session,
  state: z.literal('issued'),
  kind: z.literal('visitor'),
  origin: z.string(),
  admission,
});

/** Any session of a site. */
export const recordedSessionItem: z.ZodType<RecordedSession> = z.object({
  ...session,
  state: z.enum(['reserved', 'issued', 'used', 'refused']),
  kind: z.enum(SESSION_KINDS),
  origin: z.string().optional(),
  admission: admission.optional(),
  refusal: z.string().nullable().default(null),
  openAiFailure: z.string().nullable().default(null),
}) as z.ZodType<RecordedSession>;

export const errorItem: z.ZodType<ErrorRow> = z.object({
  workspaceId,
  siteId: siteId.optional(),
  code: z.string(),
  source: z.enum(['mint', ...FAILURE_SOURCES]).default('mint'),
  openAiFailure: z.string().optional(),
  message: z.string(),
  sessionId: sessionId.optional(),
  firstAt: z.string(),
  lastAt: z.string(),
  count: z.number(),
}) as z.ZodType<ErrorRow>;

export const rateItem = z.object({ calls: z.number() });

export interface PrimaryKey {
  readonly pk: string;
  readonly sk: string;
}

const auditEventFields = {
  eventId: z.string(),
  workspaceId: z.string(),
  type: z.enum(AUDIT_EVENT_TYPES),
  at: z.string(),
  actor: z.string(),
  siteId: z.string().nullable(),
  sessionId: z.string().nullable(),
  ipHash: z.string().nullable(),
  facts: z.record(z.string(), z.union([z.string(), z.number(), z.boolean()])),
};

export const auditEventItem: z.ZodType<AuditEvent> = z.object(auditEventFields);

/** A row of the audit table exactly as rows are written. */
export const wholeAuditRow = z.object({
  ...auditEventFields,
  sequence: z.number(),
  previousHash: z.string(),
  hash: z.string(),
});

/**
 * A row of the audit table. One that is not as rows are written, or claims another place than the one it stands at, comes
 * back as `row.damaged`: it breaks the chain where it stands and hides nothing else.
 */
export const auditRowItem: z.ZodType<AuditRow> = z
  .record(z.string(), z.unknown())
  .transform((item): AuditRow => {
    const row = wholeAuditRow.safeParse(item);
    const sequence = Number(item['sk']);
    if (row.success && row.data.sequence === sequence) return row.data;
    return {
      eventId: '',
      workspaceId: String(item['pk']).replace(/^AUDIT#/, ''),
      type: 'row.damaged',
      at: '1970-01-01T00:00:00.000Z',
      actor: 'unknown',
      siteId: null,
      sessionId: null,
      ipHash: null,
      facts: {},
      sequence,
      previousHash: '',
      hash: '',
    };
  });

export const auditMarkerItem = z.object({ sequence: z.number(), hash: z.string() });

/** Sorts as text as the numbers do. */
const padded = (count: number): string => String(count).padStart(10, '0');

/** Primary keys, by what they are for. docs/data-model.md shows them as a table. */
export const primaryKey = {
  workspace: (id: WorkspaceId): PrimaryKey => ({ pk: `WORKSPACE#${id}`, sk: 'WORKSPACE' }),
  member: (id: WorkspaceId, sub: string): PrimaryKey => ({ pk: `WORKSPACE#${id}`, sk: `MEMBER#${sub}` }),
  site: (workspace: WorkspaceId, id: SiteId): PrimaryKey => ({
    pk: `WORKSPACE#${workspace}`,
    sk: `SITE#${id}`,
  }),
  archivedSite: (workspace: WorkspaceId, id: SiteId): PrimaryKey => ({
    pk: `WORKSPACE#${workspace}`,
    sk: `ARCHIVED_SITE#${id}`,
  }),
  key: (scope: string, scopeId: string): PrimaryKey => ({
    pk: `${scope.toUpperCase()}#${scopeId}`,
    sk: 'KEY',
  }),
  retainedKey: (scope: string, scopeId: string, version: number): PrimaryKey => ({
    pk: `${scope.toUpperCase()}#${scopeId}`,
    sk: `RETAINED#${padded(version)}`,
  }),
  keyVersion: (scope: string, scopeId: string, version: number): PrimaryKey => ({
    pk: `${scope.toUpperCase()}#${scopeId}`,
    sk: `VERSION#${padded(version)}`,
  }),
  /** The outbox of audit events; the projector reads it from the table's stream. */
  event: (workspaceId: string, eventId: string): PrimaryKey => ({ pk: `EVENTS#${workspaceId}`, sk: eventId }),
  auditRow: (workspaceId: string, sequence: number): PrimaryKey => ({
    pk: `AUDIT#${workspaceId}`,
    sk: padded(sequence),
  }),
  /** One per event: tells a repeated delivery. */
  auditEvent: (workspaceId: string, eventId: string): PrimaryKey => ({
    pk: `EVENT#${workspaceId}#${eventId}`,
    sk: 'EVENT',
  }),
  /** One per row, apart from the rows: tells that the end of a chain was cut off. */
  auditMarker: (workspaceId: string, sequence: number): PrimaryKey => ({
    pk: `MARKERS#${workspaceId}`,
    sk: padded(sequence),
  }),
  keyActivity: (scope: string, scopeId: string): PrimaryKey => ({
    pk: `KEY#${scope}#${scopeId}`,
    sk: 'ACTIVITY',
  }),
  session: (owner: { siteId: SiteId | undefined; workspaceId: WorkspaceId }, id: SessionId): PrimaryKey => ({
    pk: owner.siteId === undefined ? `WORKSPACE#${owner.workspaceId}` : `SITE#${owner.siteId}`,
    sk: `SESSION#${id}`,
  }),
  /** Sorts by minute, so that the newest page is a backward query. */
  error: (
    workspace: WorkspaceId,
    minute: string,
    site: SiteId | undefined,
    source: ReportedError['source'],
    reason: string,
  ): PrimaryKey => ({
    pk: `ERRORS#${workspace}`,
    sk: `${minute}#${site ?? 'workspace'}#${source === 'mint' ? '' : `${source}:`}${reason}`,
  }),
  slot: (workspace: WorkspaceId, pool: string, index: number): PrimaryKey => ({
    pk: `SLOTS#${workspace}`,
    sk: `${pool}#${String(index).padStart(4, '0')}`,
  }),
  rate: (subject: string, minute: string): PrimaryKey => ({ pk: `RATE#${subject}`, sk: minute }),
  /** What the anomaly detector remembers; `subject` is a fingerprint or `SITE#<id>`. */
  anomaly: (workspace: WorkspaceId, subject: string): PrimaryKey => ({
    pk: `ANOMALY#${workspace}`,
    sk: subject,
  }),
  /** What visitors reported of the key at this place, within this workspace: of the platform's key, each has its own. */
  keyHealth: (workspace: WorkspaceId, scope: string, scopeId: string): PrimaryKey => ({
    pk: `HEALTH#${workspace}`,
    sk: `${scope}#${scopeId}`,
  }),
  meter: (site: SiteId, session: SessionId): PrimaryKey => ({ pk: `METERS#${site}`, sk: session }),
  /** Totals of one billing period, `yyyy-mm`. */
  periodUsage: (workspace: WorkspaceId, period: string): PrimaryKey => ({
    pk: `USAGE#${workspace}`,
    sk: `PERIOD#${period}`,
  }),
  /** Totals of one day, site, model and mode; in several shards, so that many sessions at once do not wait for one item. */
  dayUsage: (
    workspace: WorkspaceId,
    of: { readonly day: string; readonly siteId: SiteId; readonly model: string; readonly mode: string },
    shard: number,
  ): PrimaryKey => ({
    pk: `USAGE#${workspace}`,
    sk: `DAY#${of.day}#${of.siteId}#${of.model}#${of.mode}#${shard}`,
  }),
  /** Bounds of all totals of these days, both inclusive. */
  dayUsageRange: (workspace: WorkspaceId, from: string, to: string) => ({
    pk: `USAGE#${workspace}`,
    first: `DAY#${from}#`,
    // Sorts right behind `#`.
    last: `DAY#${to}$`,
  }),
} as const;
