import * as z from 'zod';
import { parseAccessTokenRule } from '../domain/access-token-rule.ts';
import { WATCH_MODES, type WatchMode } from '../domain/calls/call.ts';
import { MANAGED_TOKENS } from '../domain/calls/control.ts';
import { DEFAULT_ADDRESS_SLOT_PERCENT } from '../domain/limits.ts';
import { plansVariable } from './plans.ts';

export { WATCH_MODES, type WatchMode };

/**
 * The environment of each deployed function. Parsed once at start, all faults at once, values never printed. It
 * contains no secret: secrets come from KMS.
 */

const tableName = z.string().min(3);
const kmsArn = z.string().startsWith('arn:');

/**
 * The destination of keys: OpenAI, or this machine in the local server. Only the operator's environment sets it, never
 * a request or a stored field.
 */
export const openAiBaseUrl = z
  .string()
  .regex(
    /^(?:https:\/\/(?:[a-z]{2}\.)?api\.openai\.com|http:\/\/(?:127\.0\.0\.1|localhost):\d{1,5})\/v1$/,
    'Must be https://api.openai.com/v1, one of its regional hosts, or http://127.0.0.1:<port>/v1.',
  )
  .default('https://api.openai.com/v1');

/** Comma-separated; empty or absent for none. */
const kmsArnList = z
  .string()
  .default('')
  .transform((list) => list.split(',').filter((arn) => arn !== ''))
  .pipe(z.array(kmsArn));

/** SHA-256 of the values of X-Origin-Verify that the edge may send, comma-separated; empty without an edge. */
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
  /** The rule that distinguishes an access token from an ID token: `marked` or `scope:<name>`. */
  OIDC_ACCESS_RULE: accessTokenRule.default({ kind: 'marked' }),
  /** Maximum age of a sign-in for sensitive changes, by `auth_time`; 0 for any age. */
  RECENT_SIGN_IN_SECONDS: z.coerce.number().int().min(0).max(86_400).default(0),
  EDGE_PROOF_DIGESTS: secretDigests,
  /** Timeout of one attempt of a call to AWS, milliseconds. */
  AWS_CALL_TIMEOUT_MS: z.coerce.number().int().min(100).max(10_000).default(1_500),
  /** The AWS SDK's own variables, which only the local server sets. */
  AWS_ENDPOINT_URL_DYNAMODB: z.url().optional(),
  AWS_ENDPOINT_URL_KMS: z.url().optional(),
};

/** Root of keyed hashes; every function that writes audit events needs it for the address of the caller. */
const derivation = { DERIVATION_KEY_ARN: kmsArn };

/**
 * KMS keys whose sealed records can be opened: the master key, and earlier ones while their records are re-wrapped
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

/** The address that alerts are mailed from, verified at SES; empty to send no mail. */
const mail = { MAIL_SENDER: z.union([z.literal(''), z.email()]).default('') };

/** The table of session usage and totals. */
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

/** Receives widgets' reports of their sessions. Needs no access token and reaches no customer's key. */
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

/** Writes one record on a schedule, which every stream function must receive. */
const heartbeatEnvironment = z.object({
  STAGE: shared.STAGE,
  AWS_REGION: shared.AWS_REGION,
  TENANCY_TABLE: tableName,
  AWS_ENDPOINT_URL_DYNAMODB: shared.AWS_ENDPOINT_URL_DYNAMODB,
});

/** Hangs calls up. No route invokes it. */
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

/** Watches calls through OpenAI's sideband. No route invokes it. */
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

/** The audit projector: reads streams and appends rows, and has no other permission. */
const projectorEnvironment = z.object({
  STAGE: shared.STAGE,
  AWS_REGION: shared.AWS_REGION,
  AWS_ENDPOINT_URL_DYNAMODB: shared.AWS_ENDPOINT_URL_DYNAMODB,
  AWS_ENDPOINT_URL_KMS: shared.AWS_ENDPOINT_URL_KMS,
  ...audit,
});

const bucket = z.string().regex(/^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/);

/** The archiver: reads the audit table's stream and writes objects, and has no other permission. */
const archiverEnvironment = z.object({
  STAGE: shared.STAGE,
  AWS_REGION: shared.AWS_REGION,
  /** The bucket with Object Lock, to which the function that appends to the trail has no access. */
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
  /** The bucket to which CloudTrail delivers its log files. */
  TRAIL_BUCKET: bucket,
  /** The bucket of the archive, which also stores the results. */
  ARCHIVE_BUCKET: bucket,
  /** Days until the buckets' lifecycle hides an object and removes it. */
  EVIDENCE_DAYS: z.coerce.number().int().positive(),
  EVENT_BUS_NAME: z.string().min(1).default('default'),
  AWS_ENDPOINT_URL_EVENTBRIDGE: z.url().optional(),
  AWS_ENDPOINT_URL_DYNAMODB: shared.AWS_ENDPOINT_URL_DYNAMODB,
  AWS_ENDPOINT_URL_KMS: shared.AWS_ENDPOINT_URL_KMS,
  AWS_ENDPOINT_URL_S3: z.url().optional(),
});

/** Watches the stream of sessions. It can switch a key off, but can neither open nor seal one. */
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
  /** The event bus for incidents and rotation requests. */
  EVENT_BUS_NAME: z.string().min(1).default('default'),
  AWS_ENDPOINT_URL_EVENTBRIDGE: z.url().optional(),
  AWS_ENDPOINT_URL_DYNAMODB: shared.AWS_ENDPOINT_URL_DYNAMODB,
  AWS_ENDPOINT_URL_KMS: shared.AWS_ENDPOINT_URL_KMS,
});

/** Re-encrypts one key at the detector's request. No route invokes it. */
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
  /** Whether this stage watches calls, which budgets that act during a call require. */
  WATCH: z.enum(WATCH_MODES).default('eager'),
  ...notices,
  ...mail,
  /** Workspaces that one person can create in a day. */
  WORKSPACES_PER_DAY: limit(5),
});

/** Sends notices to webhooks. No route invokes it, and it cannot open any customer's key. */
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
  /** The dashboard address for links in invitations, with a trailing slash; empty if unknown. */
  DASHBOARD_URL: z.union([z.literal(''), z.url()]).default(''),
  AWS_ENDPOINT_URL_SESV2: z.url().optional(),
  AWS_ENDPOINT_URL_DYNAMODB: shared.AWS_ENDPOINT_URL_DYNAMODB,
  AWS_ENDPOINT_URL_KMS: shared.AWS_ENDPOINT_URL_KMS,
});

/** Reads usage and its cost. */
const usageEnvironment = z.object({ ...shared, ...usage, ...plans }).omit({
  AWS_ENDPOINT_URL_KMS: true,
});

/** The environment schema of each deployed function, by its deployed name. */
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
