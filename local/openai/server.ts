import { randomBytes } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Answer, json, refusal, unknownUrl } from './answers.ts';
import { createClientSecrets, fingerprint } from './client-secrets.ts';
import { deliver } from './deliver.ts';
import { applyFault, createFaults, type Fault, FaultSchema, type Faults } from './faults.ts';
import { createCalls } from './realtime/calls.ts';
import { type Asked, parseJson, route } from './routes.ts';

export { playableFailures } from './failures.ts';
export { makeFakeKey } from './fake-key.ts';
export type { Fault } from './faults.ts';

const LOOPBACK = '127.0.0.1';
const MAX_BODY_BYTES = 1024 * 1024;
const MAX_KEPT_REQUESTS = 1_000;
const CONTROL_PATH = '/__control/faults';

/** What is remembered of a request. The key itself is not: its fingerprint tells keys apart. */
export type RecordedRequest = {
  readonly method: string;
  readonly path: string;
  /** Lower-case names, without `authorization`. */
  readonly headers: Readonly<Record<string, string>>;
  /** The first 16 hex digits of the SHA-256 of the bearer; undefined when there was none. */
  readonly keyFingerprint: string | undefined;
  /** The JSON body, or undefined when there was none that parses. */
  readonly body: unknown;
  /** Unix milliseconds. */
  readonly at: number;
  /** The `x-request-id` of the answer. */
  readonly requestId: string;
};

export type LocalOpenAi = {
  /** `http://127.0.0.1:PORT/v1`, as `OPENAI_BASE_URL` wants it. */
  readonly baseUrl: string;
  /** The latest thousand, oldest first, control requests left out. */
  readonly requests: readonly RecordedRequest[];
  /** How many secrets were ever minted. */
  readonly mintedSecrets: number;
  /** The same of one key, by its fingerprint in the log. */
  readonly mintedSecretsOf: (keyFingerprint: string) => number;
  /** Ids of the calls that go on, oldest first. */
  readonly liveCalls: readonly string[];
  /** Ends a call as OpenAI does at an outage: without a word. */
  readonly dropCall: (callId: string) => void;
  readonly inject: (fault: Fault) => void;
  /** Those of one key, or all. */
  readonly clearFaults: (keyFingerprint?: string) => void;
  readonly clearRequests: () => void;
  /** Ends every open connection at once, unanswered ones too. Safe to call again. */
  readonly close: () => Promise<void>;
};

/**
 * Stands in for api.openai.com on 127.0.0.1: same routes, same shapes, same errors, calls with sound and events over
 * WebRTC; no model behind them.
 *
 * The end of the key chooses the failure to play (`playableFailures`), so one run can show them all. Tests inject
 * faults as well, by `inject` or by `POST /__control/faults` with the same JSON; `DELETE` clears them.
 *
 * @param options.now Unix milliseconds: decides expiry and which models are still served.
 * @param options.maxCallMs How long a call may last, in real time; an hour unless told.
 * @param options.say Takes the one line that tells of a missing WebRTC library; the standard error unless told.
 */
export async function startLocalOpenAi(
  options: {
    readonly port?: number;
    readonly now?: () => number;
    readonly maxCallMs?: number;
    readonly say?: (line: string) => void;
  } = {},
): Promise<LocalOpenAi> {
  const now = options.now ?? Date.now;
  const faults = createFaults();
  const secrets = createClientSecrets(now);
  const say = options.say ?? ((line) => process.stderr.write(`${line}\n`));
  const calls = createCalls({ now, maxCallMs: options.maxCallMs, say });
  const requests: RecordedRequest[] = [];
  const closing = new AbortController();

  const handle = async (incoming: IncomingMessage, response: ServerResponse): Promise<void> => {
    const startedMs = performance.now();
    const text = await readBody(incoming);
    const { bearer, ...asked } = describe(incoming, text ?? '');
    const requestId = `req_${randomBytes(16).toString('hex')}`;
    const send = (answer: Answer) =>
      deliver(response, answer, {
        'x-request-id': requestId,
        'openai-version': '2020-10-01',
        'openai-processing-ms': String(Math.ceil(performance.now() - startedMs)),
      });
    if (text === undefined) return send(refusal(413, { message: 'The request body is too large.' }));
    if (asked.path === CONTROL_PATH) return send(control(asked, faults));

    const keyFingerprint = bearer === undefined ? undefined : fingerprint(bearer);
    requests.push({
      method: asked.method,
      path: asked.path,
      headers: asked.headers,
      keyFingerprint,
      body: parseJson(text),
      at: now(),
      requestId,
    });
    if (requests.length > MAX_KEPT_REQUESTS) requests.shift();

    const fault = faults.take(asked.path, keyFingerprint);
    if (fault?.delayMs !== undefined) await sleep(fault.delayMs, undefined, { signal: closing.signal });
    send(await applyFault(fault, () => route({ ...asked, bearer }, { secrets, calls, now })));
  };

  const server = createServer((incoming, response) => {
    // Only a caller that went away or a stand-in that is closing ends up here; nobody is left to be answered.
    handle(incoming, response).catch(() => response.destroy());
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(options.port ?? 0, LOOPBACK, resolve);
  });
  const address = server.address();
  if (address === null || typeof address === 'string')
    throw new Error('The stand-in for OpenAI has no port.');

  return {
    baseUrl: `http://${LOOPBACK}:${address.port}/v1`,
    requests,
    get mintedSecrets() {
      return secrets.count();
    },
    mintedSecretsOf: (keyFingerprint) => secrets.countOf(keyFingerprint),
    get liveCalls() {
      return calls.live();
    },
    dropCall: calls.drop,
    inject: faults.inject,
    clearFaults: faults.clear,
    clearRequests: () => {
      requests.length = 0;
    },
    close: async () => {
      closing.abort();
      await calls.close();
      await new Promise<void>((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      });
    },
  };
}

function describe(incoming: IncomingMessage, text: string): Asked {
  const origin = `http://${incoming.headers.host ?? LOOPBACK}`;
  const headers: Record<string, string> = {};
  for (const [name, value] of Object.entries(incoming.headers)) {
    if (name !== 'authorization' && value !== undefined) headers[name] = String(value);
  }
  return {
    method: incoming.method ?? 'GET',
    path: new URL(incoming.url ?? '/', `http://${LOOPBACK}`).pathname,
    headers,
    bearer: /^Bearer (\S+)$/i.exec(incoming.headers.authorization ?? '')?.[1],
    text,
    origin,
  };
}

/** Undefined when the body is larger than any that OpenAI is asked to read here. */
async function readBody(incoming: IncomingMessage): Promise<string | undefined> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of incoming) {
    const bytes = Buffer.from(chunk);
    length += bytes.length;
    if (length <= MAX_BODY_BYTES) chunks.push(bytes);
  }
  return length > MAX_BODY_BYTES ? undefined : Buffer.concat(chunks).toString('utf8');
}

/** JSON is required by its content type: that keeps out pages of other origins, whose preflight is not answered. */
function control({ method, path, headers, text }: Omit<Asked, 'bearer'>, faults: Faults): Answer {
  if (method === 'DELETE') {
    faults.clear();
    return { status: 204, headers: {}, body: '' };
  }
  if (method !== 'POST') return unknownUrl(method, path);
  if (headers['content-type'] !== 'application/json')
    return refusal(415, { message: 'Send application/json.' });
  const fault = FaultSchema.safeParse(parseJson(text));
  if (!fault.success) return refusal(400, { message: 'Not a fault.' });
  faults.inject(fault.data);
  return json(201, fault.data);
}
