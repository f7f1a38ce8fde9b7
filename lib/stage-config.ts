import { readFileSync } from 'node:fs';
import { RetentionDays } from 'aws-cdk-lib/aws-logs';
import type { App } from 'aws-cdk-lib/core';
import { z } from 'zod';
import { MANAGED_TOKENS, type ManagedTokens } from '../lambdas/contract/calls.ts';
import type { DeployedFunctionName } from '../lambdas/contract/environment.ts';
import {
  accessTokenRule,
  ENVIRONMENTS,
  WATCH_MODES,
  type WatchMode,
} from '../lambdas/contract/environment.ts';
import { plansSchema } from '../lambdas/contract/plans.ts';
import { DEPLOYED_FUNCTION_NAMES } from './deployed-functions.ts';

/** The differences between two deployments of the broker. None of them is secret. */
export interface StageConfig {
  /** Names the deployment: stacks, roles, key aliases, logs. */
  readonly stage: string;
  /** The team that pays and answers for the stage: the tag `owner` of every resource. */
  readonly owner: string;
  /**
   * Whether stacks, tables and the pool of people refuse their own deletion. `false` for the first deployment: CloudFormation
   * could not roll a failed one back, nor the CDK delete what is left of it (docs/decisions/0049-first-deployment.md).
   */
  readonly deletionProtection: boolean;
  /** Who assumes the operator roles, in addition to IAM users of the account with MFA. */
  readonly operators?: Operators | undefined;
  /** Names of the IAM users who may assume the break-glass role. `@default` every IAM user whose policy allows it */
  readonly breakGlassUsers?: readonly string[] | undefined;
  /** The region of the data and the functions. @default the region of the credentials */
  readonly region?: string | undefined;
  readonly signIn: SignIn;
  /**
   * How old a sign-in may be for replacing keys and adding origins or owners, minutes; 0: any age.
   *
   * @default 15 with `signIn.cognito`, otherwise 0
   */
  readonly recentSignInMinutes?: number | undefined;
  /** The API's own name. @default the name from API Gateway or CloudFront */
  readonly domain?: Domain | undefined;
  /** CloudFront in front of the API, which then refuses every other request. */
  readonly edge?: Edge | undefined;
  /**
   * Functions that hold plaintext in a network with one Elastic IP. `openai-only` also refuses every other name than
   * OpenAI's and the issuer's, with AWS Network Firewall. `@default` Lambda's own network, whose addresses change
   */
  readonly egress?: Egress | undefined;
  /**
   * Functions accept only code that this version of a profile of AWS Signer signed. `cdk deploy` signs nothing: for a pipeline with a
   * signing step (docs/guides/pipeline.md). `@default` unsigned code
   */
  readonly codeSigningProfileVersionArn?: string | undefined;
  /** The operator's dashboard and the widget's files, on a separate distribution. */
  readonly dashboard?: Dashboard | undefined;
  readonly logRetentionDays: RetentionDays;
  /** Hours for which a replaced key can be rolled back to; 0 shreds it immediately. */
  readonly keyRetentionHours: number;
  /** Earlier master keys, for as long as records are wrapped under them. @default none */
  readonly retiredMasterKeyArns?: readonly string[] | undefined;
  /** Retention of CloudTrail's logs and of the audit trail's archive. */
  readonly evidence: EvidenceRetention;
  /** Address for alarms by email, after it has confirmed the subscription. Without it, only the topic gets them. */
  readonly alarmEmail?: string | undefined;
  /** Mail of alerts to verified addresses of workspaces, through SES in the region of the stage; without it no mail is offered. */
  readonly alertMail?: AlertMail | undefined;
  /** Whether managed sessions may be opened with client secrets, which nobody can end; `allow` by default. */
  readonly managedTokens?: ManagedTokens | undefined;
  /** How calls are watched; `eager` by default. */
  readonly watch?: WatchMode | undefined;
  /** Rate limits of the token function, per subject. */
  readonly rateLimits: {
    readonly perIpPerMinute: number;
    readonly perIpPerSecond: number;
    readonly perSitePerMinute: number;
    /** The share of a key's concurrency slots that one address may hold, one slot at least. @default a third */
    readonly slotPercentPerIp?: number | undefined;
  };
  /** Enforced by API Gateway for all callers together. It limits the bill, not a single caller. */
  readonly throttling: {
    /** The throttle of each route that has no separate one below. */
    readonly everyRoute: Throttle;
    readonly tokenRoute: Throttle;
    /** Reports of sessions: one every 20 seconds of each, so several for each token. */
    readonly eventsRoute: Throttle;
  };
  /**
   * Reserved concurrency by function, which is also its maximum. Leave it out in a new account, which has 10 in total:
   * 100 must remain unreserved.
   */
  readonly reservedConcurrency?: Readonly<Partial<Record<DeployedFunctionName, number>>> | undefined;
  /** The deployment's own plans as JSON, read from the file that `plansFile` names; empty for the built-in plans. */
  readonly plans: string;
  /** Keys and streams that a stand-by in another region needs (docs/decisions/0021-one-active-region.md). */
  readonly multiRegion?: { readonly replicaRegions: readonly string[] } | undefined;
}

