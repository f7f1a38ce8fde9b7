import { randomUUID } from 'node:crypto';
import { parentPort, workerData } from 'node:worker_threads';

/**
 * One container of Lambda, as far as a handler can tell: an environment of its own, the deployed bundle, one function
 * called `handler`. What it writes goes to the parent line by line, each line before the answer that it belongs to.
 */

export interface WorkerCall {
  readonly id: number;
  readonly event: unknown;
  /** By how much the bundle's clock is ahead of this machine's, milliseconds; tests move it. */
  readonly clockAheadMs: number;
}

export type WorkerMessage =
  | { readonly line: string }
  | { readonly id: number; readonly answer: unknown }
  | { readonly id: number; readonly errorName: string };

const port = parentPort;
if (port === null) throw new Error('This file runs in a worker thread.');
const { bundle, timeoutMs } = workerData as { readonly bundle: string; readonly timeoutMs: number };
const tell = (message: WorkerMessage): void => port.postMessage(message);

let clockAheadMs = 0;
globalThis.Date = new Proxy(Date, {
  construct: (original, parameters, newTarget) =>
    Reflect.construct(
      original,
      parameters.length === 0 ? [original.now() + clockAheadMs] : parameters,
      newTarget,
    ),
  get: (original, property, receiver) =>
    property === 'now' ? () => original.now() + clockAheadMs : Reflect.get(original, property, receiver),
});

/** Lambda keeps both streams in one log; warnings and errors are on the second. */
for (const stream of [process.stdout, process.stderr]) {
  let pending = '';
  stream.write = (chunk: string | Uint8Array): boolean => {
    pending += typeof chunk === 'string' ? chunk : Buffer.from(chunk).toString('utf8');
    const lines = pending.split('\n');
    pending = lines.pop() ?? '';
    for (const line of lines) tell({ line });
    return true;
  };
}

const { handler } = (await import(bundle)) as {
  readonly handler: (event: unknown, context: unknown) => Promise<unknown>;
};

const contextOf = (startedAtMs: number) => ({
  callbackWaitsForEmptyEventLoop: true,
  awsRequestId: randomUUID(),
  getRemainingTimeInMillis: () => timeoutMs - (performance.now() - startedAtMs),
});

port.on('message', ({ id, event, clockAheadMs: ahead }: WorkerCall) => {
  clockAheadMs = ahead;
  handler(event, contextOf(performance.now())).then(
    (answer) => tell({ id, answer }),
    // Its name alone: what a message says may quote anything.
    (error: unknown) => tell({ id, errorName: error instanceof Error ? error.name : 'Error' }),
  );
});
