import * as z from 'zod';
import { CONTROLS, OPENED_WITH } from '../domain/calls/control.ts';
import { MAX_SDP_BYTES } from '../domain/calls/sdp-offer.ts';
import { KEY_SCOPES } from '../domain/keys/sealed-key.ts';
import { BILLING_MODES } from '../domain/tenancy/workspace.ts';
import { sessionIdSchema, siteIdSchema } from './common.ts';
import { firstMessageEvent } from './conversation.ts';
import { tokenRequest } from './sessions.ts';

/** Schemas of brokered calls. */

export { MANAGED_TOKENS, type ManagedTokens } from '../domain/calls/control.ts';

const timestamp = z.iso.datetime().describe('RFC 3339, UTC');

export const callRequest = z
  .strictObject({
    sdp: z
      .string()
      .min(1)
      .max(MAX_SDP_BYTES)
      .describe('SDP offer with one audio track. On a locked site without a data channel.'),
    visitor_id: tokenRequest.shape.visitor_id,
    embed_token: tokenRequest.shape.embed_token,
    replaces: z
      .strictObject({
        session_id: z.string().max(64),
        signature: z
          .string()
          .max(100)
          .describe(
            '`t=<unix seconds>,v1=<hex>`: HMAC-SHA256 over `<t>.replaces.<session_id>` with the signing secret of that session.',
          ),
      })
      .optional()
      .describe('The call that this page leaves behind. It is hung up, and its slot moves to the new call.'),
  })
  .meta({ id: 'CallRequest' });

export const call = z
  .object({
    sdp: z.string().describe("OpenAI's SDP answer."),
    session_id: z.string(),
    signing_secret: z.base64().describe('32 bytes; signs the reports of this session.'),
    model: z.string(),
    voice: z.string(),
    mode: z.enum(BILLING_MODES),
    control: z.enum(CONTROLS),
    heartbeat_seconds: z.int(),
    max_duration_seconds: z.int().describe('The broker hangs the call up after this.'),
    remaining_slots: z.int().nullable().describe('null when unlimited'),
    first_message: firstMessageEvent.describe(
      'The page sends this event on its data channel once it is connected, so that the assistant speaks first. null: the page sends nothing, because the site has no first message, the call replaces another, or the site is locked and the broker sends the event.',
    ),
  })
  .meta({ id: 'Call' });

export const endingRequest = z
  .strictObject({
    live_calls: z
      .enum(['end', 'keep'])
      .default('end')
      .describe('Whether calls that run on this key are ended.'),
  })
  .meta({ id: 'SuspendRequest' });

export const ending = z
  .object({
    deleted: z.literal(true),
    calls_ending: z.int().describe('Calls that are being hung up because of this.'),
  })
  .meta({ id: 'Ending' });

export const endedSession = z
  .object({ session_id: sessionIdSchema, ending: z.boolean().describe('False: it had ended before.') })
  .meta({ id: 'EndedSession' });

export const liveSessions = z
  .object({
    at: timestamp,
    items: z.array(
      z.object({
        session_id: sessionIdSchema,
        site_id: siteIdSchema,
        opened_with: z.enum(OPENED_WITH),
        mode: z.enum(BILLING_MODES),
        key_scope: z.enum(KEY_SCOPES).describe('Where the key it runs on is stored.'),
        started_at: timestamp,
        ends_by: timestamp.nullable().describe('When the broker ends it at the latest; null for tokens.'),
        cost_cents: z.number().nullable().describe('So far, at list prices; null: not known.'),
        endable: z.boolean().describe('Whether POST …/end can end it: calls only.'),
      }),
    ),
  })
  .meta({ id: 'LiveSessions' });
