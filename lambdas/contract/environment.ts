import * as z from 'zod';
import { parseAccessTokenRule } from '../domain/access-token-rule.ts';
import { WATCH_MODES, type WatchMode } from '../domain/calls/call.ts';
import { MANAGED_TOKENS } from '../domain/calls/control.ts';
import { DEFAULT_ADDRESS_SLOT_PERCENT } from '../domain/limits.ts';
import { plansVariable } from './plans.ts';

export { WATCH_MODES, type WatchMode };

/**
 * The environment of each deployed function. Parsed once at start, all faults at once, values never printed. Nothing
 * here is a secret: secrets come from KMS.
 */

const tableName = z.string().min(3);
const kmsArn = z.string().startsWith('arn:');

/**
 * Only the operator's own environment chooses where keys are sent, never a request or a stored field: OpenAI, or this
 * machine for the local run.
 */
export const openAiBaseUrl = z
  .string()
  .regex(
    /^(?:https:\/\/(?:[a-z]{2}\.)?api\.openai\.com|http:\/\/(?:127\.0\.0\.1|localhost):\d{1,5})\/v1$/,
    'Must be https://api.openai.com/v1, one of its regional hosts, or http://127.0.0.1:<port>/v1.',
  )
  .default('https://api.openai.com/v1');

/** Comma-separated; empty or left out: none. */
const kmsArnList = z
  .string()
  .default('')
  .transform((list) => list.split(',').filter((arn) => arn !== ''))
  .pipe(z.array(kmsArn));

/** SHA-256 of the values of X-Origin-Verify that the edge may send, comma-separated; empty: there is no edge. */
const secretDigests = z
  .string()
  .default('')
  .transform((list) => list.split(',').filter((digest) => digest !== ''))
  .pipe(z.array(z.string().regex(/^[0-9a-f]{64}$/, 'Must be a SHA-256 in hex.')));

export const accessTokenRule = z.string().transform((text, context) => {
  const rule = parseAccessTokenRule(text);
  if (rule !== undefined) return rule;
  context.issues.push({ code: 'custom', input: text, message: 'Must be `marked` or `scope:<name>`.' });
  return z.NEVER;
});

const shared = {
  /** Names the deployment in logs and metrics. */
  STAGE: z.string().regex(/^[a-z][a-z0-9-]{0,19}$/),
  /** Set by Lambda itself. */
  AWS_REGION: z.string(),
  TENANCY_TABLE: tableName,
  KEYS_TABLE: tableName,
  SESSIONS_TABLE: tableName,
  LIMITS_TABLE: tableName,
  /** Issuer of the access tokens; its discovery document names the JWKS. */
  OIDC_ISSUER: z.url(),
  OIDC_AUDIENCE: z.string().min(1),
  /** How an access token is told from an ID token: `marked` or `scope:<name>`. */
  OIDC_ACCESS_RULE: accessTokenRule.default({ kind: 'marked' }),
  /** How old a sign-in may be for sensitive changes, by `auth_time`; 0: any age. */
  RECENT_SIGN_IN_SECONDS: z.coerce.number().int().min(0).max(86_400).default(0),
  EDGE_PROOF_DIGESTS: secretDigests,
  /** Of one try of a call to AWS, milliseconds. */
  AWS_CALL_TIMEOUT_MS: z.coerce.number().int().min(100).max(10_000).default(1_500),
  /** The AWS SDK's own variables; set by the local run only. */
  AWS_ENDPOINT_URL_DYNAMODB: z.url().optional(),
  AWS_ENDPOINT_URL_KMS: z.url().optional(),
};

/** Root of keyed hashes; every function that writes audit events needs it for the address of the caller. */
const derivation = { DERIVATION_KEY_ARN: kmsArn };

/**
 * Keys sealed under any of these open: the master key, and the ones before it while their records are being re-wrapped
 * (docs/key-lifecycle.md). New keys are sealed under `MASTER_KEY_ARN` alone.
 */
const opening = { MASTER_KEY_ARN: kmsArn, RETIRED_MASTER_KEY_ARNS: kmsArnList };

/** Root of the marks of keys, for every function that mints with keys or changes them. */
const marks = { MARKS_KEY_ARN: kmsArn };

/** The deployment's plans, for every function that holds a workspace to one. */
const plans = { PLANS: plansVariable };

const limit = (fallback: number) => z.coerce.number().int().min(1).max(1_000_000).default(fallback);