/** The issuer of access tokens: an existing one, or a Cognito pool that the data stack creates. */
export type SignIn =
  | {
      /** Exactly the `iss` of the access tokens, with or without its closing slash. */
      readonly issuer: string;
      readonly audience: string;
      /**
       * The rule that distinguishes an access token from an ID token: `marked` or `scope:<name>`
       * (lambdas/domain/access-token-rule.ts).
       */
      readonly accessTokens: string;
    }
  | { readonly cognito: CognitoPool };

export interface AlertMail {
  /** The address that alerts come from. */
  readonly sender: string;
  /** The identity verified in SES that the sender belongs to: its domain, or the address itself. */
  readonly identity: string;
}

export interface Operators {
  /** Names of permission sets of IAM Identity Center. */
  readonly permissionSets: readonly string[];
}

export interface CognitoPool {
  /**
   * Prefix of the sign-in page: `<prefix>.auth.<region>.amazoncognito.com`. Unique across all of AWS. `@default
   * spelo-byok-<stage>-<account id>` (lib/sign-in-prefix.ts)
   */
  readonly domainPrefix?: string | undefined;
  /** Redirect addresses of the sign-in page. */
  readonly callbackUrls: readonly string[];
}

export const EGRESS = ['static', 'openai-only'] as const;
export type Egress = (typeof EGRESS)[number];

export interface Dashboard {
  /** The issuer's public client for the dashboard. A Cognito pool of the stack has one. */
  readonly clientId?: string | undefined;
  /** Scopes that the sign-in asks for, with spaces in between. `@default 'openid'` */
  readonly scope?: string | undefined;
  /** Additional origins of the sign-in, if the issuer's token endpoint has another origin. */
  readonly signInOrigins?: readonly string[] | undefined;
  /** The dashboard's own name. Without it, the name is CloudFront's, for which CloudFront chooses the TLS versions. */
  readonly domain?: Domain | undefined;
}

export interface Domain {
  readonly name: string;
  /** A certificate of ACM: in us-east-1 if CloudFront has the name, otherwise in the stage's region. */
  readonly certificateArn: string;
}

export interface Edge {
  /** AWS WAF: a rate rule per address, and AWS's managed rules. */
  readonly waf: boolean;
  /** Requests of one address within five minutes, above which WAF blocks it. */
  readonly requestsPer5Minutes: number;
  /** Secret of Secrets Manager in us-east-1, whose value CloudFront sends to the API (npm run edge-secret). */
  readonly secretName: string;
  /** SHA-256 of each value that the API accepts, in hex: one, and two while the secret is replaced. */
  readonly acceptedDigests: readonly string[];
}

export interface EvidenceRetention {
  /**
   * `compliance` lets no one delete early, not even the account's root user; `governance` lets the roles that IAM
   * allows.
   */
  readonly objectLock: 'governance' | 'compliance';
  readonly retentionDays: number;
}

