import * as z from 'zod';
import type { EventWriter } from '../../domain/audit/event-writers.ts';
import { OPENED_WITH } from '../../domain/calls/control.ts';
import {
  BASE64URL,
  compactWorkspaceId,
  type SessionId,
  type SiteId,
  type WorkspaceId,
} from '../../domain/identifiers.ts';
import { KEY_SCOPES } from '../../domain/keys/sealed-key.ts';
import { DATA_RESIDENCIES } from '../../domain/openai-models.ts';
import type { ReportedError } from '../../domain/sessions/error-row.ts';
import { BILLING_MODES } from '../../domain/tenancy/workspace.ts';
import { sessionId, siteId, workspaceId } from './ids.ts';

/** Primary keys of items, and the schemas of ids. Every read is parsed; a malformed item is an error. */

export const session = {
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
  maxOutputTokens: z.number().optional(),
  dataResidency: z.enum(DATA_RESIDENCIES).optional(),
  ipHash: z.string(),
  actor: z.string(),
  createdAt: z.string(),
  keptDays: z.number().optional(),
  openedWith: z.enum(OPENED_WITH).default('token'),
  visitorTag: z.string().optional(),
};

export interface PrimaryKey {
  readonly pk: string;
  readonly sk: string;
}

/** Zero-padded, so that the text sorts like the numbers. */
const padded = (count: number): string => String(count).padStart(10, '0');

/** Two characters for an index below 4,096; no key has more slots. Throws for a larger one. */
const shortIndex = (index: number): string => {
  if (index >= BASE64URL.length ** 2) throw new RangeError('The slot has no place.');
  return `${BASE64URL.charAt(Math.floor(index / BASE64URL.length))}${BASE64URL.charAt(index % BASE64URL.length)}`;
};

/** The index of its two characters; negative for text that is none. */
export const indexOfShort = (text: string): number => {
  const [high, low] = [BASE64URL.indexOf(text.charAt(0)), BASE64URL.indexOf(text.charAt(1))];
  return low < 0 ? low : high * BASE64URL.length + low;
};

/**
 * The leases of a workspace, and reports of its visitors on the key of the workspace and the platform's. One query of a mint
 * reads all of them, so their keys are as short as possible.
 */
const slotPartition = (workspace: WorkspaceId): string => `@${compactWorkspaceId(workspace)}`;

/** Sorts behind every lease. */
export const HEALTH_PREFIX = '~';

