import * as z from 'zod';
import { DEFAULT_TIME_ZONE, isTimeZone } from '../domain/budgets/budget-period.ts';
import { CONTROLS } from '../domain/calls/control.ts';
import { MAX_CONCURRENCY } from '../domain/limits.ts';
import {
  CLIENT_SECRET_TTL_SECONDS,
  DATA_RESIDENCIES,
  DEFAULT_MODEL,
  DEFAULT_VOICE,
  SESSION_DURATION_SECONDS,
  VOICES,
} from '../domain/openai-models.ts';
import { parseMailAddress } from '../domain/tenancy/mail-address.ts';
import { parseRegisteredOrigin, refusedOriginOf } from '../domain/tenancy/origin.ts';
import { ERROR_DAYS, SESSION_DAYS } from '../domain/tenancy/retention.ts';
import { SITE_WARNINGS } from '../domain/tenancy/site-model.ts';
import { ANOMALY_RESPONSES, BILLING_MODES, ROLES } from '../domain/tenancy/workspace.ts';
import { isUnicode, NOT_UNICODE, name, siteIdSchema, timestamp, workspaceIdSchema } from './common.ts';
import { conversation, DEFAULT_CONVERSATION_BODY } from './conversation.ts';
import { shownEmbedKey } from './embed-keys.ts';
import { functionTools } from './function-tools.ts';

export const mailAddress = z
  .string()
  .max(1_000)
  .transform((text, context) => {
    const address = parseMailAddress(text);
    if (address !== undefined) return address;
    context.addIssue({ code: 'custom', message: 'Must be an email address, such as ops@example.com.' });
    return z.NEVER;
  })
  .meta({
    type: 'string',
    format: 'idn-email',
    description: 'Stored without surrounding space, with the domain in ASCII form.',
  });

const origin = z
  .string()
  .max(300)
  .transform((text, context) => {
    const canonical = parseRegisteredOrigin(text);
    if (canonical !== undefined) return canonical;
    context.addIssue({
      code: 'custom',
      message:
        'Must be an origin: https://host[:port] without a path, http://localhost[:port], https://*.example.com, or the origin of an app such as capacitor://localhost or chrome-extension://<id>.',
    });
    return z.NEVER;
  })
  .meta({
    type: 'string',
    description:
      '`https://host[:port]`, `http://localhost[:port]`, `https://*.example.com`, or the origin of an app such as `capacitor://localhost`. A wildcard below a public suffix such as `vercel.app` is refused.',
  });

const canonicalRefusedOrigin = (text: string, context: z.RefinementCtx): string => {
  const canonical = refusedOriginOf(text.trim());
  if (canonical !== undefined) return canonical;
  context.addIssue({ code: 'custom', message: 'Must be an origin from the list of errors.' });
  return z.NEVER;
};

const dataResidency = z
  .enum(DATA_RESIDENCIES)
  .describe('Region of the OpenAI project; decides the OpenAI host for broker and browser.');

const workspaceSettings = {
  name: name(100),
  billing_mode: z.enum(BILLING_MODES),
  openai_tier: z.int().min(1).max(5).describe('OpenAI usage tier; sets the default concurrency limit.'),
  concurrency_limit: z.int().min(1).max(MAX_CONCURRENCY).nullable().describe("Overrides the tier's limit."),
  site_share_percent: z
    .int()
    .min(1)
    .max(100)
    .nullable()
    .describe(
      'Fair share: the largest share of the slots of a key that one site may use. null: all of them.',
    ),
  anomaly_response: z.enum(ANOMALY_RESPONSES),
  data_residency: dataResidency.describe(
    'Region of the OpenAI project: the default of new sites. A key that no site uses yet is tried there.',
  ),
  alert_email: mailAddress.nullable(),
  time_zone: z
    .string()
    .max(64)
    .refine(isTimeZone, 'Must be an IANA time zone, such as Europe/Berlin or UTC.')
    .describe('IANA time zone. Days and months of budgets begin at its midnight.'),
  retention: z
    .strictObject({
      session_days: z.int().min(SESSION_DAYS.min).max(SESSION_DAYS.max),
      error_days: z.int().min(ERROR_DAYS.min).max(ERROR_DAYS.max),
    })
    .describe(
      'Days that new sessions, with their usage, and new errors are kept. Those that are stored already keep their time. The audit trail and the totals of usage are not affected.',
    ),
};

export const createWorkspaceRequest = z
  .strictObject({
    name: workspaceSettings.name,
    billing_mode: workspaceSettings.billing_mode.default('byok'),
    openai_tier: workspaceSettings.openai_tier.default(1),
    concurrency_limit: workspaceSettings.concurrency_limit.default(null),
    site_share_percent: workspaceSettings.site_share_percent.default(null),
    anomaly_response: workspaceSettings.anomaly_response.default('notify'),
    data_residency: workspaceSettings.data_residency.default('global'),
    alert_email: workspaceSettings.alert_email.default(null),
    time_zone: workspaceSettings.time_zone.default(DEFAULT_TIME_ZONE),
    retention: workspaceSettings.retention.default({
      session_days: SESSION_DAYS.default,
      error_days: ERROR_DAYS.default,
    }),
  })
  .meta({ id: 'CreateWorkspaceRequest' });

export const changeWorkspaceRequest = z
  .strictObject(workspaceSettings)
  .partial()
  .meta({ id: 'ChangeWorkspaceRequest' });

