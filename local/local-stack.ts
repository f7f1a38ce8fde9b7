import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { DynamoDBStreamsClient } from '@aws-sdk/client-dynamodb-streams';
import type { HttpsPostOptions } from '../lambdas/adapters/webhooks/https-post.ts';
import type { Runtime } from '../lambdas/composition/runtime.ts';
import type { WatchHandler } from '../lambdas/composition/watch.ts';
import { KMS_KEYS } from '../lambdas/contract/kms-keys.ts';
import { TABLES } from '../lambdas/contract/tables.ts';
import { isPublicAddress } from '../lambdas/domain/network-address.ts';
import type { Assembly } from './bundled/assembly.ts';
import { startBundledFunctions } from './bundled/bundled-functions.ts';
import { createTables } from './create-tables.ts';
import { DEMO_OWNER } from './demo.ts';
import { type LocalDynamoDb, startDynamoDb } from './dynamodb/engine.ts';
import { functionsInProcess } from './functions-in-process.ts';
import { type LocalGateway, startGateway } from './gateway.ts';
import { type HangUpPump, startHangUpPump } from './hang-up-pump.ts';
import { type LocalIssuer, startLocalIssuer } from './issuer/issuer.ts';
import type { SigningKey } from './issuer/signing-key.ts';
import { type LocalKms, startLocalKms } from './kms/server.ts';
import { type LocalLambda, startLocalLambda } from './lambda/server.ts';
import type { LocalIncidents } from './local-incidents.ts';
import { type LocalOpenAi, startLocalOpenAi } from './openai/server.ts';
import { type LocalS3, startLocalS3 } from './s3/server.ts';
import { type LocalSes, startLocalSes } from './ses/server.ts';
import { type LocalSqs, startLocalSqs } from './sqs/server.ts';
import { consumedAtDrain, startStreamConsumers } from './stream-consumers.ts';
import type { StreamPump } from './stream-pump.ts';
import type { WebHandler } from './web/static-files.ts';

const AUDIENCE = 'spelo-byok-local';
const WATCH_FUNCTION = 'watch';
const ARCHIVE_BUCKET = 'audit-archive';
const TRAIL_BUCKET = 'cloudtrail-logs';
const LOCAL_SENDER = 'alerts@spelo.example';
/** Allows a receiver on this machine. No deployment setting can allow it. */
const LOCAL_WEBHOOKS: HttpsPostOptions = {
  isAllowed: (address) => isPublicAddress(address) || ['127.0.0.1', '::1'].includes(address),
};

export interface LocalStackOptions {
  /** Folder for tables, KMS key material and the issuer's key. Without it everything lives in memory. */
  readonly dataDir?: string;
  /** 0 chooses a free one. */
  readonly port: number;
  /** A real OpenAI instead of the stand-in. */
  readonly openAiBaseUrl?: string | undefined;
  readonly dynamoDbEndpoint?: string | undefined;
  /** False leaves out AWS's rules in front of the local engine. Only for benchmarks of speed. @default true */
  readonly strict?: boolean | undefined;
  /** Where to look for the DynamoDB engine. */
  readonly path?: string | undefined;
  readonly runtime: Runtime;
  /** Overrides for the functions' variables, for tests. */
  readonly variables?: Readonly<Record<string, string>>;
  /** Prints a line for a person: a request with its status, or another event. */
  readonly onAnswer?: (line: string, status?: number) => void;
  /** False: the functions behind streams run only while `streams.drain()` waits for them. @default true */
  readonly followsStreams?: boolean;
  /** Runs the deployed bundles of this assembly, behind its routes. Without it, the functions run from the source. */
  readonly assembly?: Assembly | undefined;
  /** True if the runtime's clock stops between explicit changes. The clocks of bundles then stop as well. */
  readonly clockStands?: boolean;
  /**
   * The client for webhooks, for tests. By default, it also reaches this machine. Bundles reach only public addresses.
   */
  readonly webhooks?: HttpsPostOptions | undefined;
  /** Lines that bundles write to standard output. */
  readonly onLine?: (line: string) => void;
  /** Signs access tokens where there is no `dataDir`. @default a new key */
  readonly issuerKey?: Promise<SigningKey>;
  /** Pages and scripts for browsers, served alongside the API. */
  readonly pages?: readonly WebHandler[];
}

