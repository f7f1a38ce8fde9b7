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

/** Like wholeEncryptionContext, and only for keys of these scopes. */
export const encryptionContextOfScope = (
  ...scopes: readonly ('site' | 'workspace' | 'platform')[]
): Conditions => ({
  ...wholeEncryptionContext,
  StringEquals: { 'kms:EncryptionContext:spelo:scope': scopes },
});

/** Holds only for the one MAC algorithm that an HMAC_256 key is used with. */
export const hmacSha256: Conditions = { StringEquals: { 'kms:MacAlgorithm': 'HMAC_SHA_256' } };

/** Holds only when this AWS service makes the call on behalf of the caller, in the stack's own region. */
export const through = (scope: Construct, service: 'dynamodb' | 's3' | 'sqs'): Conditions => ({
  StringEquals: { 'kms:ViaService': `${service}.${Stack.of(scope).region}.amazonaws.com` },
});

/**
 * Holds only for items whose partition key fits one of the patterns, in a transaction item by item. DynamoDB's key is a
 * list even for one item, so it takes `ForAllValues`; `Null` refuses the request without it that `ForAllValues` alone
 * would let pass: https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/specifying-conditions.html
 */
const inPartitions = (patterns: readonly string[]): Conditions => ({
  'ForAllValues:StringLike': { 'dynamodb:LeadingKeys': patterns },
  Null: { 'dynamodb:LeadingKeys': 'false' },
});

/**
 * Holds only for reads with a list of attributes that are all among these. `ForAllValues` alone would allow a read of
 * whole items, which has no such list; `dynamodb:Select` refuses it:
 * https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/specifying-conditions.html
 */
const onlyAttributes = (names: readonly string[]): Conditions => ({
  'ForAllValues:StringEquals': { 'dynamodb:Attributes': names },
  StringEqualsIfExists: { 'dynamodb:Select': 'SPECIFIC_ATTRIBUTES' },
});

/** The conditions of an item use, if it has any. */
export const itemConditions = (
  partitions: readonly string[] | undefined,
  attributes: readonly string[] | undefined,
): Conditions => ({
  ...(partitions !== undefined && inPartitions(partitions)),
  ...(attributes !== undefined && onlyAttributes(attributes)),
});
