import * as z from 'zod';
import { AUDIT_EVENT_TYPES } from '../domain/audit-record.ts';

import { MAX_CONCURRENCY } from '../domain/limits.ts';
import {
  CLIENT_SECRET_TTL_SECONDS,
  DATA_RESIDENCIES,
  DEFAULT_MODEL,
  DEFAULT_VOICE,
  SESSION_DURATION_SECONDS,
  VOICES,
} from '../domain/openai-models.ts';
import { parseRegisteredOrigin } from '../domain/origin.ts';
import { FAILURE_SOURCES } from '../domain/reported-failure.ts';
import { END_REASONS } from '../domain/session-meter.ts';
import { VERDICT_CODES } from '../domain/verdict.ts';
import { ANOMALY_RESPONSES, BILLING_MODES, ROLES } from '../domain/workspace.ts';

/**
 * Every shape that crosses the HTTP boundary. Requests are strict: an unknown field is refused, so that nobody can slip
 * in a site_id or a version. Answers are parsed too, which strips whatever the contract does not name.
 */

/** Half a surrogate pair is no character: neither DynamoDB nor OpenAI takes it. */
const isUnicode = (text: string): boolean => text.isWellFormed();
const NOT_UNICODE = 'Must be valid Unicode.';

/** No control characters: neither a log line nor a terminal can be forged with a name. */
const printable = (max: number) =>
  z
    .string()
    .trim()
    .min(1)
    .max(max)
    .regex(/^[^\p{Cc}\p{Zl}\p{Zp}]*$/u, 'Control characters are not allowed.')
    .refine(isUnicode, NOT_UNICODE);

const timestamp = z.iso.datetime().describe('RFC 3339, UTC');

export const workspaceIdSchema = z
  .string()
  .regex(/^[a-z0-9]{12}$/)
  .meta({ id: 'WorkspaceId', description: 'Id of a workspace.' });
export const siteIdSchema = z
  .string()
  .regex(/^[a-z0-9]{8,32}$/)
  .meta({ id: 'SiteId', description: 'Id of a site. Public: it stands in the embed snippet.' });
export const sessionIdSchema = z.string().meta({ id: 'SessionId', description: 'Id of a session.' });
export const subSchema = z
  .string()
  .min(1)
  .max(256)
  .regex(/^(?!\s)[^\p{Cc}\p{Zl}\p{Zp}]*(?<!\s)$/u, 'Must be printable, without white space at its ends.')
  .refine(isUnicode, NOT_UNICODE)
  // A sort key in DynamoDB has at most 1,024 bytes.
  .refine((sub) => new TextEncoder().encode(sub).byteLength <= 1_000, 'Must not be longer than 1,000 bytes.')
  .meta({ id: 'Sub', description: 'The `sub` claim of the OIDC issuer.' });

const origin = z
  .string()
  .max(300)
  .transform((text, context) => {
    const canonical = parseRegisteredOrigin(text);
    if (canonical !== undefined) return canonical;
    context.addIssue({
      code: 'custom',
      message:
        'Must be an origin: https://host[:port] without a path, http://localhost[:port], or https://*.example.com.',
    });
    return z.NEVER;
  })
  .meta({
    type: 'string',
    description: '`https://host[:port]`, `http://localhost[:port]` or `https://*.example.com`',
  });

// Requests

export const tokenRequest = z
  .strictObject({
    visitor_id: printable(128)
      .optional()
      .describe('Stable id of the visitor; reaches OpenAI only as a keyed hash.'),
  })
  .meta({ id: 'TokenRequest' });

const tokenCount = z.number().min(0).max(1_000_000_000).nullish();
const tokensByMedium = {
  text_tokens: tokenCount,
  audio_tokens: tokenCount,
  image_tokens: tokenCount,
};

/** OpenAI's own object. It grows with OpenAI: what is not known here is ignored. */
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
      .describe('Unique within the session: an event that comes again changes nothing.'),
    type: z.literal(type),
    at: timestamp.describe("RFC 3339, UTC, by the browser's clock"),
    ...fields,
  });

export const sessionEvent = z
  .discriminatedUnion('type', [
    eventOf('connected', {}),
    eventOf('heartbeat', {}),
    eventOf('usage', { response_id: printable(128), usage: reportedUsage }),
    eventOf('error', {
      source: z.enum(FAILURE_SOURCES),
      code: z.string().max(100).nullable().describe("OpenAI's code, or the name of the browser's error."),
    }),
    eventOf('ended', { reason: z.enum(END_REASONS) }),
  ])
  .meta({ id: 'SessionEvent' });

export const reportRequest = z
  .strictObject({ events: z.array(sessionEvent).min(1).max(50) })
  .meta({ id: 'ReportRequest' });

export const reportQuery = z
  .strictObject({
    signature: z
      .string()
      .max(100)
      .optional()
      .describe('The text of X-Spelo-Signature, for navigator.sendBeacon.'),
  })
  .meta({ id: 'ReportQuery' });