export interface LocalStack {
  readonly url: string;
  readonly gateway: LocalGateway;
  /** The audit pipeline; `drain()` waits until it has everything. */
  readonly streams: StreamPump;
  /** Incidents that the anomaly detector has published. */
  readonly incidents: LocalIncidents;
  /** Closes silent sessions, as the schedule does. */
  readonly sweep: () => Promise<void>;
  /** One run of the schedule that moves sites off models which are shut down. */
  readonly retireModels: () => Promise<void>;
  /** One run of the daily reconciliation. CloudTrail's files are put into the bucket of `TRAIL_BUCKET` by hand. */
  readonly reconcile: () => Promise<void>;
  /** Sends one heartbeat, as the schedule does. */
  readonly heartbeat: () => Promise<void>;
  /** Delivers hang-up messages to their function. */
  readonly hangUps: HangUpPump;
  /** Delivers notices to the function that sends them to webhooks. */
  readonly notices: HangUpPump;
  readonly sqs: LocalSqs;
  /** Starts watchers, as Lambda's asynchronous invocation does. */
  readonly lambda: LocalLambda;
  /** The mailbox for all recipients. */
  readonly ses: LocalSes;
  readonly kms: LocalKms;
  /** Holds the archive of the audit trail, in the bucket of the variable `ARCHIVE_BUCKET`. */
  readonly s3: LocalS3;
  readonly dynamoDb: LocalDynamoDb;
  readonly issuer: LocalIssuer;
  /** undefined when a real OpenAI is used. */
  readonly openAi: LocalOpenAi | undefined;
  /** The environment that the functions run in. */
  readonly variables: Readonly<Record<string, string>>;
  close(): Promise<void>;
}

/**
 * The whole product on this machine: the real handlers and AWS clients, over HTTP, against an embedded DynamoDB engine, a
 * local KMS, a token issuer and a stand-in for OpenAI. If one part fails to start, all others are stopped.
 */
