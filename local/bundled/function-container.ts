import { Worker } from 'node:worker_threads';
import type { WorkerCall, WorkerMessage } from './function-worker.ts';

/** One container of a function. It handles one call at a time, as in Lambda. */
export interface FunctionContainer {
  /** True after it has crashed or was stopped. It then handles no more calls. */
  readonly ended: boolean;
  /**
   * Rejects with InvocationError as Lambda would: for a handler that throws, a timeout, or a container that crashes.
   */
  invoke(event: unknown): Promise<unknown>;
  end(): Promise<void>;
}

export interface ContainerOptions {
  readonly name: string;
  readonly bundle: string;
  readonly timeoutMs: number;
  readonly variables: Readonly<Record<string, string>>;
  /** The bundle's current time. */
  readonly clock: () => Date;
  /** True if the clock stops between explicit changes, so that a call takes no time. */
  readonly clockStands: boolean;
  /** Each line that the function writes: a log entry, or a metric. */
  readonly onLine: (line: string) => void;
}

/** The function failed. Its caller gets no details, as in Lambda. */
export class InvocationError extends Error {
  override readonly name = 'InvocationError';
}

interface Call {
  readonly timer: NodeJS.Timeout;
  resolve(answer: unknown): void;
  reject(error: Error): void;
}

/** Starts the bundle with exactly these variables, without this process's environment. */
export const startContainer = (options: ContainerOptions): FunctionContainer => {
  const { name, bundle, timeoutMs, clock, clockStands, onLine } = options;
  const worker = new Worker(new URL('./function-worker.ts', import.meta.url), {
    name,
    env: { ...options.variables },
    workerData: { bundle, timeoutMs },
    execArgv: ['--disable-warning=ExperimentalWarning'],
  });
  const { promise: started, resolve: hasStarted } = Promise.withResolvers<void>();
  let inFlight: Call | undefined;
  let ended = false;

  const settle = (how: (call: Call) => void): void => {
    const call = inFlight;
    inFlight = undefined;
    if (call === undefined) return;
    clearTimeout(call.timer);
    how(call);
  };
  const die = (reason: string): void => {
    ended = true;
    hasStarted();
    settle(({ reject }) => reject(new InvocationError(`${name}: ${reason}`)));
  };
  worker.on('message', (message: WorkerMessage) => {
    if ('line' in message) onLine(message.line);
    else if ('ready' in message) hasStarted();
    else if ('answer' in message) settle(({ resolve }) => resolve(message.answer));
    else settle(({ reject }) => reject(new InvocationError(`${name} failed: ${message.errorName}`)));
  });
  worker.on('error', (error) => die(error.message));
  worker.on('exit', () => die('its container has ended'));

  return {
    get ended() {
      return ended;
    },
    invoke: async (event) => {
      // The start of a container does not count toward the time limit of its first call.
      await started;
      if (ended) throw new InvocationError(`${name}: its container has ended`);
      return new Promise((resolve, reject) => {
        // Lambda ends the container of a call that timed out.
        const timer = setTimeout(() => {
          die(`task timed out after ${timeoutMs} ms`);
          void worker.terminate();
        }, timeoutMs);
        inFlight = { timer, resolve, reject };
        const call: WorkerCall = { event, nowMs: clock().getTime(), clockStands };
        worker.postMessage(call);
      });
    },
    end: async () => {
      await worker.terminate();
    },
  };
};
