import { readFileSync, writeFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { inspect } from 'node:util';
import { queryObjects, writeHeapSnapshot } from 'node:v8';
import type { APIGatewayProxyEventV2, Context } from 'aws-lambda';
import { keysHandler } from '../../../lambdas/composition/keys.ts';
import { rotateHandler } from '../../../lambdas/composition/rotate.ts';
import { tokenHandler } from '../../../lambdas/composition/token.ts';
import { ENVIRONMENTS, parseEnvironment } from '../../../lambdas/contract/environment.ts';
import { localRuntime } from '../../../local/local-runtime.ts';

/**
 * Runs the functions on the events of a task file, in a separate process, and then writes down what they still hold: a
 * heap snapshot, and the bytes of every live ArrayBuffer, which a snapshot leaves out.
 */
interface Task {
  readonly variables: Readonly<Record<string, string>>;
  readonly events: readonly {
    readonly to: 'token' | 'keys' | 'rotate';
    readonly event: APIGatewayProxyEventV2;
  }[];
  readonly snapshotFile: string;
  readonly buffersFile: string;
  /** Holds on to this as a careless program would, to prove that the search would find it. */
  readonly plant: boolean;
}

const held: unknown[] = [];

const run = async (): Promise<Omit<Task, 'events'>> => {
  // Read as text at once: a buffer of ours with the request in it would be found as if it were the function's.
  const { events, ...task } = JSON.parse(readFileSync(process.argv[2] ?? '', 'utf8')) as Task;
  const runtime = localRuntime(() => undefined);
  const { variables } = task;
  const handlers = {
    token: tokenHandler(parseEnvironment(ENVIRONMENTS.token, variables), runtime),
    keys: keysHandler(parseEnvironment(ENVIRONMENTS.keys, variables), runtime),
    rotate: rotateHandler(parseEnvironment(ENVIRONMENTS.rotate, variables), runtime),
  };
  const statuses: (number | undefined)[] = [];
  for (const { to, event } of events) statuses.push((await handlers[to](event, {} as Context)).statusCode);
  if (task.plant) {
    const { api_key } = JSON.parse(events[0]?.event.body ?? '{}') as { readonly api_key: string };
    held.push(`kept: ${api_key}`, Buffer.alloc(api_key.length, api_key));
  }
  process.stdout.write(JSON.stringify(statuses));
  return task;
};

const { snapshotFile, buffersFile } = await run();
for (let turn = 0; turn < 5; turn++) {
  await sleep(20);
  globalThis.gc?.();
}
writeHeapSnapshot(snapshotFile);
inspect.defaultOptions.maxArrayLength = null;
writeFileSync(buffersFile, queryObjects(ArrayBuffer, { format: 'summary' }).join('\n').replaceAll(/\s/g, ''));
process.exit(held.length === 0 || held.length === 2 ? 0 : 1);
