import { createHash, randomBytes, randomUUID } from 'node:crypto';
import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { DynamoDBStreamsClient } from '@aws-sdk/client-dynamodb-streams';
import { TABLES } from '../../lambdas/contract/tables.ts';
import { functionsInProcess } from '../../local/functions-in-process.ts';
import { startGateway } from '../../local/gateway.ts';
import type { KmsCall } from '../../local/kms/server.ts';
import { localRuntime } from '../../local/local-runtime.ts';
import type { Fault, RecordedRequest } from '../../local/openai/server.ts';
import { openStreamReader } from '../../local/stream-pump.ts';
import { type AwsCall, startAwsProxy } from '../support/aws-proxy.ts';
import { secretFinder } from '../support/find-secret.ts';
import { frozenClock } from '../support/frozen-clock.ts';
import { tablesAt } from '../support/key-tables.ts';
import { needed } from '../support/keyed-tenant.ts';
import { mintRefused, openAiFingerprint, openAiOf } from '../support/openai.ts';
import { newPerson } from '../support/people.ts';
import { putPlatformKey } from '../support/platform-key.ts';
import { callerAt, startTestStack, type TestAnswer, type TestStack } from '../support/stack.ts';
import { fakeKey } from '../support/tenant.ts';
import { ADDRESS_PERCENT, PLATFORM, type Weather } from './system-model.ts';

/** Faults in the calls to DynamoDB during one request, by the number of the write, from 0. */
export interface Mishap {
  /** `lost`: the write is done and its answer never comes. `killed`: likewise, and the process does nothing more. */
  readonly kind: 'lost' | 'killed';
  readonly write: number;
}

const isWrite = ({ operation }: AwsCall): boolean => /^(Put|Update|Delete|TransactWrite)/.test(operation);

/** An answer that no client repeats the call for: a killed process asks for nothing any more. */
const GONE = { errorName: 'AccessDeniedException', status: 400 } as const;

const WEATHER_FAULTS: Readonly<Record<Exclude<Weather, 'good'>, Fault>> = {
  failing: mintRefused(500, { message: 'No.', type: 'server_error' }),
  overloaded: mintRefused(429, { message: 'No.', type: 'requests', code: 'rate_limit_exceeded' }),
  out_of_credit: mintRefused(429, { message: 'No.', code: 'insufficient_quota' }),
  keys_revoked: mintRefused(401, { message: 'No.', code: 'invalid_api_key' }),
};

const PEOPLE = 4;
const OPENAI_KEYS = 4;
/** Visitors with an address each. */
export const VISITORS = 4;
export const START = '2026-11-23T12:00:10.000Z';

/** The header that the edge adds for the address of a visitor. */
export const addressHeader = (visitor: number): Readonly<Record<string, string>> => ({
  'x-viewer-address': `192.0.2.${visitor + 1}`,
});

/**
 * The whole product over HTTP: the deployed handlers, in a process that can be killed, behind a network that loses
 * answers, with a clock that stands still between commands. Tables, KMS, issuer and OpenAI outlive every kill.
 */
