import { randomBytes } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { LOOPBACK, listen } from '../listen.ts';
import { type Answer, json, refusal, unknownUrl } from './answers.ts';
import { createClientSecrets, fingerprint } from './client-secrets.ts';
import { deliver } from './deliver.ts';
import { applyFault, createFaults, type Fault, FaultSchema, type Faults } from './faults.ts';
import { type CallRecord, createCalls } from './realtime/calls.ts';
import { createSidebands } from './realtime/sideband.ts';
import { type Asked, parseJson, recordedBody, route, sidebandCall } from './routes.ts';

export { playableFailures } from './failures.ts';
export { makeFakeKey } from './fake-key.ts';
export type { Fault } from './faults.ts';
export type { CallEnd, CallRecord } from './realtime/calls.ts';
export type { Invoice, InvoiceTotals } from './realtime/invoice.ts';

const MAX_BODY_BYTES = 1024 * 1024;
const MAX_KEPT_REQUESTS = 1_000;
const CONTROL_PATH = '/__control/faults';

/** The recorded facts of a request. The key itself is not recorded; its fingerprint distinguishes keys. */
export type RecordedRequest = {
  readonly method: string;
  readonly path: string;
  /** Lower-case names, without `authorization`. */
  readonly headers: Readonly<Record<string, string>>;
  /** The first 16 hex digits of the SHA-256 of the bearer; undefined when there was none. */
  readonly keyFingerprint: string | undefined;
  /** The JSON body; for a form, its parts by name, with JSON parts parsed; undefined if it cannot be parsed. */
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
  /** Ids of the calls that continue, oldest first. */
  readonly liveCalls: readonly string[];
  /** The latest thousand calls, ended ones too, oldest first. */
  readonly calls: readonly CallRecord[];
  /** Ends a call without an event, as OpenAI does in an outage. */
  readonly dropCall: (callId: string) => void;
  /** Closes the sidebands of a call and leaves the call. 1006: without a closing handshake. */
  readonly closeSidebands: (callId: string, code: number, reason?: string) => void;
  /** Moves the stand-in's clock, and ends the calls that then exceed their time limit. */
  readonly advance: (milliseconds: number) => void;
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
 * @param options.now Unix milliseconds: decides expiry, the end of calls and which models are still served.
 * @param options.say Takes the one line about a missing WebRTC library. Default: standard error.
 */
export async function startLocalOpenAi(
  options: {
    readonly port?: number;
    readonly now?: () => number;
    readonly say?: (line: string) => void;
  } = {},
): Promise<LocalOpenAi> {
  let offsetMs = 0;
  const clock = options.now ?? Date.now;
  const now = () => clock() + offsetMs;
  const faults = createFaults();
  const secrets = createClientSecrets(now);
  const say = options.say ?? ((line) => process.stderr.write(`${line}\n`));
  const calls = createCalls({ now, say });
  const requests: RecordedRequest[] = [];
  const closing = new AbortController();

  const sidebands = createSidebands(calls);

  /** Records a request and returns its fault after the fault's delay. */
  const receive = async (asked: Asked, requestId: string, callId?: string): Promise<Fault | undefined> => {
    const keyFingerprint = asked.bearer === undefined ? undefined : fingerprint(asked.bearer);
    const { method, path, headers } = asked;
    requests.push({ method, path, headers, keyFingerprint, body: recordedBody(asked), at: now(), requestId });
    if (requests.length > MAX_KEPT_REQUESTS) requests.shift();
    const call = calls.records().find((record) => record.callId === callId);
    const fault = faults.take(path, keyFingerprint, { isSecondSideband: (call?.sidebands ?? 0) > 0 });
    if (fault?.delayMs !== undefined) await sleep(fault.delayMs, undefined, { signal: closing.signal });
    return fault;
  };

  const handle = async (incoming: IncomingMessage, response: ServerResponse): Promise<void> => {
    const startedMs = performance.now();
    const body = await readBody(incoming);
    const asked = describe(incoming, body ?? Buffer.alloc(0));
    const requestId = newRequestId();
    const send = (answer: Answer) =>
      deliver(response, answer, {
        ...commonHeaders(requestId),
        'openai-processing-ms': String(Math.ceil(performance.now() - startedMs)),
      });
    if (body === undefined) return send(refusal(413, { message: 'The request body is too large.' }));
    if (asked.path === CONTROL_PATH) return send(control(asked, faults));
    const fault = await receive(asked, requestId);
    send(await applyFault(fault, () => route(asked, { secrets, calls, now, fault })));
  };

  const upgrade = async (request: IncomingMessage, socket: Duplex, head: Buffer): Promise<void> => {
    const asked = describe(request, Buffer.alloc(0));
    const callId = new URL(request.url ?? '/', `http://${LOOPBACK}`).searchParams.get('call_id');
    const requestId = newRequestId();
    const fault = await receive(asked, requestId, callId ?? undefined);
    const found = sidebandCall({ ...asked, callId }, { calls });
    const isReplaced = fault?.reset === true || fault?.status !== undefined || fault?.delivery !== undefined;
    if ('callId' in found && !isReplaced)
      return sidebands.accept({ request, socket, head }, found.callId, fault);
    const usual = 'refused' in found ? found.refused : refusal(500, { message: 'No sideband.' });
    const answer = await applyFault(fault, async () => usual);
    sidebands.refuse({ request, socket, head }, answer, commonHeaders(requestId));
    return undefined;
  };

  const server = createServer((incoming, response) => {
    // Only reached if the caller has left or the stand-in is closing, so there is no one to answer.
    handle(incoming, response).catch(() => response.destroy());
  });
  server.on('upgrade', (request, socket, head) => {
    socket.on('error', () => socket.destroy());
    upgrade(request, socket, head).catch(() => socket.destroy());
  });
  const port = await listen(server, options.port);

  return {
    baseUrl: `http://${LOOPBACK}:${port}/v1`,
    requests,
    get mintedSecrets() {
      return secrets.count();
    },
    mintedSecretsOf: (keyFingerprint) => secrets.countOf(keyFingerprint),
    get liveCalls() {
      return calls.live();
    },
    get calls() {
      return calls.records();
    },
    dropCall: calls.drop,
    closeSidebands: calls.closeSidebands,
    advance: (milliseconds) => {
      offsetMs += milliseconds;
      calls.expire();
    },
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

function newRequestId(): string {
  return `req_${randomBytes(16).toString('hex')}`;
}

function commonHeaders(requestId: string): Readonly<Record<string, string>> {
  return { 'x-request-id': requestId, 'openai-version': '2020-10-01' };
}

function describe(incoming: IncomingMessage, bytes: Buffer): Asked {
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
    bytes,
    text: bytes.toString('utf8'),
    origin,
  };
}

/** Undefined if the body is larger than any request needs. */
async function readBody(incoming: IncomingMessage): Promise<Buffer | undefined> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of incoming) {
    const bytes = Buffer.from(chunk);
    length += bytes.length;
    if (length <= MAX_BODY_BYTES) chunks.push(bytes);
  }
  return length > MAX_BODY_BYTES ? undefined : Buffer.concat(chunks);
}

/** The content type must be JSON. This keeps out pages of other origins, whose preflight is not answered. */
function control({ method, path, headers, text }: Asked, faults: Faults): Answer {
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
