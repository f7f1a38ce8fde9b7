import { randomUUID } from 'node:crypto';
import { CreateKeyCommand, KMSClient } from '@aws-sdk/client-kms';
import { CreateBucketCommand, PutObjectLockConfigurationCommand, S3Client } from '@aws-sdk/client-s3';
import { type Relay, startRelay } from '../../../bench/relay.ts';
import { KMS_KEYS } from '../../../lambdas/contract/kms-keys.ts';
import { localRuntime } from '../../../local/local-runtime.ts';
import { type LocalStack, startLocalStack } from '../../../local/local-stack.ts';

/** Engines to test. @default the local ones, behind AWS's rules */
export interface Endpoints {
  readonly dynamoDb?: string | undefined;
  readonly kms?: string | undefined;
  readonly s3?: string | undefined;
}

/** A request that a function sent. */
export interface SentRequest {
  /** `Query`; at S3 method and path. */
  readonly operation: string;
  readonly text: string;
}

/** An error that an engine answered. */
export interface EngineError {
  readonly operation: string;
  readonly error: string;
  readonly message: string;
}

export interface Target {
  readonly stack: LocalStack;
  readonly archiveBucket: string;
  /** The key that seals now, and the key to which records are re-wrapped. */
  readonly masterKeys: { readonly current: string; readonly next: string };
  /** Everything that the functions sent to DynamoDB, oldest first. */
  readonly sentToDynamoDb: readonly SentRequest[];
  /** Errors of the engines, oldest first. Failed conditions are answers, not errors. */
  readonly errors: readonly EngineError[];
  /** Stream records that were given up on. */
  readonly deadLetters: readonly string[];
  /** The functions' current time. */
  now(): Date;
  advance(milliseconds: number): void;
  s3(): S3Client;
  close(): Promise<void>;
}

const REGION = 'us-east-1';
const EXPECTED = /ConditionalCheckFailed|TransactionCanceled/;

/** Starts the product with its functions in this process and the engines of `endpoints`, with tables, keys and bucket. */
export const startTarget = async (endpoints: Endpoints): Promise<Target> => {
  const errors: EngineError[] = [];
  const deadLetters: string[] = [];
  const relays: Relay[] = [];
  const sentToDynamoDb: SentRequest[] = [];
  const watched = async (sent?: SentRequest[]): Promise<string> => {
    const relay = await startRelay({
      arrived: (call) => {
        sent?.push(call);
      },
      answered: ({ operation }, answer) => {
        const found = errorOf(answer);
        if (found !== undefined && !EXPECTED.test(found.error)) errors.push({ operation, ...found });
      },
    });
    relays.push(relay);
    return relay.url;
  };
  let offsetMs = 0;
  const now = (): Date => new Date(Date.now() + offsetMs);
  const archiveBucket = `archive-${randomUUID().slice(0, 8)}`;
  const keys = endpoints.kms === undefined ? undefined : await createKeys(endpoints.kms);
  if (endpoints.s3 !== undefined) await createBucket(endpoints.s3, archiveBucket);
  // The functions reach the engines through relays whose engines are known only once the stack is up.
  const [dynamoDb, kms, s3] = [await watched(sentToDynamoDb), await watched(), await watched()];
  const stack = await startLocalStack({
    port: 0,
    path: process.env['PATH'],
    runtime: { ...localRuntime(() => undefined), clock: now },
    dynamoDbEndpoint: endpoints.dynamoDb,
    // The engine under test decides itself.
    strict: endpoints.dynamoDb === undefined,
    onAnswer: (line) => {
      if (line.includes('given up on')) deadLetters.push(line);
    },
    variables: {
      AWS_ENDPOINT_URL_DYNAMODB: dynamoDb,
      AWS_ENDPOINT_URL_KMS: kms,
      AWS_ENDPOINT_URL_S3: s3,
      ...keys?.variables,
      ...(endpoints.s3 !== undefined && { ARCHIVE_BUCKET: archiveBucket }),
    },
  });
  const engines = [
    stack.dynamoDb.endpoint,
    endpoints.kms ?? stack.kms.endpoint,
    endpoints.s3 ?? stack.s3.endpoint,
  ];
  for (const [i, endpoint] of engines.entries()) relays[i]?.forwardTo(endpoint);
  const current = stack.variables[KMS_KEYS.master.variable] ?? '';
  return {
    stack,
    archiveBucket: stack.variables['ARCHIVE_BUCKET'] ?? '',
    masterKeys: { current, next: keys?.next ?? (await createMaster(stack.kms.endpoint)) },
    sentToDynamoDb,
    errors,
    deadLetters,
    now,
    advance: (milliseconds) => {
      offsetMs += milliseconds;
    },
    s3: () => s3At(s3),
    close: async () => {
      await stack.close();
      for (const relay of relays) await relay.close();
    },
  };
};

/** The error in an answer of JSON or XML; undefined for a success. */
const errorOf = (answer: string): Omit<EngineError, 'operation'> | undefined => {
  const xml = /<Error>.*?<Code>(.*?)<\/Code>.*?<Message>(.*?)<\/Message>/s.exec(answer);
  if (xml !== null) return { error: xml[1] ?? '', message: xml[2] ?? '' };
  if (!answer.includes('"__type"')) return undefined;
  try {
    const body = JSON.parse(answer) as Readonly<Record<string, string>>;
    const error = body['__type']?.split('#').at(-1);
    return error === undefined ? undefined : { error, message: body['message'] ?? body['Message'] ?? '' };
  } catch {
    return undefined;
  }
};

const CREDENTIALS = { accessKeyId: 'local', secretAccessKey: 'local' };

const kmsAt = (endpoint: string): KMSClient =>
  new KMSClient({ region: REGION, endpoint, credentials: CREDENTIALS });

const s3At = (endpoint: string): S3Client =>
  new S3Client({ region: REGION, endpoint, forcePathStyle: true, credentials: CREDENTIALS });

const createMaster = async (endpoint: string): Promise<string> => {
  const { KeyMetadata } = await kmsAt(endpoint).send(new CreateKeyCommand({}));
  return KeyMetadata?.Arn ?? '';
};

const createKeys = async (endpoint: string) => {
  const kms = kmsAt(endpoint);
  const variables: Record<string, string> = {};
  for (const { usage, variable } of Object.values(KMS_KEYS)) {
    const mac = usage === 'GENERATE_VERIFY_MAC';
    const { KeyMetadata } = await kms.send(
      new CreateKeyCommand({ KeyUsage: usage, KeySpec: mac ? 'HMAC_256' : 'SYMMETRIC_DEFAULT' }),
    );
    variables[variable] = KeyMetadata?.Arn ?? '';
  }
  return { variables, next: await createMaster(endpoint) };
};

/** The same settings as the template's evidence buckets: Object Lock with a default retention. */
const createBucket = async (endpoint: string, Bucket: string): Promise<void> => {
  const s3 = s3At(endpoint);
  await s3.send(new CreateBucketCommand({ Bucket, ObjectLockEnabledForBucket: true }));
  await s3.send(
    new PutObjectLockConfigurationCommand({
      Bucket,
      ObjectLockConfiguration: {
        ObjectLockEnabled: 'Enabled',
        Rule: { DefaultRetention: { Mode: 'GOVERNANCE', Days: 1 } },
      },
    }),
  );
};
