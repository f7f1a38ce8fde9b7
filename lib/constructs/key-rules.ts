import type { EventPattern } from 'aws-cdk-lib/aws-events';
import type { IKey } from 'aws-cdk-lib/aws-kms';
import type { ITopic } from 'aws-cdk-lib/aws-sns';
import { Token } from 'aws-cdk-lib/core';
import type { Construct } from 'constructs';
import { TamperRule } from './tamper-rule.ts';

export type WatchedKey = Pick<IKey, 'keyArn' | 'keyId'>;

export interface KeyRulesProps {
  readonly stage: string;
  readonly topic: ITopic;
  /** Keys, by the name for their rules. Each is in the region of the stack, because KMS reports a call in the region of the key. */
  readonly groups: Readonly<Record<string, readonly WatchedKey[]>>;
}

/**
 * Maximum number of keys per rule. A key takes about 215 characters of its pattern, which may have 2,048:
 * https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-quota.html
 */
const MAX_KEYS_PER_RULE = 4;

/** A caller may pass an id or an ARN. CloudTrail's list of resources contains the ARN in both cases. */
const aboutKeys = (keys: readonly WatchedKey[]): NonNullable<EventPattern['detail']> => ({
  $or: [
    { resources: { ARN: keys.map(({ keyArn }) => keyArn) } },
    { requestParameters: { keyId: keys.flatMap(({ keyArn, keyId }) => [keyArn, keyId]) } },
  ],
});

/** Notices of calls that let another principal use a key, or that take a key away from the stage. */
export const addKeyRules = (scope: Construct, { stage, topic, groups }: KeyRulesProps): void => {
  const rules = Object.entries(groups).flatMap(([name, keys]) =>
    Array.from(
      { length: Math.ceil(keys.length / MAX_KEYS_PER_RULE) },
      (_, part) =>
        [
          `${name}${part === 0 ? '' : part + 1}`,
          aboutKeys(keys.slice(part * MAX_KEYS_PER_RULE, (part + 1) * MAX_KEYS_PER_RULE)),
        ] as const,
    ),
  );
  const about = Object.fromEntries(rules);
  const common = { stage, topic, source: 'kms' } as const;

  new TamperRule(scope, 'KeyPolicyChanged', {
    ...common,
    runbook: 'Key policy was changed',
    eventNames: ['PutKeyPolicy'],
    about,
    impact:
      "a person may have given themselves permission to use a KMS key, and so to open customers' OpenAI keys.",
  });
  new TamperRule(scope, 'KeyCopied', {
    ...common,
    runbook: 'Key was copied to another region',
    eventNames: ['ReplicateKey', 'UpdatePrimaryRegion', 'ImportKeyMaterial'],
    about,
    impact:
      'the copy of a key has its own policy, so the person who made it may open every stored OpenAI key.',
  });
  new TamperRule(scope, 'GrantCreated', {
    ...common,
    runbook: 'Grant on a key was created',
    eventNames: ['CreateGrant'],
    // DynamoDB creates grants on the key of the tables. Those calls name the service.
    about: Object.fromEntries(
      rules.map(([name, keys]) => [name, { ...keys, userIdentity: { invokedBy: [{ exists: false }] } }]),
    ),
    impact:
      'a person or a program can use a key without permission from its policy; this service never creates grants.',
  });
  new TamperRule(scope, 'KeyEndangered', {
    ...common,
    runbook: 'Key was disabled or scheduled for deletion',
    // DynamoDB reads and writes the tables under a grant on their key.
    eventNames: ['DisableKey', 'ScheduleKeyDeletion', 'DisableKeyRotation', 'RevokeGrant'],
    about,
    impact:
      'while the master key is disabled, no visitor gets a session; after it is deleted, every stored OpenAI key is lost.',
  });
};

/**
 * The keys of `arns` that are in `region`; all of them if the region is not known yet. A multi-Region key has the same id in
 * each region, so it is watched in each: https://docs.aws.amazon.com/kms/latest/developerguide/multi-region-keys-overview.html
 */
export const keysIn = (region: string, arns: readonly string[]): readonly WatchedKey[] => {
  const there = arns.flatMap((arn) => {
    if (Token.isUnresolved(region) || regionOfKey(arn) === region) return [arn];
    return idOf(arn).startsWith('mrk-') ? [arn.replace(`:${regionOfKey(arn)}:`, `:${region}:`)] : [];
  });
  return [...new Set(there)].map((keyArn) => ({ keyArn, keyId: idOf(keyArn) }));
};

export const regionOfKey = (arn: string): string => arn.split(':')[3] ?? '';

const idOf = (arn: string): string => arn.slice(arn.lastIndexOf('/') + 1);
