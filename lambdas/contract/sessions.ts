import * as z from 'zod';
import { ENDED_BY } from '../domain/calls/call.ts';
import { MAX_EMBED_TOKEN_LENGTH } from '../domain/sessions/embed-token.ts';
import { FAILURE_SOURCES } from '../domain/sessions/reported-failure.ts';
import { END_REASONS } from '../domain/sessions/session-usage.ts';
import { BILLING_MODES } from '../domain/tenancy/workspace.ts';
import { printable, siteIdSchema, timestamp } from './common.ts';
import { firstMessageEvent } from './conversation.ts';

export const tokenRequest = z
  .strictObject({
    visitor_id: printable(128)
      .optional()
      .describe('Stable id of the visitor; reaches OpenAI only as a keyed hash.'),
    embed_token: z
      .string()
      .min(1)
      .max(MAX_EMBED_TOKEN_LENGTH)
      .optional()
      .describe("JWT of the site's own server for this visitor (docs/budgets.md)."),
  })
  .meta({ id: 'TokenRequest' });

const tokenCount = z.number().min(0).max(1_000_000_000).nullish();
const tokensByMedium = {
  text_tokens: tokenCount,
  audio_tokens: tokenCount,
  image_tokens: tokenCount,
};

/** OpenAI's own object. OpenAI may add fields, and unknown ones are ignored. */
export const reportedUsage = z
  .object({
    input_tokens: tokenCount,
    output_tokens: tokenCount,
    input_token_details: z
      .object({
        ...tokensByMedium,
        cached_tokens: tokenCount,
        cached_tokens_details: z.object(tokensByMedium).nullish(),
      })
      .nullish(),
    output_token_details: z.object(tokensByMedium).nullish(),
  })
  .meta({ id: 'OpenAiUsage', description: '`usage` of a `response.done` event of OpenAI, as it is.' });

const eventOf = <Type extends string, Fields extends z.ZodRawShape>(type: Type, fields: Fields) =>
  z.strictObject({
    id: z
      .string()
      .regex(/^[A-Za-z0-9_-]{1,64}$/)
      .describe('Unique within the session. A repeated event changes nothing.'),
    type: z.literal(type),
    at: timestamp.describe("RFC 3339, UTC, by the browser's clock"),
    ...fields,
  });

export const sessionEvent = z
  .discriminatedUnion('type', [
    eventOf('connected', {}),
    eventOf('heartbeat', {}),
    eventOf('usage', {
      response_id: printable(128)
        .nullish()
        .describe('OpenAI’s id of the response. Without one, the id of the event counts as it.'),
      usage: reportedUsage
        .nullish()
        .describe('null if the response has no usage. The event is then not counted.'),
    }),
    eventOf('error', {
      source: z.enum(FAILURE_SOURCES),
      // It is compared and never stored. A long one must not make the other events of its request fail.
      code: z.string().max(1_000).nullish().describe("OpenAI's code, or the name of the browser's error."),
    }),
    eventOf('ended', { reason: z.enum(END_REASONS) }),
  ])
  .meta({ id: 'SessionEvent' });

export const eventsRequest = z
  .strictObject({ events: z.array(sessionEvent).min(1).max(50) })
  .meta({ id: 'ReportRequest' });

export const eventsQuery = z
  .strictObject({
    signature: z
      .string()
      .max(100)
      .optional()
      .describe('The text of X-Spelo-Signature, for navigator.sendBeacon.'),
  })
  .meta({ id: 'ReportQuery' });

export const eventsReceipt = z
  .object({
    accepted: z.int(),
    duplicates: z.int().describe('Events that were already known. They changed nothing.'),
    flagged: z.int().describe('Implausible events. They are kept apart and not counted.'),
    action: z.enum(['continue', 'hang_up']),
    reason: z.enum(['ended', 'slot_lost', 'max_duration', 'site_gone']).nullable(),
    ended_by: z
      .enum(ENDED_BY)
      .nullable()
      .describe('Who ended the call; null if it continues or ended by itself.'),
  })
  .meta({ id: 'ReportReceipt' });

export const clientSecret = z
  .object({
    value: z.string().startsWith('ek_').describe('OpenAI Realtime client secret. Handed out once.'),
    expires_at: z.int().describe('Unix seconds, as at OpenAI.'),
  })
  .meta({ id: 'ClientSecret' });

export const token = z
  .object({
    client_secret: clientSecret,
    session_id: z.string(),
    signing_secret: z.base64().describe('32 bytes; signs the reports of this session.'),
    model: z.string(),
    voice: z.string(),
    realtime_url: z.url().describe('Where the browser posts its SDP offer.'),
    mode: z.enum(BILLING_MODES),
    heartbeat_seconds: z.int(),
    max_duration_seconds: z.int(),
    remaining_slots: z.int().nullable().describe('null when unlimited'),
    first_message: firstMessageEvent.describe(
      'The page sends this event on its data channel once it is connected, so that the assistant speaks first. null: the assistant waits for the visitor.',
    ),
  })
  .meta({ id: 'Token' });

export const errorRow = z
  .object({
    site_id: siteIdSchema.nullable(),
    code: z.string(),
    source: z
      .enum(['mint', ...FAILURE_SOURCES])
      .describe("Where it happened: at the mint, or in the visitor's browser."),
    reason: z.string().nullable().describe('What failed; see docs/openai.md.'),
    origin: z
      .string()
      .nullable()
      .describe(
        'The refused origin of an `origin_not_allowed`. null: not known, or one of many in that minute.',
      ),
    message: z.string(),
    count: z.int().describe('Occurrences within one minute.'),
    first_at: timestamp,
    last_at: timestamp,
    session_id: z.string().nullable().describe('The latest session with this error.'),
  })
  .meta({ id: 'ErrorRow' });
