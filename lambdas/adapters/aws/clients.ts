import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { KMSClient } from '@aws-sdk/client-kms';
import { LambdaClient } from '@aws-sdk/client-lambda';
import { SQSClient } from '@aws-sdk/client-sqs';
import type { DynamoDBDocumentClient } from '@aws-sdk/lib-dynamodb';
import { SignatureV4 } from '@smithy/signature-v4';
import type { CallObserver } from '../../domain/call-observer.ts';
import { callLimits, observeCalls, withoutCallLog } from './aws-calls.ts';
import { documentClient } from './document-client.ts';
import { endpointOnce } from './endpoint-once.ts';
import { keepAliveHandler } from './keep-alive-handler.ts';
import { NodeSha256 } from './node-sha256.ts';

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
  documentClient(plainDynamoDbClient(environment, calls));

/** Like dynamoDbClient, for items in DynamoDB's format, so that no number loses a digit. */
export const plainDynamoDbClient = (environment: AwsEndpoints, calls?: CallObserver): DynamoDBClient => {
  const limits = callLimits(environment.AWS_CALL_TIMEOUT_MS);
  const client: DynamoDBClient = new DynamoDBClient({
    region: environment.AWS_REGION,
    ...limits,
    requestHandler: keepAliveHandler(limits.requestHandler),
    signer: () => signer(),
    sha256: NodeSha256,
    ...(environment.AWS_ENDPOINT_URL_DYNAMODB !== undefined && {
      endpoint: environment.AWS_ENDPOINT_URL_DYNAMODB,
    }),
  });
  const signer = oneSigner(client, 'dynamodb');
  endpointOnce(client);
  withoutCallLog(client);
  observeCalls(client, 'dynamodb', calls);
  return client;
};

/** Like dynamoDbClient. */
export const kmsClient = (environment: AwsEndpoints, calls?: CallObserver): KMSClient => {
  const limits = callLimits(environment.AWS_CALL_TIMEOUT_MS);
  const client: KMSClient = new KMSClient({
    region: environment.AWS_REGION,
    ...limits,
    requestHandler: keepAliveHandler(limits.requestHandler),
    signer: () => signer(),
    sha256: NodeSha256,
    cacheMiddleware: true,
    ...(environment.AWS_ENDPOINT_URL_KMS !== undefined && { endpoint: environment.AWS_ENDPOINT_URL_KMS }),
  });
  const signer = oneSigner(client, 'kms');
  endpointOnce(client);
  withoutCallLog(client);
  observeCalls(client, 'kms', calls);
  return client;
};

/**
 * The signer of a client, created once. The SDK would create one for each call, from a copy of the whole configuration.
 * Only S3 needs the header with the hash of the body, which the signature covers anyway.
 */
const oneSigner = (
  { config: { credentials, region, sha256 } }: DynamoDBClient | KMSClient,
  service: string,
): (() => Promise<SignatureV4>) => {
  const signer = Promise.resolve(
    new SignatureV4({ credentials, region, sha256, service, applyChecksum: false }),
  );
  return () => signer;
};

/** Like dynamoDbClient. */
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

/** Like dynamoDbClient. */
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
