import { mkdirSync } from 'node:fs';
import { createServer } from 'node:net';
import { dirname } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { type StrictFront, startStrictDynamoDb } from '../strict/dynamodb/front.ts';
import { checkDatabase } from './check-database.ts';
import { type EngineExit, type EngineProcess, runEngine } from './engine-process.ts';
import { DamagedDatabaseError, EngineStartError } from './errors.ts';
import { type EngineSearch, type EngineSource, findEngine } from './find-engine.ts';

export type { EngineExit } from './engine-process.ts';
export { DamagedDatabaseError, EngineStartError, MissingEngineError } from './errors.ts';

const READY_TIMEOUT_MS = 10_000;
const READY_POLL_MS = 5;
const PORT_ATTEMPTS = 5;
const LOOPBACK = '127.0.0.1';

/** Where the data lives and which engine to use; the caller reads the environment. */
export type LocalDynamoDbOptions = Pick<EngineSearch, 'endpoint' | 'path'> & {
  /** The SQLite file; its folder is created. Without it the tables live in memory and end with the engine. */
  readonly dbPath?: string | undefined;
  /** A fixed port; without it a free one is chosen. */
  readonly port?: number | undefined;
  /** False leaves out the DynamoDB rules that the engine does not know. Only for benchmarks of speed. @default true */
  readonly strict?: boolean | undefined;
};

export type LocalDynamoDb = {
  /** `http://127.0.0.1:PORT`: the engine behind DynamoDB's rules. */
  readonly endpoint: string;
  /** The engine itself, or the endpoint that was given. */
  readonly engineEndpoint: string;
  readonly source: EngineSource;
  readonly pid: number | undefined;
  /**
   * Calls `listener` with each table that may have been written to. Undefined with `strict: false`, because no layer
   * observes the requests.
   */
  readonly onWritten?: StrictFront['onWritten'];
  /** Resolves when the engine ends, asked or not (see `expected`). Never settles for a given endpoint. */
  readonly exited: Promise<EngineExit>;
  /** Stops what was started here; a given endpoint is left unchanged. Safe to call again. */
  readonly close: () => Promise<void>;
};

/**
 * Gives a DynamoDB endpoint that has answered HTTP, and stops with this process.
 *
 * @throws {MissingEngineError} no engine on this machine.
 * @throws {DamagedDatabaseError} `dbPath` is not a sound database; it is left as it is.
 * @throws {EngineStartError} the engine ended or stayed silent, or the fixed port is taken.
 *
 * @example
 * const dynamoDb = await startDynamoDb({ dbPath: '.local/dynamodb.sqlite', path: process.env['PATH'] });
 * const client = new DynamoDBClient({ endpoint: dynamoDb.endpoint });
 */
export async function startDynamoDb(options: LocalDynamoDbOptions): Promise<LocalDynamoDb> {
  const engine = await startEngine(options);
  if (options.strict === false) return engine;
  const front = await startStrictDynamoDb(engine.engineEndpoint);
  return {
    ...engine,
    endpoint: front.endpoint,
    onWritten: front.onWritten,
    close: async () => {
      await front.close();
      await engine.close();
    },
  };
}

async function startEngine(options: LocalDynamoDbOptions): Promise<LocalDynamoDb> {
  const found = findEngine(options);
  if (found.source === 'endpoint') {
    return {
      endpoint: found.endpoint,
      engineEndpoint: found.endpoint,
      source: 'endpoint',
      pid: undefined,
      exited: new Promise(() => undefined),
      close: async () => undefined,
    };
  }

  if (options.dbPath !== undefined) {
    mkdirSync(dirname(options.dbPath), { recursive: true });
    checkDatabase(options.dbPath);
  }

  const attempts = options.port === undefined ? PORT_ATTEMPTS : 1;
  for (let attempt = 1; ; attempt += 1) {
    const port = options.port ?? (await freePort());
    const endpoint = `http://${LOOPBACK}:${port}`;
    const engine = runEngine(found.binary, engineArguments(port, options.dbPath));
    const failure = await untilReady(engine, endpoint);
    if (failure === undefined) {
      return {
        endpoint,
        engineEndpoint: endpoint,
        source: found.source,
        pid: engine.pid,
        exited: engine.exited,
        close: engine.stop,
      };
    }
    if (isPortClash(failure) && attempt < attempts) continue;
    throw startFailure(failure, options.dbPath);
  }
}

function engineArguments(port: number, dbPath: string | undefined): string[] {
  const args = ['--host', LOOPBACK, '--port', String(port)];
  return dbPath === undefined ? args : [...args, '--db-path', dbPath];
}

/** Undefined once the engine answers; otherwise how it ended. */
async function untilReady(engine: EngineProcess, endpoint: string): Promise<EngineExit | undefined> {
  const deadline = performance.now() + READY_TIMEOUT_MS;
  while (!engine.hasExited()) {
    if (engine.saysItListens() && (await answers(endpoint)) && !engine.hasExited()) return undefined;
    if (performance.now() > deadline) {
      await engine.stop();
      return engine.exited;
    }
    await Promise.race([engine.exited, sleep(READY_POLL_MS)]);
  }
  return engine.exited;
}

async function answers(endpoint: string): Promise<boolean> {
  try {
    const response = await fetch(endpoint, { signal: AbortSignal.timeout(1_000) });
    await response.arrayBuffer();
    return response.ok;
  } catch {
    return false;
  }
}

function isPortClash(exit: EngineExit): boolean {
  return exit.lastLines.some((line) => /in use/i.test(line));
}

function startFailure(exit: EngineExit, dbPath: string | undefined): Error {
  const damaged = exit.lastLines.some((line) => /not a valid SQLite database|malformed/i.test(line));
  if (damaged && dbPath !== undefined) return new DamagedDatabaseError(dbPath);
  const reason = exit.expected
    ? `no answer within ${READY_TIMEOUT_MS / 1_000} s.`
    : `it ended with ${exit.signal ?? `code ${exit.code ?? 'unknown'}`}.`;
  return new EngineStartError(reason, exit.lastLines);
}

/** Another process may take the port before it is used, so the caller tries again. */
async function freePort(): Promise<number> {
  const probe = createServer();
  await new Promise<void>((resolve, reject) => {
    probe.once('error', reject);
    probe.listen(0, LOOPBACK, resolve);
  });
  const address = probe.address();
  await new Promise((resolve) => probe.close(resolve));
  if (address === null || typeof address === 'string') throw new Error('The probe socket has no port.');
  return address.port;
}