export const startLocalStack = async (options: LocalStackOptions): Promise<LocalStack> => {
  const started: { close(): Promise<void> }[] = [];
  const closeAll = async (): Promise<void> => {
    await Promise.allSettled(started.reverse().map((part) => part.close()));
  };
  const keep = async <Part extends { close(): Promise<void> }>(part: Promise<Part>): Promise<Part> => {
    const running = await part;
    started.push(running);
    return running;
  };
  const inDataDir = (name: string): string | undefined =>
    options.dataDir === undefined ? undefined : join(options.dataDir, name);

  try {
    const kmsState = inDataDir('kms.json');
    const issuerState = inDataDir('issuer-key.json');
    const s3Dir = inDataDir('s3');
    const [dynamoDb, kms, s3, sqs, ses, issuer, openAi] = await Promise.all([
      keep(
        startDynamoDb({
          dbPath: inDataDir('dynamodb.sqlite'),
          endpoint: options.dynamoDbEndpoint,
          path: options.path,
          strict: options.strict,
        }),
      ),
      keep(
        startLocalKms({
          keys: Object.values(KMS_KEYS).map(({ alias, usage }) => ({ alias, usage })),
          ...(kmsState !== undefined && { stateFile: kmsState }),
        }),
      ),
      keep(
        startLocalS3({
          buckets: [ARCHIVE_BUCKET, TRAIL_BUCKET],
          // The same settings as for the evidence buckets in the template.
          lockedBuckets: [ARCHIVE_BUCKET, TRAIL_BUCKET],
          createOnlyBuckets: [ARCHIVE_BUCKET],
          now: options.runtime.clock,
          ...(s3Dir !== undefined && { dir: s3Dir }),
        }),
      ),
      keep(startLocalSqs(() => options.runtime.clock().getTime())),
      keep(startLocalSes({ identities: [LOCAL_SENDER] })),
      keep(
        startLocalIssuer({
          audience: AUDIENCE,
          suggestedPerson: DEMO_OWNER,
          now: () => options.runtime.clock().getTime(),
          stateFile: issuerState,
          signingKey: options.issuerKey,
        }),
      ),
      options.openAiBaseUrl === undefined ? keep(startLocalOpenAi()) : undefined,
    ]);

    let watch: WatchHandler | undefined;
    const lambda = await keep(
      startLocalLambda({
        now: () => options.runtime.clock().getTime(),
        run: (name) => (name === WATCH_FUNCTION ? watch : undefined),
      }),
    );
    const variables: Record<string, string> = {
      STAGE: 'local',
      AWS_REGION: 'us-east-1',
      ...Object.fromEntries(Object.values(TABLES).map(({ variable, name }) => [variable, name])),
      ...Object.fromEntries(
        Object.values(KMS_KEYS).map(({ variable, alias }) => [variable, kms.keyArn(alias)]),
      ),
      OIDC_ISSUER: issuer.issuer,
      OIDC_AUDIENCE: issuer.audience,
      RECENT_SIGN_IN_SECONDS: '900',
      OPENAI_BASE_URL: options.openAiBaseUrl ?? openAi?.baseUrl ?? '',
      AWS_ENDPOINT_URL_DYNAMODB: dynamoDb.endpoint,
      AWS_ENDPOINT_URL_KMS: kms.endpoint,
      AWS_CALL_TIMEOUT_MS: '5000',
      ARCHIVE_BUCKET,
      TRAIL_BUCKET,
      EVIDENCE_DAYS: '400',
      AWS_ENDPOINT_URL_S3: s3.endpoint,
      HANGUP_QUEUE_URL: sqs.queueUrl,
      NOTICE_QUEUE_URL: sqs.queueUrlOf('notices'),
      AWS_ENDPOINT_URL_SQS: sqs.endpoint,
      WATCH_FUNCTION,
      AWS_ENDPOINT_URL_LAMBDA: lambda.endpoint,
      AWS_ENDPOINT_URL_SESV2: ses.endpoint,
      MAIL_SENDER: LOCAL_SENDER,
      // Limits are higher, because all visitors on this machine have the same address, and one person tries everything.
      ADDRESS_SLOT_PERCENT: '100',
      WORKSPACES_PER_DAY: '1000',
      ...options.variables,
    };
    setLocalCredentials();
    const { runtime } = options;
    const engine = { region: 'us-east-1', endpoint: dynamoDb.endpoint };
    const clients = {
      dynamoDb: new DynamoDBClient(engine),
      streams: new DynamoDBStreamsClient(engine),
    };
    await createTables(clients.dynamoDb);
    const onDeadLetter = (table: string, sequenceNumber: string): void =>
      options.onAnswer?.(`A record of the stream of ${table} was given up on: ${sequenceNumber}`);
    const onIncident = (summary: string): void => options.onAnswer?.(`Anomaly: ${summary}`);
    const functions =
      options.assembly === undefined
        ? functionsInProcess(variables, runtime, onIncident, options.webhooks ?? LOCAL_WEBHOOKS)
        : await keep(
            startBundledFunctions(options.assembly, {
              variables,
              clock: runtime.clock,
              clockStands: options.clockStands ?? false,
              jwksUri: issuer.jwksUri,
              onLine: options.onLine ?? (() => undefined),
              onIncident,
            }),
          );
    const consume = () => startStreamConsumers(clients, functions, onDeadLetter, dynamoDb.onWritten);
    const streams = options.followsStreams === false ? consumedAtDrain(consume) : await keep(consume());
    watch = functions.watch;
    const hangUps = startHangUpPump(sqs, functions.hangUps);
    started.push(hangUps);
    const notices = startHangUpPump(sqs.viewOf('notices'), functions.notices);
    started.push(notices);
    const gateway = await keep(
      startGateway(functions.handlers, {
        port: options.port,
        newRequestId: randomUUID,
        ...(functions.routes !== undefined && { routes: functions.routes }),
        ...(options.pages !== undefined && { pages: options.pages }),
        ...(options.onAnswer !== undefined && { onAnswer: options.onAnswer }),
      }),
    );
    return {
      url: gateway.url,
      gateway,
      streams,
      incidents: functions.incidents,
      sweep: functions.sweep,
      retireModels: functions.retireModels,
      reconcile: functions.reconcile,
      heartbeat: functions.heartbeat,
      hangUps,
      notices,
      sqs,
      lambda,
      ses,
      kms,
      s3,
      dynamoDb,
      issuer,
      openAi,
      variables,
      close: closeAll,
    };
  } catch (error) {
    await closeAll();
    throw error;
  }
};

/** The AWS SDK signs every request; the local engines accept any signature. Real credentials are never sent to them. */
const setLocalCredentials = (): void => {
  process.env['AWS_ACCESS_KEY_ID'] = 'local';
  process.env['AWS_SECRET_ACCESS_KEY'] = 'local';
  delete process.env['AWS_SESSION_TOKEN'];
  delete process.env['AWS_PROFILE'];
};
