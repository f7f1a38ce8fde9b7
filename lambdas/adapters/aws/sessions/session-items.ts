import * as z from 'zod';
import { ENDED_BY } from '../../../domain/calls/call.ts';
import type { ErrorRow } from '../../../domain/sessions/error-row.ts';
import type { RecordedSession, SessionSnapshot } from '../../../domain/sessions/recorded-session.ts';
import { FAILURE_SOURCES } from '../../../domain/sessions/reported-failure.ts';
import { SESSION_KINDS } from '../../../domain/sessions/session.ts';
import { sessionId, siteId, workspaceId } from '../ids.ts';
import { session } from '../table-keys.ts';

const slotPlace = z.object({ pool: z.string(), index: z.number() });

const admission = z.object({
  maxDurationSeconds: z.number(),
  holdSeconds: z.number(),
  connectBy: z.number(),
  slots: z.array(slotPlace),
  turnByTurn: z.boolean().optional(),
});

/** A visitor's session whose secret was issued. */
export const issuedSessionItem: z.ZodType<SessionSnapshot['session']> = z.object({
  ...session,
  state: z.literal('issued'),
  kind: z.literal('visitor'),
  origin: z.string(),
  admission,
  endRequested: z.enum(ENDED_BY).optional(),
  endedBy: z.enum(ENDED_BY).optional(),
}) as z.ZodType<SessionSnapshot['session']>;

/** Any session of a site. */
export const recordedSessionItem: z.ZodType<RecordedSession> = z.object({
  ...session,
  state: z.enum(['reserved', 'issued', 'used', 'refused']),
  kind: z.enum(SESSION_KINDS),
  origin: z.string().optional(),
  admission: admission.optional(),
  refusal: z.string().nullable().default(null),
  openAiFailure: z.string().nullable().default(null),
  endedBy: z.enum(ENDED_BY).nullable().default(null),
}) as z.ZodType<RecordedSession>;

export const errorItem: z.ZodType<ErrorRow> = z
  .object({
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
    origin: z.string().optional(),
    slot: z.number().optional(),
    expires_at: z.number(),
  })
  .transform(({ expires_at: expiresAt, ...row }) => ({
    ...row,
    expiresAt,
  })) as unknown as z.ZodType<ErrorRow>;

export const rateItem = z.object({ calls: z.number() });
