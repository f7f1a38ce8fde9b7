import { createHash } from 'node:crypto';
import type { AttributeValue } from '@aws-sdk/client-dynamodb';
import { unmarshall } from '@aws-sdk/util-dynamodb';
import type { DynamoDBRecord } from 'aws-lambda';
import * as z from 'zod';
import type { AuditEvent, AuditFacts } from '../../../domain/audit/audit-record.ts';
import { mayWrite } from '../../../domain/audit/event-writers.ts';
import { KEY_USE_REASONS } from '../../../domain/calls/key-use.ts';
import { type SiteId, workspaceOfSite } from '../../../domain/identifiers.ts';
import { auditEventItem } from './audit-items.ts';

type Image = Readonly<Record<string, unknown>>;

const sessionItem = z.object({
  sessionId: z.string(),
  workspaceId: z.string(),
  siteId: z.string().optional(),
  kind: z.string(),
  state: z.enum(['reserved', 'issued', 'used', 'refused']),
  mode: z.string(),
  keyScope: z.string(),
  keyVersion: z.number(),
  ipHash: z.string(),
  actor: z.string(),
  origin: z.string().optional(),
  createdAt: z.string(),
  settledAt: z.string().optional(),
  refusal: z.string().optional(),
  openAiFailure: z.string().optional(),
  kmsRequestId: z.string().optional(),
  openAiRequestId: z.string().optional(),
});

/**
 * The audit event that a stream record reports, or undefined for a record that the audit trail ignores (budgets, key
 * activity, expired items). The same record always gives the same event id. Throws on an audited item that it cannot
 * read: such a record must reach the dead-letter queue instead of being dropped.
 */
export const auditEventOf = (record: DynamoDBRecord): AuditEvent | undefined => {
  const keys = imageOf(record.dynamodb?.Keys);
  const image = imageOf(record.dynamodb?.NewImage);
  const pk = String(keys?.['pk'] ?? '');
  const sk = String(keys?.['sk'] ?? '');
  if (pk.startsWith('EVENTS#')) return outboxEventOf(record);
  if (sk.startsWith('SESSION#')) return record.eventName === 'REMOVE' ? undefined : sessionAuditEvent(image);
  if (pk.startsWith('USE#')) return record.eventName === 'REMOVE' ? undefined : keyUseEvent(image);
  if (sk === 'KEY' && record.eventName !== 'REMOVE') return keyAuditEvent(record, pk, sk, 'key.item_written');
  if (sk.startsWith('RETAINED#') && record.eventName === 'REMOVE')
    return keyAuditEvent(record, pk, sk, 'key.retained_removed');
  return undefined;
};

/**
 * The event that an allowed writer put into the outbox; undefined for any other record. Throws like auditEventOf. An event
 * in the partition of another writer is ignored here, and the detector reports it.
 */
export const outboxEventOf = (record: DynamoDBRecord): AuditEvent | undefined => {
  const put = outboxPutOf(record);
  return put !== undefined && mayWrite(put.writer, put.workspaceId, put.event) ? put.event : undefined;
};

/** An outbox event in the partition of a writer that may not write it. Throws like auditEventOf. */
export const foreignEventOf = (record: DynamoDBRecord): OutboxPut | undefined => {
  const put = outboxPutOf(record);
  return put === undefined || mayWrite(put.writer, put.workspaceId, put.event) ? undefined : put;
};

export interface OutboxPut {
  /** As the partition key names it. */
  readonly writer: string;
  readonly workspaceId: string;
  readonly event: AuditEvent;
}

const outboxPutOf = (record: DynamoDBRecord): OutboxPut | undefined => {
  const pk = record.dynamodb?.Keys?.['pk']?.S ?? '';
  if (record.eventName !== 'INSERT' || !pk.startsWith('EVENTS#')) return undefined;
  const [, writer = '', workspaceId = ''] = pk.split('#');
  return { writer, workspaceId, event: auditEventItem.parse(imageOf(record.dynamodb?.NewImage)) };
};

const imageOf = (image: unknown): Image | undefined =>
  image === undefined ? undefined : unmarshall(image as Record<string, AttributeValue>);

