import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { KMSClient } from '@aws-sdk/client-kms';
import { DynamoDBDocumentClient } from '@aws-sdk/lib-dynamodb';
import { AWS_CALL_LIMITS } from './aws-calls.ts';

export interface AwsEndpoints {
  readonly AWS_REGION: string;
  readonly AWS_ENDPOINT_URL_DYNAMODB?: string | undefined;
  readonly AWS_ENDPOINT_URL_KMS?: string | undefined;
}

const limits = {
  maxAttempts: AWS_CALL_LIMITS.maxAttempts,
  requestHandler: {
    connectionTimeout: AWS_CALL_LIMITS.connectionTimeout,
    requestTimeout: AWS_CALL_LIMITS.requestTimeout,
    throwOnRequestTimeout: true,
  },
} as const;

/** One client per container, with bounded calls and kept-alive connections. */
export const dynamoDbClient = (environment: AwsEndpoints): DynamoDBDocumentClient =>
  DynamoDBDocumentClient.from(
    new DynamoDBClient({
      region: environment.AWS_REGION,
      ...limits,
      ...(environment.AWS_ENDPOINT_URL_DYNAMODB !== undefined && {
        endpoint: environment.AWS_ENDPOINT_URL_DYNAMODB,
      }),
    }),
    { marshallOptions: { removeUndefinedValues: true } },
  );

/** As dynamoDbClient. */
export const kmsClient = (environment: AwsEndpoints): KMSClient =>
  new KMSClient({
    region: environment.AWS_REGION,
    ...limits,
    ...(environment.AWS_ENDPOINT_URL_KMS !== undefined && { endpoint: environment.AWS_ENDPOINT_URL_KMS }),
  });