export const deleteWorkspaceRequest = z
  .strictObject({
    confirm: z
      .string()
      .max(1_000)
      .describe('The name of the workspace, repeated. Invisible differences are ignored.'),
  })
  .meta({ id: 'DeleteWorkspaceRequest' });

const siteSettings = {
  name: name(100),
  allowed_origins: z
    .array(origin)
    .min(1)
    .max(50)
    .transform((origins) => [...new Set(origins)]),
  model: z.string().regex(/^[a-z0-9][a-z0-9.-]{1,63}$/, 'Must be the id of an OpenAI model.'),
  voice: z.enum(VOICES),
  instructions: z.string().max(16_000).refine(isUnicode, NOT_UNICODE),
  tools: functionTools,
  conversation,
  data_residency: dataResidency,
  control: z
    .enum(CONTROLS)
    .describe(
      '`open`: client secrets and calls. `brokered`: calls only. `locked`: calls without a data channel, so that a visitor cannot change the session.',
    ),
  require_embed_token: z
    .boolean()
    .describe('Only visitors with an embed token, signed by your server, open sessions.'),
  visitor_limits: z
    .strictObject({
      calls_per_day: z.int().min(1).max(1_000).nullable().default(null),
      minutes_per_day: z.int().min(1).max(1_440).nullable().default(null),
    })
    .describe(
      'Limits of one visitor, by the `sub` of the embed token. A day is a day in UTC. null: no limit.',
    ),
  client_secret_ttl_seconds: z
    .int()
    .min(CLIENT_SECRET_TTL_SECONDS.min)
    .max(CLIENT_SECRET_TTL_SECONDS.max)
    .describe(
      'Lifetime of a client secret. Keep it short: a secret can open several sessions until it expires.',
    ),
  max_duration_seconds: z.int().min(SESSION_DURATION_SECONDS.min).max(SESSION_DURATION_SECONDS.max),
  model_auto_upgrade: z
    .boolean()
    .describe('Moves the site to the successor on the day before OpenAI shuts its model down.'),
  ignored_origins: z
    .array(z.string().min(1).max(300).transform(canonicalRefusedOrigin))
    .max(50)
    .transform((origins) => [...new Set(origins)])
    .describe('Refused origins that are not listed among the errors.'),
};

export const createSiteRequest = z
  .strictObject({
    name: siteSettings.name,
    allowed_origins: siteSettings.allowed_origins,
    model: siteSettings.model.default(DEFAULT_MODEL),
    voice: siteSettings.voice.default(DEFAULT_VOICE),
    instructions: siteSettings.instructions.default('You are a friendly voice assistant.'),
    tools: siteSettings.tools.default([]),
    conversation: siteSettings.conversation.default(DEFAULT_CONVERSATION_BODY),
    data_residency: siteSettings.data_residency.optional().describe('Default: the setting of the workspace.'),
    control: siteSettings.control.default('open'),
    require_embed_token: siteSettings.require_embed_token.default(false),
    visitor_limits: siteSettings.visitor_limits.default({ calls_per_day: null, minutes_per_day: null }),
    client_secret_ttl_seconds: siteSettings.client_secret_ttl_seconds.default(
      CLIENT_SECRET_TTL_SECONDS.default,
    ),
    max_duration_seconds: siteSettings.max_duration_seconds.default(SESSION_DURATION_SECONDS.default),
    model_auto_upgrade: siteSettings.model_auto_upgrade.default(true),
    ignored_origins: siteSettings.ignored_origins.default([]),
  })
  .meta({ id: 'CreateSiteRequest' });

export const formerInstructions = z
  .object({
    instructions: z.string(),
    replaced_at: timestamp,
    replaced_by: z.string().describe('`sub` of the person who replaced them.'),
  })
  .meta({ id: 'FormerInstructions' });

export const changeSiteRequest = z.strictObject(siteSettings).partial().meta({ id: 'ChangeSiteRequest' });

const keyFacts = {
  has_key: z.boolean().describe('An OpenAI key is stored at exactly this place.'),
  key_suspended: z.boolean(),
};

export const workspace = z
  .object({
    workspace_id: workspaceIdSchema,
    ...workspaceSettings,
    alert_email: z.string().nullable(),
    plan: z.string(),
    ...keyFacts,
    managed_available: z
      .boolean()
      .describe(
        'Whether `billing_mode` can be changed to `managed`: a platform key is stored and not suspended.',
      ),
    site_count: z.int().describe('Sites that are not archived.'),
    max_sites: z
      .int()
      .nullable()
      .describe('Sites that the plan allows in the present billing mode; null: no limit.'),
    created_at: timestamp,
  })
  .meta({ id: 'Workspace' });

export const listedWorkspace = workspace.extend({ role: z.enum(ROLES) }).meta({ id: 'ListedWorkspace' });

export const site = z
  .object({
    site_id: siteIdSchema,
    workspace_id: workspaceIdSchema,
    ...siteSettings,
    allowed_origins: z.array(z.string()),
    ignored_origins: z.array(z.string()),
    model_moved: z
      .object({ from: z.string(), to: z.string(), at: timestamp })
      .nullable()
      .describe('The last move by `model_auto_upgrade`. Setting `model` back to `from` undoes it.'),
    embed_key: shownEmbedKey.nullable().describe('The key that embed tokens are checked with.'),
    warnings: z
      .array(z.object({ code: z.enum(SITE_WARNINGS), message: z.string() }))
      .describe('Warnings about the model of this site.'),
    ...keyFacts,
    created_at: timestamp,
    created_by: z.string(),
  })
  .meta({ id: 'Site' });