/** Primary keys, by purpose. docs/data-model.md shows them as a table. */
export const primaryKey = {
  workspace: (id: WorkspaceId): PrimaryKey => ({ pk: `WORKSPACE#${id}`, sk: 'WORKSPACE' }),
  member: (id: WorkspaceId, sub: string): PrimaryKey => ({ pk: `WORKSPACE#${id}`, sk: `MEMBER#${sub}` }),
  invitation: (id: WorkspaceId, invitationId: string): PrimaryKey => ({
    pk: `WORKSPACE#${id}`,
    sk: `INVITATION#${invitationId}`,
  }),
  apiToken: (id: WorkspaceId, tokenId: string): PrimaryKey => ({
    pk: `WORKSPACE#${id}`,
    sk: `API_TOKEN#${tokenId}`,
  }),
  /** When a token was last used. A separate item, because the token itself is never changed. */
  apiTokenUse: (id: WorkspaceId, tokenId: string): PrimaryKey => ({ pk: `TOKEN_USE#${id}`, sk: tokenId }),
  removal: (id: WorkspaceId, personHash: string): PrimaryKey => ({
    pk: `WORKSPACE#${id}`,
    sk: `REMOVAL#${personHash}`,
  }),
  site: (workspace: WorkspaceId, id: SiteId): PrimaryKey => ({
    pk: `WORKSPACE#${workspace}`,
    sk: `SITE#${id}`,
  }),
  formerInstructions: (workspace: WorkspaceId, id: SiteId, until: string): PrimaryKey => ({
    pk: `WORKSPACE#${workspace}`,
    sk: `INSTRUCTIONS#${id}#${until}`,
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
  /** The mark of the key at this place; in the tenancy table. */
  keyMark: (scope: string, scopeId: string): PrimaryKey => ({
    pk: `MARK#${scope.toUpperCase()}#${scopeId}`,
    sk: 'MARK',
  }),
  keyVersion: (scope: string, scopeId: string, version: number): PrimaryKey => ({
    pk: `${scope.toUpperCase()}#${scopeId}`,
    sk: `VERSION#${padded(version)}`,
  }),
  /** The outbox of audit events, one partition per writer. The projector reads it from the table's stream. */
  event: (writer: EventWriter, workspaceId: string, eventId: string): PrimaryKey => ({
    pk: `EVENTS#${writer}#${workspaceId}`,
    sk: eventId,
  }),
  webhook: (id: WorkspaceId, webhookId: string): PrimaryKey => ({ pk: `WEBHOOKS#${id}`, sk: webhookId }),
  mailAlerts: (id: WorkspaceId): PrimaryKey => ({ pk: `MAIL#${id}`, sk: 'MAIL' }),
  /** Sorts by the time of the notice. */
  delivery: (id: WorkspaceId, deliveryId: string): PrimaryKey => ({
    pk: `DELIVERIES#${id}`,
    sk: deliveryId,
  }),
  auditRow: (workspaceId: string, sequence: number): PrimaryKey => ({
    pk: `AUDIT#${workspaceId}`,
    sk: padded(sequence),
  }),
  /** One per row of an indexed type, with the position of the row. Sorts like the rows. */
  auditRowOfType: (workspaceId: string, type: string, sequence: number): PrimaryKey => ({
    pk: `TYPE#${workspaceId}#${type}`,
    sk: padded(sequence),
  }),
  /** One per event, to detect a repeated delivery. */
  auditEvent: (workspaceId: string, eventId: string): PrimaryKey => ({
    pk: `EVENT#${workspaceId}#${eventId}`,
    sk: 'EVENT',
  }),
  /** One per row, in another partition than the rows, to detect that the end of a chain was cut off. */
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
    slot?: number,
  ): PrimaryKey => ({
    pk: `ERRORS#${workspace}`,
    sk: `${minute}#${site ?? 'workspace'}#${source === 'mint' ? '' : `${source}:`}${reason}${slot === undefined ? '' : `#${slot}`}`,
  }),
  slot: (workspace: WorkspaceId, pool: string, index: number): PrimaryKey => ({
    pk: slotPartition(workspace),
    sk: `${pool}${shortIndex(index)}`,
  }),
  rate: (subject: string, minute: string): PrimaryKey => ({ pk: `RATE#${subject}`, sk: minute }),
  /** The anomaly detector's state; `subject` is a fingerprint or `SITE#<id>`. */
  anomaly: (workspace: WorkspaceId, subject: string): PrimaryKey => ({
    pk: `ANOMALY#${workspace}`,
    sk: subject,
  }),
  /**
   * Visitors' reports on the key at this place, within this workspace. Each workspace has separate reports on the
   * platform's key.
   */
  keyHealth: (workspace: WorkspaceId, scope: string, scopeId: string): PrimaryKey =>
    scope === 'site'
      ? { pk: `HEALTH#${workspace}`, sk: `${scope}#${scopeId}` }
      : { pk: slotPartition(workspace), sk: `${HEALTH_PREFIX}${scope}` },
  /** Budgets of a workspace: its own, and those of its sites. */
  budget: (workspace: WorkspaceId, site: SiteId | null): PrimaryKey => ({
    pk: `BUDGET#${workspace}`,
    sk: site === null ? 'WORKSPACE' : `SITE#${site}`,
  }),
  /** One per embed token that was used. */
  embedToken: (site: SiteId, tag: string): PrimaryKey => ({ pk: `EMBED#${site}`, sk: tag }),
  /** Calls and seconds of one visitor on one day. */
  visitorDay: (site: SiteId, day: string, tag: string): PrimaryKey => ({
    pk: `VISITOR#${site}`,
    sk: `${day}#${tag}`,
  }),
  /** The number of sessions of one UTC day that never reported. */
  silentSessions: (site: SiteId, day: string): PrimaryKey => ({ pk: `SILENT#${site}`, sk: day }),
  sessionUsage: (site: SiteId, session: SessionId): PrimaryKey => ({ pk: `METERS#${site}`, sk: session }),
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
  /** Bounds of the sort keys of all totals of these days, both inclusive. */
  dayUsageRange: (workspace: WorkspaceId, from: string, to: string) => ({
    pk: `USAGE#${workspace}`,
    first: `DAY#${from}#`,
    // Sorts immediately after `#`.
    last: `DAY#${to}$`,
  }),
} as const;
