import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { LOOPBACK, listen } from '../listen.ts';
import { INVOKE_PATH, INVOKE_RULES } from './rules.ts';

/**
 * Lambda's asynchronous invocation on 127.0.0.1, behind the protocol of the AWS SDK: an event is accepted with 202, and its
 * function runs later, twice or never. Retry attempts 0: what fails, is throttled or gets too old becomes a dead letter.
 * Insecure: it checks no signature. https://docs.aws.amazon.com/lambda/latest/dg/invocation-async.html
 */
export interface LocalLambda {
  readonly endpoint: string;
  /** Payloads of dead letters. */
  readonly deadLetters: readonly string[];
  /** Events that wait for their time, and functions that run. */
  readonly busy: number;
  /** This fault applies to the given number of next events. */
  inject(fault: InvokeFault, events?: number): void;
  /** Starts waiting events that are due by the clock. Also runs automatically twenty times a second. */
  pump(): void;
  close(): Promise<void>;
}

export type InvokeFault =
  /** The function starts this many milliseconds of the clock later. An event that is older than its maximum age is dropped. */
  | { readonly kind: 'delay'; readonly ms: number }
  /** The function runs twice, which Lambda may do at any time. */
  | { readonly kind: 'duplicate' }
  /** The request is refused with 429. */
  | { readonly kind: 'throttle' }
  /** Accepted, and never run. */
  | { readonly kind: 'drop' };

export interface LocalLambdaOptions {
  /** Unix milliseconds. */
  readonly now: () => number;
  /** Runs a function by its name; undefined: there is no such function. */
  readonly run: (name: string) => ((event: unknown) => Promise<void>) | undefined;
  /** @default 60000 */
  readonly maxEventAgeMs?: number;
}

const PUMP_MS = 50;
const MAX_EVENT_AGE_MS = 60_000;

interface Waiting {
  readonly name: string;
  readonly payload: string;
  readonly acceptedAtMs: number;
  readonly dueAtMs: number;
}

export const startLocalLambda = async ({
  now,
  run,
  maxEventAgeMs = MAX_EVENT_AGE_MS,
}: LocalLambdaOptions): Promise<LocalLambda> => {
  const faults: InvokeFault[] = [];
  const deadLetters: string[] = [];
  const running = new Set<Promise<void>>();
  let waiting: Waiting[] = [];

  const start = ({ name, payload }: Waiting): void => {
    const ran = (async () => run(name)?.(JSON.parse(payload)))().catch(() => {
      deadLetters.push(payload);
    });
    running.add(ran);
    void ran.finally(() => running.delete(ran));
  };
  const pump = (): void => {
    const due = waiting.filter(({ dueAtMs }) => dueAtMs <= now());
    waiting = waiting.filter((event) => !due.includes(event));
    for (const event of due)
      if (now() - event.acceptedAtMs > maxEventAgeMs) deadLetters.push(event.payload);
      else start(event);
  };

  const accept = (name: string, payload: string, fault: InvokeFault | undefined): void => {
    if (fault?.kind === 'drop') return;
    const acceptedAtMs = now();
    const dueAtMs = acceptedAtMs + (fault?.kind === 'delay' ? fault.ms : 0);
    const event = { name, payload, acceptedAtMs, dueAtMs };
    waiting.push(event);
    if (fault?.kind === 'duplicate') waiting.push({ ...event });
    setImmediate(pump);
  };

  const handle = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const payload = Buffer.concat(chunks).toString('utf8');
    const path = request.url ?? '';
    const invocationType = request.headers['x-amz-invocation-type'];
    const facts = { method: request.method ?? '', path, payload, invocationType: String(invocationType) };
    const broken = INVOKE_RULES.find(({ refuses }) => refuses(facts));
    if (broken !== undefined) return refuse(response, broken.status, broken.error, broken.name);
    const name = INVOKE_PATH.exec(path)?.[1] ?? '';
    if (run(name) === undefined)
      return refuse(response, 404, 'ResourceNotFoundException', `Function not found: ${name}`);
    const fault = faults.shift();
    if (fault?.kind === 'throttle')
      return refuse(response, 429, 'TooManyRequestsException', 'Rate Exceeded.');
    accept(name, payload, fault);
    response.writeHead(202, { 'x-amzn-requestid': randomUUID() }).end();
  };

  const server = createServer((request, response) => {
    handle(request, response).catch(() => response.destroy());
  });
  const port = await listen(server);
  const timer = setInterval(pump, PUMP_MS);
  timer.unref();
  return {
    endpoint: `http://${LOOPBACK}:${port}`,
    deadLetters,
    get busy() {
      return waiting.length + running.size;
    },
    inject: (fault, events = 1) => {
      for (let i = 0; i < events; i += 1) faults.push(fault);
    },
    pump,
    close: async () => {
      clearInterval(timer);
      waiting = [];
      const closed = once(server, 'close');
      server.close();
      server.closeAllConnections();
      await closed;
    },
  };
};

const refuse = (response: ServerResponse, status: number, error: string, message: string): void => {
  response.writeHead(status, {
    'content-type': 'application/json',
    'x-amzn-errortype': error,
    'x-amzn-requestid': randomUUID(),
  });
  response.end(JSON.stringify({ Type: 'User', message }));
};
