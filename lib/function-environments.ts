import type { EnvironmentOf } from '../lambdas/contract/environment.ts';
import { KMS_KEYS } from '../lambdas/contract/kms-keys.ts';
import { TABLES } from '../lambdas/contract/tables.ts';
import { deployedNameOf } from './constructs/broker-function.ts';
import { EVENT_BUS_NAME } from './event-bus.ts';
import type { DataResources } from './role-permissions.ts';
import type { StageConfig } from './stage-config.ts';

/**
 * Variables that Lambda sets, that only the local server sets, or that keep their default: a deployment sends keys only
 * to OpenAI.
 */
type NotDeployed =
  | 'AWS_REGION'
  | 'AWS_CALL_TIMEOUT_MS'
  | 'AWS_ENDPOINT_URL_DYNAMODB'
  | 'AWS_ENDPOINT_URL_KMS'
  | 'AWS_ENDPOINT_URL_EVENTBRIDGE'
  | 'AWS_ENDPOINT_URL_SQS'
  | 'AWS_ENDPOINT_URL_LAMBDA'
  | 'AWS_ENDPOINT_URL_SESV2'
  | 'AWS_ENDPOINT_URL_S3'
  | 'OPENAI_BASE_URL'
  | 'OPENAI_TIMEOUT_MS';

/** A third of a key's slots. */
const DEFAULT_SLOT_PERCENT_PER_IP = 34;

type Deployed<Environment> = Readonly<Record<Exclude<keyof Environment, NotDeployed>, string>>;

/**
 * The variables of each function, exactly those that its code parses at start. They are names and limits, not secrets.
 */
export interface FunctionEnvironments {
  readonly token: Deployed<EnvironmentOf<'token'>>;
  readonly events: Deployed<EnvironmentOf<'events'>>;
  readonly keys: Deployed<EnvironmentOf<'keys'>>;
  readonly rotate: Deployed<EnvironmentOf<'rotate'>>;
  readonly audit: Deployed<EnvironmentOf<'audit'>>;
  readonly manage: Deployed<EnvironmentOf<'manage'>>;
  readonly usage: Deployed<EnvironmentOf<'usage'>>;
  readonly projector: Deployed<EnvironmentOf<'projector'>>;
  readonly detector: Deployed<EnvironmentOf<'detector'>>;
  readonly 'rotate-on-request': Deployed<EnvironmentOf<'rotate-on-request'>>;
  /** Without the buckets, which are in the stack of the function. */
  readonly reconcile: Omit<Deployed<EnvironmentOf<'reconcile'>>, 'TRAIL_BUCKET' | 'ARCHIVE_BUCKET'>;
  readonly heartbeat: Deployed<EnvironmentOf<'heartbeat'>>;
  readonly hangup: Deployed<EnvironmentOf<'hangup'>>;
  readonly watch: Deployed<EnvironmentOf<'watch'>>;
  readonly notices: Deployed<EnvironmentOf<'notices'>>;
  readonly sweeper: Deployed<EnvironmentOf<'sweeper'>>;
  readonly 'retire-models': Deployed<EnvironmentOf<'retire-models'>>;
}

