import type { PolicyDocument } from 'aws-cdk-lib/aws-iam';
import { Key, KeySpec, KeyUsage } from 'aws-cdk-lib/aws-kms';
import { Duration, RemovalPolicy } from 'aws-cdk-lib/core';
import type { Construct } from 'constructs';
import type { KMS_KEYS } from '../../lambdas/contract/kms-keys.ts';

export interface BrokerKeyProps {
  readonly alias: string;
  readonly usage: (typeof KMS_KEYS)[keyof typeof KMS_KEYS]['usage'];
  readonly description: string;
  readonly policy: PolicyDocument;
  /** Whether replicas in other regions hold the same key material. This is permanent, because KMS cannot change it. */
  readonly multiRegion?: boolean;
}

/** KMS rotates symmetric keys only: https://docs.aws.amazon.com/kms/latest/developerguide/rotate-keys.html */
const SPECIFICS = {
  ENCRYPT_DECRYPT: {
    keySpec: KeySpec.SYMMETRIC_DEFAULT,
    keyUsage: KeyUsage.ENCRYPT_DECRYPT,
    enableKeyRotation: true,
    rotationPeriod: Duration.days(365),
  },
  GENERATE_VERIFY_MAC: { keySpec: KeySpec.HMAC_256, keyUsage: KeyUsage.GENERATE_VERIFY_MAC },
} as const;

/**
 * A KMS key that no deployment deletes: a lost master key makes every stored OpenAI key unreadable for good. Its policy
 * is exactly the one given; nothing is added to it.
 */
export class BrokerKey extends Key {
  constructor(scope: Construct, id: string, { usage, multiRegion = false, ...props }: BrokerKeyProps) {
    super(scope, id, {
      ...props,
      ...(multiRegion && { multiRegion }),
      ...SPECIFICS[usage],
      removalPolicy: RemovalPolicy.RETAIN_ON_UPDATE_OR_DELETE,
      // The maximum in KMS, in case a person schedules a deletion by hand.
      pendingWindow: Duration.days(30),
    });
  }
}