export const reportReceipt = z
  .object({
    accepted: z.int(),
    duplicates: z.int().describe('Known already; they changed nothing.'),
    flagged: z.int().describe('Cannot be true; kept apart and not counted.'),
    action: z.enum(['continue', 'hang_up']),
    reason: z.enum(['ended', 'slot_lost', 'max_duration', 'site_gone']).nullable(),
  })
  .meta({ id: 'ReportReceipt' });

const workspaceSettings = {
  name: printable(100),
  billing_mode: z.enum(BILLING_MODES),
  openai_tier: z.int().min(1).max(5).describe('OpenAI usage tier; sets the default concurrency limit.'),
  concurrency_limit: z.int().min(1).max(MAX_CONCURRENCY).nullable().describe("Overrides the tier's limit."),
  site_share_percent: z
    .int()
    .min(1)
    .max(100)
    .nullable()
    .describe('Fair share: what one site may take of the slots of a key at most; null: all of them.'),
  anomaly_response: z.enum(ANOMALY_RESPONSES),
  alert_email: z.email().max(254).nullable(),
};

export const createWorkspaceRequest = z
  .strictObject({
    name: workspaceSettings.name,
    billing_mode: workspaceSettings.billing_mode.default('byok'),
    openai_tier: workspaceSettings.openai_tier.default(1),
    concurrency_limit: workspaceSettings.concurrency_limit.default(null),
    site_share_percent: workspaceSettings.site_share_percent.default(null),
    anomaly_response: workspaceSettings.anomaly_response.default('notify'),
    alert_email: workspaceSettings.alert_email.default(null),
  })
  .meta({ id: 'CreateWorkspaceRequest' });

export const changeWorkspaceRequest = z
  .strictObject(workspaceSettings)
  .partial()
  .meta({ id: 'ChangeWorkspaceRequest' });

export const deleteWorkspaceRequest = z
  .strictObject({ confirm: z.string().max(100).describe("The workspace's name, repeated.") })
  .meta({ id: 'DeleteWorkspaceRequest' });

export const memberRequest = z.strictObject({ role: z.enum(ROLES) }).meta({ id: 'MemberRequest' });

const siteSettings = {
  name: printable(100),
  allowed_origins: z
    .array(origin)
    .min(1)
    .max(50)
    .transform((origins) => [...new Set(origins)]),
  model: z.string().regex(/^[a-z0-9][a-z0-9.-]{1,63}$/, 'Must be the id of an OpenAI model.'),
  voice: z.enum(VOICES),
  instructions: z.string().max(16_000).refine(isUnicode, NOT_UNICODE),
  data_residency: z
    .enum(DATA_RESIDENCIES)
    .describe('Region of the OpenAI project; decides the OpenAI host for broker and browser.'),
  client_secret_ttl_seconds: z
    .int()
    .min(CLIENT_SECRET_TTL_SECONDS.min)
    .max(CLIENT_SECRET_TTL_SECONDS.max)
    .describe('Lifetime of a client secret. Short: one secret can open several sessions until it expires.'),
  max_duration_seconds: z.int().min(SESSION_DURATION_SECONDS.min).max(SESSION_DURATION_SECONDS.max),
};

export const createSiteRequest = z
  .strictObject({
    name: siteSettings.name,
    allowed_origins: siteSettings.allowed_origins,
    model: siteSettings.model.default(DEFAULT_MODEL),
    voice: siteSettings.voice.default(DEFAULT_VOICE),
    instructions: siteSettings.instructions.default('You are a friendly voice assistant.'),
    data_residency: siteSettings.data_residency.default('global'),
    client_secret_ttl_seconds: siteSettings.client_secret_ttl_seconds.default(
      CLIENT_SECRET_TTL_SECONDS.default,
    ),
    max_duration_seconds: siteSettings.max_duration_seconds.default(SESSION_DURATION_SECONDS.default),
  })
  .meta({ id: 'CreateSiteRequest' });

export const changeSiteRequest = z.strictObject(siteSettings).partial().meta({ id: 'ChangeSiteRequest' });

export const putOpenAiKeyRequest = z
  .strictObject({
    api_key: z
      .string()
      .max(4_096)
      .describe('An OpenAI API key. Accepted with surrounding white space; never shown again.'),
  })
  .meta({ id: 'PutOpenAiKeyRequest' });

export const pageQuery = z
  .strictObject({
    limit: z.coerce.number().int().min(1).max(100).default(50),
    cursor: z.string().max(1_024).optional().describe('`next_cursor` of the previous page.'),
  })
  .meta({ id: 'PageQuery' });

export const auditQuery = pageQuery
  .extend({
    type: z.enum(AUDIT_EVENT_TYPES).optional(),
    actor: printable(256).optional(),
    site_id: siteIdSchema.optional(),
    from: z.iso.datetime().optional().describe('RFC 3339, inclusive'),
    to: z.iso.datetime().optional().describe('RFC 3339, exclusive'),
  })
  .meta({ id: 'AuditQuery' });

/**
 * What one call checks at most. It takes 1.5 s of a core and 14 MB of reads: with the three tenths of a core that 512 MB
 * come with, a third of the function's 25 s. An owner with a thousand sessions a day has as many rows after a week.
 */
const MAX_CHECKED_ROWS = 20_000;

