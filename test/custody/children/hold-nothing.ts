import './buffers-as-hex.ts';
import { readFileSync, writeFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { queryObjects, writeHeapSnapshot } from 'node:v8';
import type { APIGatewayProxyEventV2, Context } from 'aws-lambda';
import { keysHandler } from '../../../lambdas/composition/keys.ts';
import { rotateHandler } from '../../../lambdas/composition/rotate.ts';
import { tokenHandler } from '../../../lambdas/composition/token.ts';
import { ENVIRONMENTS, parseEnvironment } from '../../../lambdas/contract/environment.ts';
import { localRuntime } from '../../../local/local-runtime.ts';

/**
 * Runs the functions on the events of a task file, in a separate process, and then writes down what they still hold: a
 * heap snapshot, and the bytes of every live ArrayBuffer, which a snapshot leaves out. Then it keeps the key as a careless
 * program would, and writes the same once more, to prove that the search would find it.
 */
interface Task {
  readonly variables: Readonly<Record<string, string>>;
  readonly events: readonly {
    readonly to: 'token' | 'keys' | 'rotate';
    readonly event: APIGatewayProxyEventV2;
  }[];
  readonly clean: Files;
  readonly planted: Files;
}

interface Files {
  readonly snapshot: string;
  readonly buffers: string;
}

// Read as text at once: a buffer of ours with the request in it would be found as if it were the function's.
const readTask = (): Task => JSON.parse(readFileSync(process.argv[2] ?? '', 'utf8')) as Task;

const run = async (): Promise<Pick<Task, 'clean' | 'planted'>> => {
  const { events, variables, clean, planted } = readTask();
  const runtime = localRuntime(() => undefined);
  const handlers = {
    token: tokenHandler(parseEnvironment(ENVIRONMENTS.token, variables), runtime),
    keys: keysHandler(parseEnvironment(ENVIRONMENTS.keys, variables), runtime),
    rotate: rotateHandler(parseEnvironment(ENVIRONMENTS.rotate, variables), runtime),
  };
  const statuses: (number | undefined)[] = [];
  for (const { to, event } of events) statuses.push((await handlers[to](event, {} as Context)).statusCode);
  process.stdout.write(JSON.stringify(statuses));
  return { clean, planted };
};

const writeHeld = async ({ snapshot, buffers }: Files): Promise<void> => {
  for (let turn = 0; turn < 5; turn++) {
    await sleep(20);
    globalThis.gc?.();
  }
  writeHeapSnapshot(snapshot);
  writeFileSync(buffers, queryObjects(ArrayBuffer, { format: 'summary' }).join('\n'));
};

const held: unknown[] = [];
const keepKey = (): void => {
  const { api_key } = JSON.parse(readTask().events[0]?.event.body ?? '{}') as { readonly api_key: string };
  held.push(`kept: ${api_key}`, Buffer.alloc(api_key.length, api_key));
};

const { clean, planted } = await run();
await writeHeld(clean);
keepKey();
await writeHeld(planted);
process.exit(held.length === 2 ? 0 : 1);