/** The queue of calls to hang up. */
const hangUps = { HANGUP_QUEUE_URL: z.url(), AWS_ENDPOINT_URL_SQS: z.url().optional() };

/** The function that watches calls, invoked asynchronously. */
const watchers = { WATCH_FUNCTION: z.string().min(1), AWS_ENDPOINT_URL_LAMBDA: z.url().optional() };

/** The queue of notices for webhooks. */
const notices = { NOTICE_QUEUE_URL: z.url(), AWS_ENDPOINT_URL_SQS: z.url().optional() };

/** The address that alerts are mailed from, verified at SES; empty: no mail is sent. */
const mail = { MAIL_SENDER: z.union([z.literal(''), z.email()]).default('') };

/** Meters and totals of sessions. */
const usage = { USAGE_TABLE: tableName };

const tokenEnvironment = z.object({
  ...shared,
  ...marks,
  ...usage,
  ...derivation,
  ...opening,
  ...plans,
  ...hangUps,
  ...watchers,
  WATCH: z.enum(WATCH_MODES).default('eager'),
  OPENAI_BASE_URL: openAiBaseUrl,
  /** Whether managed sessions may be opened with client secrets. */
  MANAGED_MINTS: z.enum(MANAGED_TOKENS).default('allow'),
  OPENAI_TIMEOUT_MS: z.coerce.number().int().min(500).max(20_000).default(8_000),
  IP_LIMIT_PER_MINUTE: limit(60),
  IP_LIMIT_PER_SECOND: limit(20),
  SITE_LIMIT_PER_MINUTE: limit(200),
  /** The share of a key's concurrency slots that one address may hold. */
  ADDRESS_SLOT_PERCENT: z.coerce.number().int().min(1).max(100).default(DEFAULT_ADDRESS_SLOT_PERCENT),
});

/** Widgets' reports of their sessions; no access token, no key of a customer. */
const eventsEnvironment = z.object({
  STAGE: shared.STAGE,
  AWS_REGION: shared.AWS_REGION,
  TENANCY_TABLE: tableName,
  SESSIONS_TABLE: tableName,
  LIMITS_TABLE: tableName,
  ...usage,
  ...derivation,
  ...plans,
  ...hangUps,
  EDGE_PROOF_DIGESTS: shared.EDGE_PROOF_DIGESTS,
  AWS_CALL_TIMEOUT_MS: shared.AWS_CALL_TIMEOUT_MS,
  AWS_ENDPOINT_URL_DYNAMODB: shared.AWS_ENDPOINT_URL_DYNAMODB,
  AWS_ENDPOINT_URL_KMS: shared.AWS_ENDPOINT_URL_KMS,
});

/** Closes silent sessions on a schedule. */
const sweeperEnvironment = z.object({
  STAGE: shared.STAGE,
  AWS_REGION: shared.AWS_REGION,
  TENANCY_TABLE: tableName,
  ...plans,
  SESSIONS_TABLE: tableName,
  LIMITS_TABLE: tableName,
  ...usage,
  ...hangUps,
  ...watchers,
  WATCH: z.enum(WATCH_MODES).default('eager'),
  AWS_ENDPOINT_URL_DYNAMODB: shared.AWS_ENDPOINT_URL_DYNAMODB,
});

/** Moves sites off models that are shut down, on a schedule. */
const retireModelsEnvironment = z.object({
  STAGE: shared.STAGE,
  AWS_REGION: shared.AWS_REGION,
  TENANCY_TABLE: tableName,
  AWS_ENDPOINT_URL_DYNAMODB: shared.AWS_ENDPOINT_URL_DYNAMODB,
});

/** Writes one record on a schedule, which has to arrive everywhere. */
const heartbeatEnvironment = z.object({
  STAGE: shared.STAGE,
  AWS_REGION: shared.AWS_REGION,
  TENANCY_TABLE: tableName,
  AWS_ENDPOINT_URL_DYNAMODB: shared.AWS_ENDPOINT_URL_DYNAMODB,
});