export const functionEnvironments = (
  config: StageConfig,
  { tables, keys, signIn, hangUps, notices }: DataResources,
): FunctionEnvironments => {
  const own = { STAGE: config.stage };
  const custody = {
    [TABLES.tenancy.variable]: tables.tenancy.tableName,
    [TABLES.keys.variable]: tables.keys.tableName,
    [TABLES.limits.variable]: tables.limits.tableName,
  };
  const sessions = { [TABLES.sessions.variable]: tables.sessions.tableName };
  const usage = { [TABLES.usage.variable]: tables.usage.tableName };
  const hangUpQueue = { HANGUP_QUEUE_URL: hangUps.queue.queueUrl };
  const watchers = { WATCH_FUNCTION: deployedNameOf(config.stage, 'watch') };
  const noticeQueue = { NOTICE_QUEUE_URL: notices.queue.queueUrl };
  const mail = { MAIL_SENDER: config.alertMail?.sender ?? '' };
  const edge = { EDGE_PROOF_DIGESTS: (config.edge?.acceptedDigests ?? []).join(',') };
  const oidc = {
    OIDC_ISSUER: signIn.issuer,
    OIDC_AUDIENCE: signIn.audience,
    // A pool of Cognito marks its access tokens with `token_use`.
    RECENT_SIGN_IN_SECONDS: String(recentSignInMinutes(config) * 60),
    OIDC_ACCESS_RULE: 'cognito' in config.signIn ? 'marked' : config.signIn.accessTokens,
  };
  const shared = {
    ...own,
    ...edge,
    ...custody,
    ...sessions,
    ...oidc,
  };
  const derivation = { [KMS_KEYS.derivation.variable]: keys.derivation.keyArn };
  const marks = { [KMS_KEYS.marks.variable]: keys.marks.keyArn };
  const master = { [KMS_KEYS.master.variable]: keys.master.keyArn };
  const retired = { RETIRED_MASTER_KEY_ARNS: (config.retiredMasterKeyArns ?? []).join(',') };
  const plans = { PLANS: config.plans };
  const fingerprint = { [KMS_KEYS.fingerprint.variable]: keys.fingerprint.keyArn };
  const audit = {
    [TABLES.audit.variable]: tables.audit.tableName,
    [KMS_KEYS.audit.variable]: keys.audit.keyArn,
  };
  return {
    token: {
      ...shared,
      ...usage,
      ...derivation,
      ...marks,
      ...master,
      ...retired,
      ...plans,
      ...hangUpQueue,
      ...watchers,
      WATCH: config.watch ?? 'eager',
      MANAGED_MINTS: config.managedTokens ?? 'allow',
      IP_LIMIT_PER_MINUTE: String(config.rateLimits.perIpPerMinute),
      IP_LIMIT_PER_SECOND: String(config.rateLimits.perIpPerSecond),
      SITE_LIMIT_PER_MINUTE: String(config.rateLimits.perSitePerMinute),
      ADDRESS_SLOT_PERCENT: String(config.rateLimits.slotPercentPerIp ?? DEFAULT_SLOT_PERCENT_PER_IP),
    },
    keys: {
      ...shared,
      ...derivation,
      ...marks,
      ...master,
      ...fingerprint,
      ...hangUpQueue,
      KEY_RETENTION_HOURS: String(config.keyRetentionHours),
    },
    events: {
      ...own,
      ...edge,
      [TABLES.tenancy.variable]: tables.tenancy.tableName,
      [TABLES.limits.variable]: tables.limits.tableName,
      ...sessions,
      ...usage,
      ...derivation,
      ...plans,
      ...hangUpQueue,
    },
    rotate: { ...shared, ...derivation, ...marks, ...master, ...retired, ...fingerprint },
    audit: { ...shared, ...audit },
    manage: {
      ...shared,
      ...usage,
      ...derivation,
      ...plans,
      ...hangUpQueue,
      ...noticeQueue,
      ...mail,
      WATCH: config.watch ?? 'eager',
      WORKSPACES_PER_DAY: '5',
    },
    usage: {
      ...own,
      ...edge,
      ...custody,
      ...sessions,
      ...usage,
      ...plans,
      ...oidc,
    },
    projector: { ...own, ...audit },
    detector: {
      ...own,
      ...custody,
      ...sessions,
      ...usage,
      ...marks,
      ...hangUpQueue,
      ...noticeQueue,
      EVENT_BUS_NAME,
    },
    sweeper: {
      ...own,
      ...plans,
      [TABLES.tenancy.variable]: tables.tenancy.tableName,
      ...sessions,
      [TABLES.limits.variable]: tables.limits.tableName,
      ...usage,
      ...hangUpQueue,
      ...watchers,
      WATCH: config.watch ?? 'eager',
    },
    reconcile: {
      ...own,
      ...audit,
      ...master,
      ...retired,
      [KMS_KEYS.checkpoints.variable]: keys.checkpoints.keyArn,
      EVIDENCE_DAYS: `${config.evidence.retentionDays}`,
      EVENT_BUS_NAME,
    },
    heartbeat: { ...own, [TABLES.tenancy.variable]: tables.tenancy.tableName },
    'retire-models': { ...own, [TABLES.tenancy.variable]: tables.tenancy.tableName },
    hangup: {
      ...own,
      ...plans,
      [TABLES.tenancy.variable]: tables.tenancy.tableName,
      [TABLES.keys.variable]: tables.keys.tableName,
      [TABLES.limits.variable]: tables.limits.tableName,
      ...sessions,
      ...usage,
      ...master,
      ...retired,
      ...hangUpQueue,
    },
    watch: {
      ...own,
      [TABLES.tenancy.variable]: tables.tenancy.tableName,
      [TABLES.keys.variable]: tables.keys.tableName,
      ...sessions,
      ...usage,
      ...master,
      ...retired,
      ...hangUpQueue,
      ...watchers,
      ...plans,
    },
    notices: {
      ...own,
      [TABLES.tenancy.variable]: tables.tenancy.tableName,
      [TABLES.limits.variable]: tables.limits.tableName,
      ...sessions,
      ...usage,
      ...derivation,
      ...noticeQueue,
      ...mail,
      DASHBOARD_URL:
        config.dashboard?.domain === undefined ? '' : `https://${config.dashboard.domain.name}/dashboard/`,
    },
    'rotate-on-request': { ...own, ...custody, ...sessions, ...marks, ...master, ...retired, ...fingerprint },
  };
};

/** Access tokens of Cognito have `auth_time`; those of another issuer may not, and then no one could change a key. */
const recentSignInMinutes = ({ signIn, recentSignInMinutes: set }: StageConfig): number =>
  set ?? ('cognito' in signIn ? 15 : 0);
