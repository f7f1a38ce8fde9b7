import { RetentionDays } from 'aws-cdk-lib/aws-logs';
import type { App } from 'aws-cdk-lib/core';
import { z } from 'zod';
import { ENVIRONMENTS } from '../lambdas/contract/environment.ts';

/** What differs between two deployments of the broker. No secret is among it. */
export interface StageConfig {
  /** Names the deployment: stacks, roles, key aliases, logs. */
  readonly stage: string;
  /** Exactly the `iss` of the access tokens, with or without its closing slash. */
  readonly oidcIssuer: string;
  readonly oidcAudience: string;
  readonly logRetentionDays: RetentionDays;
  /** For how long a replaced key can be rolled back to; 0 shreds it at once. */
  readonly keyRetentionHours: number;
  /** Master keys before the present one, for as long as records are wrapped under them; none unless told. */
  readonly retiredMasterKeyArns?: readonly string[] | undefined;
  /** What CloudTrail and the archive of the audit trail are kept under. */
  readonly evidence: EvidenceRetention;
  /** Where alarms go by mail, once the address has confirmed; without it, to the topic alone. */
  readonly alarmEmail?: string | undefined;
  /** Counted by the token function, per subject. */
  readonly rateLimits: {
    readonly perIpPerMinute: number;
    readonly perIpPerSecond: number;
    readonly perSitePerMinute: number;
  };
  /** Enforced by API Gateway over all callers together; bounds the bill, not the single caller. */
  readonly throttling: { readonly everyRoute: Throttle; readonly tokenRoute: Throttle };
}

export interface EvidenceRetention {
  /** `compliance` lets nobody delete early, not even the account's root user; `governance` lets whoever IAM lets. */
  readonly objectLock: 'governance' | 'compliance';
  readonly retentionDays: number;
}

export interface Throttle {
  readonly requestsPerSecond: number;
  readonly burst: number;
}

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

/** Shorter than this, evidence would be gone before Glacier's own minimum of 90 days is over. */
const MIN_EVIDENCE_DAYS = 181;

const stageName = ENVIRONMENTS.manage.shape.STAGE;

const stageConfig = settings({
  oidcIssuer: z
    .url({ protocol: /^https$/, error: 'must be an https URL' })
    .refine((issuer) => !/[?#]/.test(issuer), 'must have neither a query nor a fragment'),
  oidcAudience: text('must be the audience of the access tokens'),
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
  alarmEmail: z.email('must be an e-mail address').optional(),
  rateLimits: settings({
    perIpPerMinute: wholeNumber(1_000_000),
    perIpPerSecond: wholeNumber(1_000_000),
    perSitePerMinute: wholeNumber(1_000_000),
  }),
  throttling: settings({ everyRoute: throttle, tokenRoute: throttle }),
});

/** A stage that cannot be deployed; its message is one sentence for each fault. */
export class StageConfigError extends Error {
  override readonly name = 'StageConfigError';
}

/**
 * The configuration of the stage `name`. Throws one StageConfigError that names every fault, and no value: a secret
 * that was put here by mistake does not reach a build log.
 */
export const parseStageConfig = (name: unknown, stages: unknown): StageConfig => {
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
  return { stage: stage.data, ...parsed.data };
};

/**
 * The stage that this synthesis is for. Stages live in the context of cdk.json, beside the feature flags, because the
 * CLI already reads that file and already has the switch to choose: `cdk deploy -c stage=prod`. Throws as
 * parseStageConfig.
 */
export const readStageConfig = (app: App): StageConfig =>
  parseStageConfig(app.node.tryGetContext('stage'), app.node.tryGetContext('stages'));