export const startSystemWorld = async () => {
  const network = await startAwsProxy();
  const time = frozenClock(START);
  const logs: string[] = [];
  const edgeSecret = randomBytes(32).toString('base64url');
  const world = { ...localRuntime((line) => logs.push(line)), clock: time.clock };
  const stack = await startTestStack({
    audited: false,
    runtime: world,
    variables: {
      AWS_ENDPOINT_URL_DYNAMODB: network.url,
      ADDRESS_SLOT_PERCENT: String(ADDRESS_PERCENT),
      EDGE_PROOF_DIGESTS: createHash('sha256').update(edgeSecret).digest('hex'),
    },
  });
  network.forwardTo(stack.dynamoDb.endpoint);
  const platformKey = fakeKey();
  await needed(stack, putPlatformKey(stack, platformKey));
  const tables = tablesAt(stack.dynamoDb.endpoint);
  const engine = { region: 'us-east-1', endpoint: stack.dynamoDb.endpoint };
  const clients = { dynamoDb: new DynamoDBClient(engine), streams: new DynamoDBStreamsClient(engine) };

  const deploy = async () => {
    const functions = functionsInProcess(stack.variables, world, () => undefined);
    const gateway = await startGateway(functions.handlers, { port: 0, newRequestId: randomUUID });
    return { functions, gateway };
  };
  let process = await deploy();
  const dead: string[] = [];
  // An event source mapping is AWS's, and remembers its place when the projector dies.
  const streams = await Promise.all(
    (['tenancy', 'keys', 'sessions'] as const).map((table) =>
      openStreamReader(
        clients,
        TABLES[table],
        (batch) => process.functions.recording[table]?.(batch) ?? Promise.resolve({ batchItemFailures: [] }),
        (name, sequence) => dead.push(`${name} ${sequence}`),
      ),
    ),
  );

  const answers: string[] = [];
  const call = callerAt(() => process.gateway.url, stack.tokenFor);
  const api: TestStack = {
    ...stack,
    now: time.clock,
    call: async (method, path, options = {}): Promise<TestAnswer> => {
      const headers = { 'x-origin-verify': edgeSecret, ...addressHeader(0), ...options.headers };
      const answer = await call(method, path, { ...options, headers });
      answers.push(answer.text, JSON.stringify([...answer.headers]));
      return answer;
    },
  };

  let people: readonly string[] = [];
  let keys: readonly string[] = [];
  let decrypts: KmsCall[] = [];

  return {
    api,
    tables,
    clock: time.clock,
    advance: time.advance,
    dead,
    /** Every Decrypt since `begin`. */
    get decrypts(): readonly KmsCall[] {
      return decrypts;
    },
    person: (index: number): string => people[index] ?? '',
    /** The OpenAI key that a number of the model stands for. */
    openAiKey: (index: number): string => (index === PLATFORM ? platformKey : (keys[index] ?? '')),

    /** Starts over: new people, new keys, the clock at its start, good weather, nothing remembered of before. */
    begin: (): void => {
      time.advance(Date.parse(START) - time.clock().getTime());
      people = Array.from({ length: PEOPLE }, (_, i) => newPerson(`person${i}`));
      keys = Array.from({ length: OPENAI_KEYS }, () => fakeKey());
      network.intervene();
      openAiOf(stack).clearFaults();
      openAiOf(stack).clearRequests();
      stack.kms.clearCalls();
      decrypts = [];
      logs.length = 0;
      answers.length = 0;
    },

    setWeather: (weather: Weather): void => {
      openAiOf(stack).clearFaults();
      if (weather !== 'good') openAiOf(stack).inject(WEATHER_FAULTS[weather]);
    },

    /** Runs one request, with or without a mishap. */
    during: async <Result>(mishap: Mishap | undefined, run: () => Promise<Result>): Promise<Result> => {
      if (mishap === undefined) return run();
      let writes = 0;
      let gone = false;
      network.intervene((aws) => {
        if (gone) return GONE;
        if (!isWrite(aws) || writes++ !== mishap.write) return undefined;
        gone = mishap.kind === 'killed';
        return 'lose-answer';
      });
      try {
        return await run();
      } finally {
        network.intervene();
        if (mishap.kind === 'killed') await restart();
      }
    },

    restart: () => restart(),
    sweep: () => process.functions.sweep(),

    /** Hands over at most this many batches of each stream. */
    project: async (batches: number): Promise<void> => {
      for (let i = 0; i < batches; i++) for (const read of streams) await read();
    },
    projectAll: async (): Promise<void> => {
      while ((await Promise.all(streams.map((read) => read()))).some(Boolean));
    },

    /** Which keys were opened and which were sent to OpenAI since the last call. */
    uses: (): { readonly opened: readonly KmsCall[]; readonly sent: readonly RecordedRequest[] } => {
      const opened = stack.kms.calls.filter(({ operation }) => operation === 'Decrypt');
      const sent = [...openAiOf(stack).requests];
      decrypts.push(...opened);
      stack.kms.clearCalls();
      openAiOf(stack).clearRequests();
      return { opened, sent };
    },

    /** Traces of an OpenAI key in anything that was answered or logged since `begin`. */
    leaks: (): readonly unknown[] => {
      const secrets = Object.fromEntries(
        [platformKey, ...keys].map((key) => [openAiFingerprint(key), key] as const),
      );
      return secretFinder(secrets).find([...logs, ...answers].join('\n'));
    },

    close: async (): Promise<void> => {
      await process.gateway.close();
      clients.dynamoDb.destroy();
      clients.streams.destroy();
      tables.close();
      await stack.close();
      await network.close();
    },
  };

  async function restart(): Promise<void> {
    await process.gateway.close();
    process = await deploy();
  }
};

export type SystemWorld = Awaited<ReturnType<typeof startSystemWorld>>;
