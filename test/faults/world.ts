import { randomBytes } from 'node:crypto';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { sweeperHandler } from '../../lambdas/composition/sweeper.ts';
import { ENVIRONMENTS, parseEnvironment } from '../../lambdas/contract/environment.ts';
import type { Clock } from '../../lambdas/use-cases/ports/runtime.ts';
import { localRuntime } from '../../local/local-runtime.ts';
import { makeFakeKey } from '../../local/openai/server.ts';
import { secretFinder } from '../support/find-secret.ts';
import { frozenClock } from '../support/frozen-clock.ts';
import { type Tables, tablesAt } from '../support/key-tables.ts';
import { startTestStack, type TestStack } from '../support/stack.ts';
import { type Container, type Network, type Served, startContainer, startNetwork } from './containers.ts';

/** By then every lease of a session that nobody reports has run out, milliseconds. */
const LATER_MS = 600_000;

/** Stands in every key of these tests, and nowhere else; the rest tells the keys apart. */
const KEY_CANARY = randomBytes(48).toString('base64url').slice(0, 48);
/** Stands in whatever OpenAI says when it fails. */
export const MESSAGE_CANARY = `canary-${randomBytes(24).toString('hex')}`;

export const canaryKey = (): string => {
  const key = makeFakeKey(randomBytes);
  const at = 'sk-proj-'.length;
  return `${key.slice(0, at)}${KEY_CANARY}${key.slice(at + KEY_CANARY.length)}`;
};

const finder = secretFinder({ 'an OpenAI key': KEY_CANARY, "OpenAI's message": MESSAGE_CANARY });
const CLIENT_SECRET = /ek_[0-9a-f]{16}/;

/** Secrets that a text must not contain: a key, OpenAI's words, a client secret. */
export const leaksIn = (text: string | Uint8Array): readonly string[] => {
  const found = finder.find(text).map(({ secret, encoding }) => `${secret} (${encoding})`);
  return typeof text === 'string' && CLIENT_SECRET.test(text) ? [...found, 'a client secret'] : found;
};

/**
 * One stack for all cells, with a frozen clock. Preparations go to it directly; the requests that meet a fault go to
 * separate containers, which reach AWS through `network`.
 */
export interface FaultWorld {
  readonly stack: TestStack;
  readonly clock: Clock;
  readonly network: Network;
  readonly tables: Tables;
  /** A container that nothing fails, at the same time as the previous ones. */
  healthy(serves: Served): Container;
  /** The same when every lease has run out. */
  later(serves: Served): Container;
  /** Closes the sessions of which nothing has been heard by then. */
  sweepLater(): Promise<void>;
  /** Log lines of everything except the containers that meet a fault. */
  logs(): readonly string[];
  /** Nothing listens on it. */
  readonly closedPort: number;
  close(): Promise<void>;
}

const findClosedPort = async (): Promise<number> => {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
};

const SERVED: readonly Served[] = ['token', 'events', 'keys', 'rotate'];

export const startFaultWorld = async (): Promise<FaultWorld> => {
  const { clock } = frozenClock();
  const laterClock = () => new Date(clock().getTime() + LATER_MS);
  const stack = await startTestStack({ audited: false, runtime: { clock } });
  const network = await startNetwork(stack);
  const tables = tablesAt(stack.dynamoDb.endpoint);
  const containersAt = async (at: Clock): Promise<Readonly<Record<Served, Container>>> => {
    const started = SERVED.map(
      async (serves) => [serves, await startContainer(stack, serves, { clock: at, variables: {} })] as const,
    );
    return Object.fromEntries(await Promise.all(started)) as Record<Served, Container>;
  };
  const sweeperLogs: string[] = [];
  const healthy = await containersAt(clock);
  const later = await containersAt(laterClock);
  return {
    stack,
    clock,
    network,
    tables,
    healthy: (serves) => healthy[serves],
    later: (serves) => later[serves],
    sweepLater: sweeperHandler(parseEnvironment(ENVIRONMENTS.sweeper, stack.variables), {
      ...localRuntime((line) => sweeperLogs.push(line)),
      clock: laterClock,
    }),
    logs: () => [
      ...stack.logs,
      ...sweeperLogs,
      ...[...Object.values(healthy), ...Object.values(later)].flatMap((container) => container.logs),
    ],
    closedPort: await findClosedPort(),
    close: async () => {
      const containers = [...Object.values(healthy), ...Object.values(later)];
      await Promise.all(containers.map((container) => container.close()));
      tables.close();
      await stack.close();
      await network.close();
    },
  };
};
