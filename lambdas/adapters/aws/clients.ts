import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { KMSClient } from '@aws-sdk/client-kms';
import { LambdaClient } from '@aws-sdk/client-lambda';
import { SQSClient } from '@aws-sdk/client-sqs';
import { DynamoDBDocumentClient } from '@aws-sdk/lib-dynamodb';
import type { CallObserver } from '../../domain/call-observer.ts';
import { callLimits, observeCalls, withoutCallLog } from './aws-calls.ts';

export interface AwsEndpoints {
  readonly AWS_REGION: string;
  readonly AWS_CALL_TIMEOUT_MS?: number | undefined;
  readonly AWS_ENDPOINT_URL_DYNAMODB?: string | undefined;
  readonly AWS_ENDPOINT_URL_KMS?: string | undefined;
  readonly AWS_ENDPOINT_URL_SQS?: string | undefined;
  readonly AWS_ENDPOINT_URL_LAMBDA?: string | undefined;
  readonly AWS_ENDPOINT_URL_SESV2?: string | undefined;
}

/** One client per container, with bounded calls and kept-alive connections. */
export const dynamoDbClient = (environment: AwsEndpoints, calls?: CallObserver): DynamoDBDocumentClient =>
  DynamoDBDocumentClient.from(plainDynamoDbClient(environment, calls), {
    marshallOptions: { removeUndefinedValues: true },
  });

/** As dynamoDbClient, for items as DynamoDB has them: no number loses a digit on the way. */
export const plainDynamoDbClient = (environment: AwsEndpoints, calls?: CallObserver): DynamoDBClient => {
  const client = new DynamoDBClient({
    region: environment.AWS_REGION,
    ...callLimits(environment.AWS_CALL_TIMEOUT_MS),
    ...(environment.AWS_ENDPOINT_URL_DYNAMODB !== undefined && {
      endpoint: environment.AWS_ENDPOINT_URL_DYNAMODB,
    }),
  });
  withoutCallLog(client);
  observeCalls(client, 'dynamodb', calls);
  return client;
};

/** As dynamoDbClient. */
export const kmsClient = (environment: AwsEndpoints, calls?: CallObserver): KMSClient => {
  const client = new KMSClient({
    region: environment.AWS_REGION,
    ...callLimits(environment.AWS_CALL_TIMEOUT_MS),
    ...(environment.AWS_ENDPOINT_URL_KMS !== undefined && { endpoint: environment.AWS_ENDPOINT_URL_KMS }),
  });
  withoutCallLog(client);
  observeCalls(client, 'kms', calls);
  return client;
};

/** As dynamoDbClient. */
export const sqsClient = (environment: AwsEndpoints, calls?: CallObserver): SQSClient => {
  const client = new SQSClient({
    region: environment.AWS_REGION,
    ...callLimits(environment.AWS_CALL_TIMEOUT_MS),
    ...(environment.AWS_ENDPOINT_URL_SQS !== undefined && { endpoint: environment.AWS_ENDPOINT_URL_SQS }),
  });
  withoutCallLog(client);
  observeCalls(client, 'sqs', calls);
  return client;
};

/** As dynamoDbClient. */
export const lambdaClient = (environment: AwsEndpoints, calls?: CallObserver): LambdaClient => {
  const client = new LambdaClient({
    region: environment.AWS_REGION,
    ...callLimits(environment.AWS_CALL_TIMEOUT_MS),
    ...(environment.AWS_ENDPOINT_URL_LAMBDA !== undefined && {
      endpoint: environment.AWS_ENDPOINT_URL_LAMBDA,
    }),
  });
  withoutCallLog(client);
  observeCalls(client, 'lambda', calls);
  return client;
};