/** `reserved` is the intent to decrypt, written before KMS is asked; the other states are its outcome. */
const sessionAuditEvent = (image: Image | undefined): AuditEvent => {
  const session = sessionItem.parse(image);
  const reserved = session.state === 'reserved';
  const type = reserved
    ? 'session.reserved'
    : session.state === 'refused'
      ? 'session.refused'
      : session.state === 'used'
        ? 'session.used'
        : 'session.issued';
  const optional = {
    origin: session.origin,
    refusal: session.refusal,
    openai_failure: session.openAiFailure,
    kms_request_id: session.kmsRequestId,
    openai_request_id: session.openAiRequestId,
  };
  const facts: AuditFacts = {
    kind: session.kind,
    mode: session.mode,
    key_scope: session.keyScope,
    key_version: session.keyVersion,
    ...Object.fromEntries(Object.entries(optional).filter(([, value]) => value !== undefined)),
  };
  return {
    eventId: `${session.sessionId}:${session.state}`,
    workspaceId: session.workspaceId,
    type,
    at: reserved ? session.createdAt : (session.settledAt ?? session.createdAt),
    actor: session.actor,
    siteId: session.siteId ?? null,
    sessionId: session.sessionId,
    ipHash: session.ipHash,
    facts,
  };
};

const keyUseItem = z.object({
  useId: z.string(),
  sessionId: z.string(),
  workspaceId: z.string(),
  siteId: z.string(),
  reason: z.enum(KEY_USE_REASONS),
  state: z.enum(['intended', 'settled']),
  mode: z.string(),
  keyScope: z.string(),
  keyVersion: z.number(),
  ipHash: z.string(),
  actor: z.string(),
  createdAt: z.string(),
  settledAt: z.string().optional(),
  result: z.string().optional(),
  kmsRequestId: z.string().optional(),
  openAiRequestId: z.string().optional(),
});

/** One opening of a key for a call: `intended` before KMS is asked, `settled` once its outcome is known. */
const keyUseEvent = (image: Image | undefined): AuditEvent => {
  const use = keyUseItem.parse(image);
  const intended = use.state === 'intended';
  const optional = {
    result: use.result,
    kms_request_id: use.kmsRequestId,
    openai_request_id: use.openAiRequestId,
  };
  return {
    eventId: `${use.sessionId}:${use.useId}:${use.state}`,
    workspaceId: use.workspaceId,
    type: intended ? 'key.use_intended' : 'key.use_settled',
    at: intended ? use.createdAt : (use.settledAt ?? use.createdAt),
    actor: use.actor,
    siteId: use.siteId,
    sessionId: use.sessionId,
    ipHash: use.ipHash,
    facts: {
      use_id: use.useId,
      reason: use.reason,
      mode: use.mode,
      key_scope: use.keyScope,
      key_version: use.keyVersion,
      ...Object.fromEntries(Object.entries(optional).filter(([, value]) => value !== undefined)),
    },
  };
};

/**
 * The stream of the keys table carries no image. Its record says only that an item was written or removed. Without a
 * matching event of the change itself, it reveals a change from elsewhere.
 */
const keyAuditEvent = (
  record: DynamoDBRecord,
  pk: string,
  sk: string,
  type: 'key.item_written' | 'key.retained_removed',
): AuditEvent => {
  const [scope = '', scopeId = ''] = pk.toLowerCase().split('#');
  const workspaceId = scope === 'site' ? workspaceOfSite(scopeId as SiteId) : scopeId;
  const seconds = Number(record.dynamodb?.ApproximateCreationDateTime ?? 0);
  return {
    eventId: `str_${createHash('sha256').update(`${record.eventSourceARN}\n${record.eventID}`).digest('hex').slice(0, 40)}`,
    workspaceId: workspaceId ?? scopeId,
    type,
    at: new Date(seconds * 1_000).toISOString(),
    actor: 'system:dynamodb',
    siteId: scope === 'site' ? scopeId : null,
    sessionId: null,
    ipHash: null,
    facts: {
      scope,
      ...(type === 'key.retained_removed' && { version: Number(sk.slice('RETAINED#'.length)) }),
    },
  };
};
