import { Worker } from 'node:worker_threads';
import type { WorkerCall, WorkerMessage } from './function-worker.ts';

/** A deployed bundle, running on its own. */
export interface FunctionRunner {
  invoke(event: unknown): Promise<unknown>;
  close(): Promise<void>;
}

export interface FunctionRunnerOptions {
  readonly name: string;
  readonly bundle: string;
  readonly timeoutMs: number;
  readonly variables: Readonly<Record<string, string>>;
  readonly clockAheadMs: () => number;
  /** Each line that the function writes: a log entry, or a metric. */
  readonly onLine: (line: string) => void;
}

/** The function failed, and its caller gets what Lambda would give: nothing but that. */
export class InvocationError extends Error {
  override readonly name = 'InvocationError';
}

/** Starts the bundle with exactly these variables and nothing else of this process's environment. */
export const startFunction = (options: FunctionRunnerOptions): FunctionRunner => {
  const { name, bundle, timeoutMs, clockAheadMs, onLine } = options;
  const worker = new Worker(new URL('./function-worker.ts', import.meta.url), {
    name,
    env: { ...options.variables },
    workerData: { bundle, timeoutMs },
    execArgv: ['--disable-warning=ExperimentalWarning'],
  });
  const waiting = new Map<number, { resolve(answer: unknown): void; reject(error: Error): void }>();
  let nextId = 0;
  let ended = false;

  worker.on('message', (message: WorkerMessage) => {
    if ('line' in message) return onLine(message.line);
    const caller = waiting.get(message.id);
    waiting.delete(message.id);
    if ('answer' in message) caller?.resolve(message.answer);
    else caller?.reject(new InvocationError(`${name} failed: ${message.errorName}`));
  });
  const giveUp = (reason: string): void => {
    for (const { reject } of waiting.values()) reject(new InvocationError(`${name}: ${reason}`));
    waiting.clear();
  };
  worker.on('error', (error) => giveUp(error.message));
  worker.on('exit', () => {
    ended = true;
    giveUp('its container has ended');
  });

  return {
    invoke: (event) =>
      new Promise((resolve, reject) => {
        // Nobody would answer: a stream that is still being read while all is closed must not wait for its timeout.
        if (ended) return reject(new InvocationError(`${name}: its container has ended`));
        const id = nextId++;
        const timer = setTimeout(() => {
          waiting.delete(id);
          reject(new InvocationError(`${name}: task timed out after ${timeoutMs} ms`));
        }, timeoutMs);
        waiting.set(id, {
          resolve: (answer) => {
            clearTimeout(timer);
            resolve(answer);
          },
          reject: (error) => {
            clearTimeout(timer);
            reject(error);
          },
        });
        const call: WorkerCall = { id, event, clockAheadMs: clockAheadMs() };
        worker.postMessage(call);
      }),
    close: async () => {
      await worker.terminate();
    },
  };
};