export interface Throttle {
  readonly requestsPerSecond: number;
  readonly burst: number;
}

/** CloudFront, its certificate, its WAF and the metrics of both are here, wherever the API is. */
export const EDGE_REGION = 'us-east-1';

/** Whether the stage has a distribution of CloudFront. */
export const usesCloudFront = ({ edge, dashboard }: StageConfig): boolean =>
  edge !== undefined || dashboard !== undefined;

const RETENTIONS = Object.values(RetentionDays).filter(
  (days): days is RetentionDays => typeof days === 'number' && days !== RetentionDays.INFINITE,
);

const text = (rule: string) => z.string(rule).min(1, rule);

const wholeNumber = (max: number, min = 1) => {
  const rule = `must be a whole number from ${min} to ${max}`;
  return z.int(rule).min(min, rule).max(max, rule);
};

/** An object without unknown fields, whose faults read as the end of a sentence. */
const settings = <Shape extends z.ZodRawShape>(shape: Shape) =>
  z.strictObject(shape, {
    error: (issue) =>
      issue.code === 'unrecognized_keys'
        ? `must not contain ${issue.keys.join(', ')}`
        : 'must be an object of settings',
  });

const throttle = settings({ requestsPerSecond: wholeNumber(10_000), burst: wholeNumber(5_000) });

/** With a shorter retention, evidence would be removed before the end of Glacier's minimum of 90 days. */
const MIN_EVIDENCE_DAYS = 181;

const stageName = ENVIRONMENTS.manage.shape.STAGE;

const region = z.string().regex(/^[a-z]{2}(?:-[a-z]+)+-\d$/, 'must be a region, as in eu-central-1');

const httpsUrl = z.url({ protocol: /^https$/, error: 'must be an https URL' });

