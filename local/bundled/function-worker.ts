import { randomUUID } from 'node:crypto';
import { subscribe } from 'node:diagnostics_channel';
import type { IncomingMessage } from 'node:http';
import { parentPort, workerData } from 'node:worker_threads';

/**
 * A Lambda container from a handler's point of view: its own environment, the deployed bundle, one function called
 * `handler`. Its output goes to the parent line by line, each line before the response of its call.
 */

export interface WorkerCall {
  readonly event: unknown;
  /** The bundle's time at the start of the call, unix milliseconds; tests move it. */
  readonly nowMs: number;
  /** True if it stays there until the next call. */
  readonly clockStands: boolean;
}

export type WorkerMessage =
  | { readonly line: string }
  | { readonly ready: true }
  | { readonly answer: unknown }
  | { readonly errorName: string };

const port = parentPort;
if (port === null) throw new Error('This file runs in a worker thread.');
const { bundle, timeoutMs } = workerData as { readonly bundle: string; readonly timeoutMs: number };
const tell = (message: WorkerMessage): void => port.postMessage(message);

let currentMs = (): number => performance.timeOrigin + performance.now();
const now = (): number => Math.floor(currentMs());
globalThis.Date = new Proxy(Date, {
  construct: (original, parameters, newTarget) =>
    Reflect.construct(original, parameters.length === 0 ? [now()] : parameters, newTarget),
  get: (original, property, receiver) =>
    property === 'now' ? now : Reflect.get(original, property, receiver),
});

// The local services use real time. The SDK trusts their `Date`, and retries when a refusal shows that its own clock is
// off by minutes. At AWS the two clocks agree.
subscribe('http.client.response.finish', (message) => {
  const { response } = message as { readonly response: IncomingMessage };
  if (response.headers.date !== undefined) response.headers.date = new Date().toUTCString();
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

port.on('message', ({ event, nowMs, clockStands }: WorkerCall) => {
  const startedAtMs = performance.now();
  currentMs = () => (clockStands ? nowMs : nowMs + performance.now() - startedAtMs);
  handler(event, contextOf(startedAtMs)).then(
    (answer) => tell({ answer }),
    // Only its name, because a message may quote anything.
    (error: unknown) => tell({ errorName: error instanceof Error ? error.name : 'Error' }),
  );
});
tell({ ready: true });