/** Hangs calls up; no route leads to it. */
const hangupEnvironment = z.object({
  STAGE: shared.STAGE,
  AWS_REGION: shared.AWS_REGION,
  TENANCY_TABLE: tableName,
  ...plans,
  KEYS_TABLE: tableName,
  SESSIONS_TABLE: tableName,
  LIMITS_TABLE: tableName,
  ...usage,
  ...opening,
  ...hangUps,
  OPENAI_BASE_URL: openAiBaseUrl,
  AWS_ENDPOINT_URL_DYNAMODB: shared.AWS_ENDPOINT_URL_DYNAMODB,
  AWS_ENDPOINT_URL_KMS: shared.AWS_ENDPOINT_URL_KMS,
});

/** Watches calls through OpenAI's sideband; no route leads to it. */
const watchEnvironment = z.object({
  STAGE: shared.STAGE,
  AWS_REGION: shared.AWS_REGION,
  TENANCY_TABLE: tableName,
  KEYS_TABLE: tableName,
  SESSIONS_TABLE: tableName,
  ...usage,
  ...opening,
  ...hangUps,
  ...watchers,
  ...plans,
  OPENAI_BASE_URL: openAiBaseUrl,
  AWS_ENDPOINT_URL_DYNAMODB: shared.AWS_ENDPOINT_URL_DYNAMODB,
  AWS_ENDPOINT_URL_KMS: shared.AWS_ENDPOINT_URL_KMS,
});

/** Hours for which a replaced key can be rolled back to; 0 shreds it at once. */
const retention = { KEY_RETENTION_HOURS: z.coerce.number().int().min(0).max(720).default(24) };

const keysEnvironment = z.object({
  ...shared,
  ...marks,
  ...derivation,
  ...retention,
  ...hangUps,
  MASTER_KEY_ARN: kmsArn,
  FINGERPRINT_KEY_ARN: kmsArn,
  OPENAI_BASE_URL: openAiBaseUrl,
});

const rotateEnvironment = z.object({
  ...shared,
  ...marks,
  ...derivation,
  ...opening,
  FINGERPRINT_KEY_ARN: kmsArn,
});

const audit = { AUDIT_TABLE: tableName, AUDIT_KEY_ARN: kmsArn };

/** The routes of the audit trail. */
const auditEnvironment = z.object({ ...shared, ...audit });

/** The audit projector: reads streams, appends rows, knows nothing else. */
const projectorEnvironment = z.object({
  STAGE: shared.STAGE,
  AWS_REGION: shared.AWS_REGION,
  AWS_ENDPOINT_URL_DYNAMODB: shared.AWS_ENDPOINT_URL_DYNAMODB,
  AWS_ENDPOINT_URL_KMS: shared.AWS_ENDPOINT_URL_KMS,
  ...audit,
});

const bucket = z.string().regex(/^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/);

/** The archiver: reads the audit table's stream, writes objects, knows nothing else. */
const archiverEnvironment = z.object({
  STAGE: shared.STAGE,
  AWS_REGION: shared.AWS_REGION,
  /** Bucket with Object Lock, which the function that appends to the trail cannot reach. */
  ARCHIVE_BUCKET: bucket,
  AWS_ENDPOINT_URL_S3: z.url().optional(),
});

/** Compares CloudTrail, the audit trail and its archive, on a schedule. It can open no key. */
const reconcileEnvironment = z.object({
  STAGE: shared.STAGE,
  AWS_REGION: shared.AWS_REGION,
  ...audit,
  ...opening,
  CHECKPOINTS_KEY_ARN: kmsArn,
  /** Where CloudTrail delivers its log files. */
  TRAIL_BUCKET: bucket,
  /** The archive; results are put there as well. */
  ARCHIVE_BUCKET: bucket,
  /** Days until the buckets' lifecycle hides an object and removes it. */
  EVIDENCE_DAYS: z.coerce.number().int().positive(),
  EVENT_BUS_NAME: z.string().min(1).default('default'),
  AWS_ENDPOINT_URL_EVENTBRIDGE: z.url().optional(),
  AWS_ENDPOINT_URL_DYNAMODB: shared.AWS_ENDPOINT_URL_DYNAMODB,
  AWS_ENDPOINT_URL_KMS: shared.AWS_ENDPOINT_URL_KMS,
  AWS_ENDPOINT_URL_S3: z.url().optional(),
});

