import type { AttributeValue } from '@aws-sdk/client-dynamodb';
import { unmarshall } from '@aws-sdk/util-dynamodb';
import type { DynamoDBRecord } from 'aws-lambda';
import * as z from 'zod';
import type { KeyUsageEvent } from '../../../domain/anomalies/key-usage-event.ts';
import { isSessionId, isSiteId, isWorkspaceId } from '../../../domain/identifiers.ts';
import { BILLING_MODES } from '../../../domain/tenancy/workspace.ts';

const workspaceId = z.string().refine(isWorkspaceId);
const siteId = z.string().refine(isSiteId);
const time = z.iso.datetime();
/** The maximum length of a DynamoDB partition key, less room for the prefix. */
const text = z.string().min(1).max(1_024);
const hash = z.string().regex(/^[0-9a-f]{64}$/);

/**
 * Checks every value that the detector calculates with or writes, while the source record is known. Later, a bad value
 * would fail the whole part of the batch for that key, including its good events.
 */
const sessionImage = z.object({
  sessionId: z.string().refine(isSessionId),
  workspaceId,
  siteId: siteId.optional(),
  kind: z.string(),
  state: z.enum(['reserved', 'issued', 'used', 'refused']),
  mode: z.enum(BILLING_MODES),
  keyScope: z.enum(['site', 'workspace', 'platform']),
  keyScopeId: text,
  keyVersion: z.int().positive(),
  fingerprint: text,
  ipHash: hash,
  origin: text.optional(),
  createdAt: time,
  settledAt: time.optional(),
  openAiFailure: text.optional(),
  /** Set after the session has ended and reported. */
  endedAt: time.optional(),
  usedSeconds: z.number().nonnegative().optional(),
  /** The page of a watched call claims more than OpenAI counted. */
  claimsTooMuch: z.boolean().optional(),
});

const refusedOriginsImage = z.object({
  workspaceId,
  siteId,
  lastAt: time,
  count: z.int().nonnegative(),
  slot: z.int().min(1).max(7).default(0),
});

/**
 * The detector's events from a record of the sessions table: sessions of visitors, how they ended, and refused origins.
 * Everything else (tests, re-encryptions, notes on a key, other errors, expired items) gives nothing. Throws on an item
 * that it should know but cannot read.
 */
export const keyUsageEventsOf = (record: DynamoDBRecord): readonly KeyUsageEvent[] => {
  if (record.eventName === 'REMOVE' || record.dynamodb?.NewImage === undefined) return [];
  const image: Readonly<Record<string, unknown>> = unmarshall(
    record.dynamodb.NewImage as Record<string, AttributeValue>,
  );
  const sk = String(image['sk']);
  if (sk.startsWith('SESSION#') && image['kind'] === 'visitor')
    return sessionUsageEvents(sessionImage.parse(image));
  if (String(image['pk']).startsWith('ERRORS#') && image['code'] === 'origin_not_allowed')
    return [refusedOrigins(refusedOriginsImage.parse(image))];
  return [];
};

const sessionUsageEvents = (session: z.infer<typeof sessionImage>): readonly KeyUsageEvent[] => {
  const { sessionId, state } = session;
  const of = (observation: KeyUsageEvent['observation']): KeyUsageEvent => ({
    workspaceId: session.workspaceId,
    subject: session.fingerprint,
    siteId: session.siteId,
    mode: session.mode,
    key: { scope: session.keyScope, scopeId: session.keyScopeId, version: session.keyVersion },
    observation,
  });
  if (state === 'reserved') {
    const { ipHash, origin } = session;
    return [of({ type: 'session', sessionId, at: Date.parse(session.createdAt), ipHash, origin })];
  }
  const outcome = of({
    type: 'outcome',
    sessionId,
    at: Date.parse(session.settledAt ?? session.createdAt),
    issued: state === 'issued',
    openAiFailure: session.openAiFailure,
  });
  const { endedAt, usedSeconds, claimsTooMuch } = session;
  if (endedAt === undefined || usedSeconds === undefined) return [outcome];
  const ended = [outcome, of({ type: 'usage', sessionId, at: Date.parse(session.createdAt), usedSeconds })];
  return claimsTooMuch === true
    ? [...ended, of({ type: 'false_claim', sessionId, at: Date.parse(endedAt) })]
    : ended;
};

/** Origins are refused before the key is chosen, so they count for the site. */
const refusedOrigins = ({
  workspaceId: workspace,
  siteId: site,
  lastAt,
  count,
  slot,
}: z.infer<typeof refusedOriginsImage>): KeyUsageEvent => ({
  workspaceId: workspace,
  subject: `SITE#${site}`,
  siteId: site,
  mode: 'byok',
  key: undefined,
  observation: { type: 'refused_origins', at: Date.parse(lastAt), count, slot },
});