const issuer = settings({
  issuer: httpsUrl.refine((url) => !/[?#]/.test(url), 'must have neither a query nor a fragment'),
  audience: text('must be the audience of the access tokens'),
  accessTokens: z
    .string()
    .refine((value) => accessTokenRule.safeParse(value).success, 'must be "marked" or "scope:<name>"')
    .default('marked'),
});

/** Cognito accepts plain http only for a page on the operator's own machine. */
const callbackUrl = z
  .url('must be a URL')
  .refine(
    (url) => /^https:|^http:\/\/localhost[:/]/.test(url),
    'must be an https URL, or one on http://localhost',
  );

const cognito = settings({
  cognito: settings({
    domainPrefix: z
      .string('must be a prefix for the sign-in page')
      .regex(
        /^(?!.*(?:aws|amazon|cognito))[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/,
        'must be lower-case letters, digits and hyphens, without aws, amazon or cognito',
      )
      .optional(),
    callbackUrls: z.array(callbackUrl, 'must be a list of URLs').min(1, 'must name at least one URL'),
  }),
});

/** One of the two, distinguished by its fields, so that an error refers to the intended one. */
const signIn = z.unknown().transform((value, context): SignIn => {
  const fields = z.record(z.string(), z.unknown()).safeParse(value);
  if (!fields.success) {
    context.issues.push({
      code: 'custom',
      input: value,
      message: 'must have either an issuer and an audience, or cognito',
    });
    return z.NEVER;
  }
  const parsed = ('cognito' in fields.data ? cognito : issuer).safeParse(value);
  if (parsed.success) return parsed.data;
  for (const { path, message } of parsed.error.issues)
    context.issues.push({ code: 'custom', input: value, path, message });
  return z.NEVER;
});

const hostName = z
  .string('must be a host name')
  .max(253, 'must be a host name')
  .regex(
    /^(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]{2,}$/,
    'must be a host name, as in voice.example.com',
  );

const CERTIFICATE = 'must be the ARN of a certificate of ACM';
const domain = settings({
  name: hostName,
  certificateArn: z
    .string(CERTIFICATE)
    .regex(/^arn:aws[\w-]*:acm:[a-z0-9-]+:\d{12}:certificate\/[\w-]+$/, CERTIFICATE),
});

const edge = settings({
  waf: z.boolean('must be true or false'),
  // What WAF offers: https://docs.aws.amazon.com/waf/latest/APIReference/API_RateBasedStatement.html
  requestsPer5Minutes: wholeNumber(2_000_000_000, 10),
  secretName: z
    .string('must be the name of a secret')
    .regex(/^[\w/+=.@-]{1,512}$/, 'must be the name of a secret of Secrets Manager'),
  acceptedDigests: z
    .array(z.string().regex(/^[0-9a-f]{64}$/, 'must be a SHA-256 in hex'), 'must be a list of digests')
    .min(1, 'must name one digest')
    .max(2, 'must name two digests at most'),
});

const ORIGIN = 'must be an https origin, as in https://login.example.com';
const dashboard = settings({
  clientId: text('must be the id of a public client').optional(),
  scope: z
    .string()
    .regex(/(?:^| )openid(?: |$)/, 'must be scopes with spaces in between, openid among them')
    .optional(),
  signInOrigins: z
    .array(
      z.string(ORIGIN).regex(/^https:\/\/[a-z0-9.-]+(?::\d{1,5})?$/, ORIGIN),
      'must be a list of origins',
    )
    .optional(),
  domain: domain.optional(),
});

/** Allowed values of a tag in IAM: https://docs.aws.amazon.com/IAM/latest/UserGuide/id_tags.html */
const TAG_VALUE = 'must be 1 to 256 letters, digits, spaces and _.:/=+-@';
const owner = z.string(TAG_VALUE).regex(/^(?! )[\w .:/=+@-]{1,256}(?<! )$/, TAG_VALUE);

// https://docs.aws.amazon.com/singlesignon/latest/APIReference/API_CreatePermissionSet.html
const PERMISSION_SET = 'must be the name of a permission set of IAM Identity Center';
const operators = settings({
  permissionSets: z
    .array(z.string(PERMISSION_SET).regex(/^[\w+=,.@-]{1,32}$/, PERMISSION_SET), 'must be a list of names')
    .min(1, 'must name a permission set')
    // Two patterns each in the trust policy of a role, which may have 2,048 characters.
    .max(5, 'must name five permission sets at most'),
});

// https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html
const IAM_USER = 'must be the name of an IAM user, with its path if it has one';
const breakGlassUsers = z
  .array(
    z.string(IAM_USER).regex(/^(?:[\w+=,.@-]+\/)*[\w+=,.@-]{1,64}$/, IAM_USER),
    'must be a list of names',
  )
  .min(1, 'must name an IAM user')
  // The trust policy of a role may have 2,048 characters.
  .max(5, 'must name at most five IAM users');

// https://docs.aws.amazon.com/lambda/latest/api/API_AllowedPublishers.html
const SIGNING_PROFILE = 'must be the ARN of a version of a signing profile of AWS Signer';

const functionName = z.enum(DEPLOYED_FUNCTION_NAMES, 'must be the name of a function');

const stageSettings = settings({
  owner,
  deletionProtection: z.boolean('must be true or false'),
  operators: operators.optional(),
  breakGlassUsers: breakGlassUsers.optional(),
  region: region.optional(),
  signIn,
  recentSignInMinutes: wholeNumber(1_440, 0).optional(),
  domain: domain.optional(),
  edge: edge.optional(),
  egress: z.enum(EGRESS, 'must be static or openai-only').optional(),
  codeSigningProfileVersionArn: z
    .string(SIGNING_PROFILE)
    .regex(/^arn:aws[\w-]*:signer:[a-z0-9-]+:\d{12}:\/signing-profiles\/\w{2,64}\/\w{10}$/, SIGNING_PROFILE)
    .optional(),
  dashboard: dashboard.optional(),
  plansFile: text('must be the path of a JSON file').optional(),
  logRetentionDays: z.literal(RETENTIONS, 'must be a number of days that CloudWatch Logs offers'),
  keyRetentionHours: wholeNumber(720, 0),
  retiredMasterKeyArns: z
    .array(
      z.string().regex(/^arn:aws[\w-]*:kms:[a-z0-9-]+:\d{12}:key\/[\w-]+$/, 'must be the ARN of a KMS key'),
    )
    .optional(),
  evidence: settings({
    objectLock: z.literal(['governance', 'compliance'], 'must be governance or compliance'),
    retentionDays: wholeNumber(3_650, MIN_EVIDENCE_DAYS),
  }),
  alarmEmail: z.email('must be an email address').optional(),
  alertMail: settings({
    sender: z.email('must be an email address'),
    identity: z
      .string('must be a domain or an address')
      .regex(/^[A-Za-z0-9._+@-]{3,254}$/, 'must be a domain or an address'),
  }).optional(),
  rateLimits: settings({
    perIpPerMinute: wholeNumber(1_000_000),
    perIpPerSecond: wholeNumber(1_000_000),
    perSitePerMinute: wholeNumber(1_000_000),
    slotPercentPerIp: wholeNumber(100).optional(),
  }),
  managedTokens: z.enum(MANAGED_TOKENS, 'must be allow or refuse').optional(),
  watch: z.enum(WATCH_MODES, 'must be strict, eager or off').optional(),
  throttling: settings({ everyRoute: throttle, tokenRoute: throttle, eventsRoute: throttle }),
  reservedConcurrency: z
    .partialRecord(
      functionName,
      wholeNumber(1_000),
      'must be numbers of containers by the names of functions',
    )
    .optional(),
  multiRegion: settings({
    replicaRegions: z.array(region, 'must be a list of regions').min(1, 'must name a region'),
  }).optional(),
});

/** Redirect addresses after the sign-in and after the sign-out. */
const DASHBOARD_PAGES = ['/dashboard/callback', '/dashboard/'] as const;

/** Checks of combinations of settings. */
const stageConfig = stageSettings.superRefine((stage, context) => {
  const { region, domain, edge, dashboard, multiRegion, signIn } = stage;
  const fault = (path: readonly PropertyKey[], message: string) =>
    context.addIssue({ code: 'custom', path: [...path], message });
  const regionOf = (named: Domain | undefined): string | undefined => named?.certificateArn.split(':')[3];
  const certificateRegion = regionOf(domain);
  const path = ['domain', 'certificateArn'];
  if (edge !== undefined && certificateRegion !== undefined && certificateRegion !== EDGE_REGION)
    fault(path, `must be in ${EDGE_REGION}, where CloudFront looks for it, because there is an edge`);
  if (edge === undefined && region !== undefined && ![undefined, region].includes(certificateRegion))
    fault(path, `must be in ${region}, the region of the stage`);
  if (edge !== undefined && region === undefined)
    fault(['region'], 'must be given if there is an edge, which is in another region');
  if (dashboard !== undefined && dashboard.clientId === undefined && !('cognito' in signIn))
    fault(['dashboard', 'clientId'], 'must name the public client that the issuer has for the dashboard');
  if (dashboard !== undefined && edge !== undefined && domain === undefined)
    fault(['domain'], 'must be given if a dashboard is to reach the API through an edge');
  if (dashboard?.domain !== undefined && regionOf(dashboard.domain) !== EDGE_REGION)
    fault(
      ['dashboard', 'domain', 'certificateArn'],
      `must be in ${EDGE_REGION}, where CloudFront looks for it`,
    );
  if (dashboard?.domain !== undefined && dashboard.domain.name === domain?.name)
    fault(['dashboard', 'domain', 'name'], "must be another name than the API's");
  if (dashboard?.domain !== undefined && 'cognito' in signIn)
    for (const page of DASHBOARD_PAGES)
      if (!signIn.cognito.callbackUrls.includes(`https://${dashboard.domain.name}${page}`))
        fault(['signIn', 'cognito', 'callbackUrls'], `must contain ${page} of the dashboard's own name`);
  const signerRegion = stage.codeSigningProfileVersionArn?.split(':')[3];
  if (region !== undefined && ![undefined, region].includes(signerRegion))
    fault(['codeSigningProfileVersionArn'], `must be in ${region}, the region of the stage`);
  if (multiRegion !== undefined && region === undefined)
    fault(['region'], 'must be given if there are replicas in other regions');
  if (region !== undefined && multiRegion?.replicaRegions.includes(region) === true)
    fault(['multiRegion', 'replicaRegions'], 'must not contain the region of the stage itself');
});

/** A stage that cannot be deployed; its message is one sentence for each fault. */
export class StageConfigError extends Error {
  override readonly name = 'StageConfigError';
}

/**
 * The configuration of the stage `name`. Throws one StageConfigError that names every fault, and no value: a secret
 * that was put here by mistake does not reach a build log.
 */
export const parseStageConfig = (
  name: unknown,
  stages: unknown,
  readText: (path: string) => string = readProjectFile,
): StageConfig => {
  const stage = stageName.safeParse(name);
  if (!stage.success) {
    throw new StageConfigError(
      'The stage must be a lower-case name of at most 20 letters, digits and hyphens, as in -c stage=dev.',
    );
  }
  const known = z.record(z.string(), z.unknown()).safeParse(stages);
  const settingsOfStage = known.success ? known.data[stage.data] : undefined;
  if (settingsOfStage === undefined) {
    const names = known.success ? Object.keys(known.data).join(', ') : '';
    throw new StageConfigError(
      `The stage ${stage.data} is not among the stages of cdk.json (${names || 'none'}).`,
    );
  }
  const parsed = stageConfig.safeParse(settingsOfStage);
  if (!parsed.success) {
    const sentences = parsed.error.issues.map(
      ({ path, message }) => `${['stages', stage.data, ...path].join('.')} ${message}.`,
    );
    throw new StageConfigError(sentences.join(' '));
  }
  const { plansFile, ...rest } = parsed.data;
  if (
    'cognito' in rest.signIn &&
    rest.signIn.cognito.domainPrefix === undefined &&
    RESERVED_NAMES.test(stage.data)
  )
    throw new StageConfigError(
      `stages.${stage.data}.signIn.cognito.domainPrefix must be given, because the default has the name of the stage, and Cognito refuses aws, amazon and cognito.`,
    );
  return { stage: stage.data, ...rest, plans: plansFile === undefined ? '' : readPlans(plansFile, readText) };
};

const RESERVED_NAMES = /aws|amazon|cognito/;

const readProjectFile = (path: string): string =>
  readFileSync(new URL(path, new URL('../', import.meta.url)), 'utf8');

/** The part that is left for plans of the 4 KB that Lambda has for all variables of a function. */
const MAX_PLANS_BYTES = 2_000;

/** The plans of the file in the form of the variable `PLANS`, in as few bytes as possible. */
const readPlans = (path: string, readText: (path: string) => string): string => {
  const fault = (what: string): StageConfigError => new StageConfigError(`The plans file ${path} ${what}.`);
  let text: string;
  try {
    text = readText(path);
  } catch {
    throw fault('cannot be read');
  }
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    throw fault('is not JSON');
  }
  const parsed = plansSchema.safeParse(json);
  if (!parsed.success)
    throw new StageConfigError(
      parsed.error.issues
        .map(
          ({ path: at, message }) =>
            `The plans file ${path}${at.length > 0 ? `, at ${at.join('.')}` : ''}: ${message}`,
        )
        .join(' '),
    );
  const plans = JSON.stringify(parsed.data);
  if (Buffer.byteLength(plans) > MAX_PLANS_BYTES)
    throw fault(`is longer than the ${MAX_PLANS_BYTES} bytes that a function's environment has room for`);
  return plans;
};

/**
 * The stage of this synthesis. Stages live in the context of cdk.json, alongside the feature flags, because the CLI
 * already reads that file and already has the switch to choose: `cdk deploy -c stage=prod`. Throws like
 * parseStageConfig.
 */
export const readStageConfig = (app: App): StageConfig =>
  parseStageConfig(app.node.tryGetContext('stage'), app.node.tryGetContext('stages'));