/** Watches the stream of sessions. It can switch a key off; it can neither open nor seal one. */
const detectorEnvironment = z.object({
  STAGE: shared.STAGE,
  AWS_REGION: shared.AWS_REGION,
  TENANCY_TABLE: tableName,
  KEYS_TABLE: tableName,
  SESSIONS_TABLE: tableName,
  LIMITS_TABLE: tableName,
  ...usage,
  ...marks,
  ...hangUps,
  ...notices,
  /** Where incidents are announced and rotations are asked for. */
  EVENT_BUS_NAME: z.string().min(1).default('default'),
  AWS_ENDPOINT_URL_EVENTBRIDGE: z.url().optional(),
  AWS_ENDPOINT_URL_DYNAMODB: shared.AWS_ENDPOINT_URL_DYNAMODB,
  AWS_ENDPOINT_URL_KMS: shared.AWS_ENDPOINT_URL_KMS,
});

/** Re-encrypts one key at the detector's request; no route leads to it. */
const rotateOnRequestEnvironment = z.object({
  STAGE: shared.STAGE,
  AWS_REGION: shared.AWS_REGION,
  TENANCY_TABLE: tableName,
  KEYS_TABLE: tableName,
  SESSIONS_TABLE: tableName,
  LIMITS_TABLE: tableName,
  ...opening,
  ...marks,
  FINGERPRINT_KEY_ARN: kmsArn,
  AWS_ENDPOINT_URL_DYNAMODB: shared.AWS_ENDPOINT_URL_DYNAMODB,
  AWS_ENDPOINT_URL_KMS: shared.AWS_ENDPOINT_URL_KMS,
});

const manageEnvironment = z.object({
  ...shared,
  ...derivation,
  ...plans,
  ...usage,
  ...hangUps,
  /** Whether calls of this stage are watched: budgets that act during a call need it. */
  WATCH: z.enum(WATCH_MODES).default('eager'),
  ...notices,
  ...mail,
  /** Workspaces that one person can create in a day. */
  WORKSPACES_PER_DAY: limit(5),
});

/** Sends notices to webhooks; no route leads to it, and it can open no key of a customer. */
const noticesEnvironment = z.object({
  STAGE: shared.STAGE,
  AWS_REGION: shared.AWS_REGION,
  TENANCY_TABLE: tableName,
  SESSIONS_TABLE: tableName,
  LIMITS_TABLE: tableName,
  ...usage,
  ...derivation,
  ...notices,
  ...mail,
  /** Where invitations lead to, with its closing slash; empty: the address is not known. */
  DASHBOARD_URL: z.union([z.literal(''), z.url()]).default(''),
  AWS_ENDPOINT_URL_SESV2: z.url().optional(),
  AWS_ENDPOINT_URL_DYNAMODB: shared.AWS_ENDPOINT_URL_DYNAMODB,
  AWS_ENDPOINT_URL_KMS: shared.AWS_ENDPOINT_URL_KMS,
});

/** Usage and its cost; reads alone. */
const usageEnvironment = z.object({ ...shared, ...usage, ...plans }).omit({
  AWS_ENDPOINT_URL_KMS: true,
});

/** The environment that each deployed function parses at its start, by its deployed name. */
export const ENVIRONMENTS = {
  token: tokenEnvironment,
  events: eventsEnvironment,
  keys: keysEnvironment,
  rotate: rotateEnvironment,
  audit: auditEnvironment,
  projector: projectorEnvironment,
  archiver: archiverEnvironment,
  reconcile: reconcileEnvironment,
  heartbeat: heartbeatEnvironment,
  'retire-models': retireModelsEnvironment,
  hangup: hangupEnvironment,
  watch: watchEnvironment,
  notices: noticesEnvironment,
  manage: manageEnvironment,
  usage: usageEnvironment,
  detector: detectorEnvironment,
  'rotate-on-request': rotateOnRequestEnvironment,
  sweeper: sweeperEnvironment,
} as const;

export type DeployedFunctionName = keyof typeof ENVIRONMENTS;

/** The parsed environment of the function `Name`. */
export type EnvironmentOf<Name extends DeployedFunctionName> = z.infer<(typeof ENVIRONMENTS)[Name]>;

/** The parsed environment. Throws one error that names every faulty variable and no value. */
export const parseEnvironment = <Schema extends z.ZodType>(
  schema: Schema,
  variables: Readonly<Record<string, string | undefined>>,
): z.infer<Schema> => {
  const parsed = schema.safeParse(variables);
  if (parsed.success) return parsed.data;
  const faults = parsed.error.issues.map(({ path, message }) => `${path.join('.')}: ${message}`);
  throw new Error(`The environment is not valid. ${faults.join('; ')}`);
};