export const verifyQuery = z
  .strictObject({
    limit: z.coerce
      .number()
      .int()
      .min(1)
      .max(MAX_CHECKED_ROWS)
      .default(MAX_CHECKED_ROWS)
      .describe('Rows to check in this call.'),
    cursor: pageQuery.shape.cursor.describe('`next_cursor` of the call before, within an hour.'),
  })
  .meta({ id: 'AuditVerifyQuery' });

// Answers

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
  })
  .meta({ id: 'Token' });

export const workspace = z
  .object({
    workspace_id: workspaceIdSchema,
    ...workspaceSettings,
    plan: z.string(),
    created_at: timestamp,
  })
  .meta({ id: 'Workspace' });

export const listedWorkspace = workspace.extend({ role: z.enum(ROLES) }).meta({ id: 'ListedWorkspace' });

export const member = z
  .object({ sub: z.string(), role: z.enum(ROLES), added_at: timestamp, added_by: z.string() })
  .meta({ id: 'Member' });

export const site = z
  .object({
    site_id: siteIdSchema,
    workspace_id: workspaceIdSchema,
    ...siteSettings,
    allowed_origins: z.array(z.string()),
    created_at: timestamp,
    created_by: z.string(),
  })
  .meta({ id: 'Site' });

export const verdict = z
  .object({
    ok: z.boolean(),
    code: z.enum(VERDICT_CODES),
    message: z.string(),
    latency_ms: z.int().describe('Milliseconds that OpenAI took.'),
    checked_at: timestamp,
  })
  .meta({ id: 'Verdict' });

export const maskedKey = z
  .object({
    scope: z.enum(['site', 'workspace']),
    masked: z.string().describe('`sk-proj-...AbCd`'),
    version: z.int(),
    state: z
      .enum(['active', 'unverified', 'degraded', 'suspended', 'needs_reentry'])
      .describe('`degraded`: several visitors lately failed with it after a good mint; see the errors.'),
    created_at: timestamp,
    created_by: z.string(),
    last_used_at: timestamp.nullable(),
    last_verified_at: timestamp.nullable(),
    verdict,
  })
  .meta({ id: 'OpenAiKey' });

export const keyVersion = z
  .object({
    version: z.int(),
    masked: z.string(),
    state: z.enum(['current', 'retained', 'shredded']),
    reason: z.enum(['stored', 'reencrypted']),
    created_at: timestamp,
    created_by: z.string(),
    retained_until: timestamp.nullable().describe('Until when a rollback can go back to it.'),
  })
  .meta({ id: 'KeyVersion' });

export const errorRow = z
  .object({
    site_id: siteIdSchema.nullable(),
    code: z.string(),
    source: z.enum(['mint', ...FAILURE_SOURCES]).describe("At the mint, or in the visitor's browser."),
    reason: z.string().nullable().describe('What failed, in our words.'),
    message: z.string(),
    count: z.int().describe('Occurrences within one minute.'),
    first_at: timestamp,
    last_at: timestamp,
    session_id: z.string().nullable().describe('The latest session that met it.'),
  })
  .meta({ id: 'ErrorRow' });

export const auditRow = z
  .object({
    sequence: z.int(),
    event_id: z.string(),
    type: z.enum([...AUDIT_EVENT_TYPES, 'row.damaged']),
    at: timestamp,
    actor: z.string().describe('`sub` of a person, `visitor`, or `system:<service>`'),
    site_id: z.string().nullable(),
    session_id: z.string().nullable(),
    ip_hash: z.string().nullable().describe('Keyed hash of the address, different every day.'),
    facts: z.record(z.string(), z.union([z.string(), z.number(), z.boolean()])),
    previous_hash: z.string(),
    hash: z.string(),
  })
  .meta({ id: 'AuditRow' });

export const auditVerdict = z
  .object({
    intact: z
      .boolean()
      .describe('The whole chain is as it was written. False while there is a cursor: it is not known yet.'),
    rows: z.int().describe('Rows that are as they were written, from the first on.'),
    head: z.object({ sequence: z.int(), hash: z.string() }),
    broken: z
      .object({
        sequence: z.int(),
        fault: z.enum(['missing', 'out_of_order', 'altered', 'cut_off']),
      })
      .nullable(),
    next_cursor: z.string().nullable().describe('The chain goes on behind `head`; nothing is broken so far.'),
  })
  .meta({ id: 'AuditVerdict' });

export const deleted = z.object({ deleted: z.literal(true) }).meta({ id: 'Deleted' });

export const health = z.object({ status: z.literal('ok'), version: z.string() }).meta({ id: 'Health' });

export const pageOf = <Item extends z.ZodType>(item: Item) =>
  z.object({ items: z.array(item), next_cursor: z.string().nullable() });

export const failure = z
  .object({
    success: z.literal(false),
    error: z.object({
      code: z.string(),
      message: z.string(),
      request_id: z.string(),
      retry_after: z.int().optional().describe('Seconds; the same as the Retry-After header.'),
      details: z.array(z.object({ path: z.string(), message: z.string() })).optional(),
    }),
  })
  .meta({ id: 'Failure' });
