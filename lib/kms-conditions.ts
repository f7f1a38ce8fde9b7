import type { Conditions } from 'aws-cdk-lib/aws-iam';
import { Stack } from 'aws-cdk-lib/core';
import type { Construct } from 'constructs';
import { ENCRYPTION_CONTEXT_KEYS } from '../lambdas/contract/kms-keys.ts';

/**
 * Holds only for requests that carry every name of our encryption context. `ForAllValues` would also hold for a
 * request without any context, because every member of an empty set satisfies anything.
 */
export const wholeEncryptionContext: Conditions = {
  Null: Object.fromEntries(ENCRYPTION_CONTEXT_KEYS.map((name) => [`kms:EncryptionContext:${name}`, 'false'])),
};

/** Holds only for the one MAC algorithm that an HMAC_256 key is used with. */
export const hmacSha256: Conditions = { StringEquals: { 'kms:MacAlgorithm': 'HMAC_SHA_256' } };

/** Holds only when DynamoDB makes the call on behalf of the caller, in the stack's own region. */
export const throughDynamoDb = (scope: Construct): Conditions => ({
  StringEquals: { 'kms:ViaService': `dynamodb.${Stack.of(scope).region}.amazonaws.com` },
});
