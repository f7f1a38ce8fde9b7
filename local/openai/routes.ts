import {
  type Answer,
  betaIsGone,
  callNotFound,
  invalidKey,
  invalidOffer,
  json,
  modelNotFound,
  refusal,
  unknownUrl,
  unsupportedType,
} from './answers.ts';
import { readCallForm } from './call-form.ts';
import { type ClientSecrets, describeSession, fingerprint } from './client-secrets.ts';
import { failureOf, type Operation, playFailure } from './failures.ts';
import type { Fault } from './faults.ts';
import { DEFAULT_REALTIME_MODEL, isRealtimeModel, listedModels } from './models.ts';
import { parseMultipart } from './multipart.ts';
import type { CallRequest, Calls } from './realtime/calls.ts';
import { SIDEBAND_PATH } from './realtime/sideband.ts';
import { isSdpOffer } from './sdp.ts';
import { parseMintRequest } from './session-schema.ts';

/** A parsed request. `bearer` is undefined if the caller sent none. */
export type Asked = {
  readonly method: string;
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly bearer: string | undefined;
  readonly bytes: Buffer;
  /** The body as UTF-8. */
  readonly text: string;
  readonly origin: string;
};

export type RouteDeps = {
  readonly secrets: ClientSecrets;
  readonly calls: Calls;
  readonly now: () => number;
  /** The fault that applies to this request, for its effects after the response. */
  readonly fault: Fault | undefined;
};

const CALL_PATH = '/v1/realtime/calls';
const HANGUP_PATH = /^\/v1\/realtime\/calls\/([^/]+)\/hangup$/;

/** Answers one request as api.openai.com does. */
export async function route(asked: Asked, deps: RouteDeps): Promise<Answer> {
  const { method, path } = asked;
  if (path === CALL_PATH) return withCors(await callRoute(asked, deps));
  const hangup = HANGUP_PATH.exec(path)?.[1];
  if (hangup !== undefined && method === 'POST') return hangUp(hangup, asked, deps);
  const operation = operationOf(method, path);
  if (operation === undefined && !(method === 'POST' && path === '/v1/realtime/sessions')) {
    return unknownUrl(method, path);
  }
  const refused = refuseKey(asked);
  if (refused !== undefined) return refused;
  if (operation === undefined || asked.headers['openai-beta'] !== undefined) return betaIsGone();

  const key = asked.bearer ?? '';
  const model = operation === 'get-model' ? modelInPath(path) : modelInBody(asked.text);
  const played = playFailure(failureOf(key), { operation, key, model, origin: asked.origin });
  if (played !== undefined) return played;
  return operation === 'mint' ? mint(asked.text, key, deps) : readModels(operation, model, key, deps.now());
}

function operationOf(method: string, path: string): Exclude<Operation, 'call'> | undefined {
  if (method === 'GET' && path === '/v1/models') return 'list-models';
  if (method === 'GET' && /^\/v1\/models\/[^/]+$/.test(path)) return 'get-model';
  if (method === 'POST' && path === '/v1/realtime/client_secrets') return 'mint';
  return undefined;
}

function refuseKey({ bearer, headers }: Asked): Answer | undefined {
  if (bearer === undefined) {
    return refusal(401, {
      message:
        "You didn't provide an API key. You need to provide your API key in an Authorization header using Bearer auth (i.e. Authorization: Bearer YOUR_KEY).",
    });
  }
  if (!bearer.startsWith('sk-')) return invalidKey(bearer);
  if (headers['openai-organization'] === undefined) return undefined;
  return refusal(401, {
    message: 'OpenAI-Organization header should match organization for API key',
    code: 'mismatched_organization',
  });
}

function readModels(operation: 'list-models' | 'get-model', id: string, key: string, nowMs: number): Answer {
  const models = listedModels(nowMs, failureOf(key) === 'nomodel' ? 'without-realtime' : 'with-realtime');
  if (operation === 'list-models') return json(200, { object: 'list', data: models });
  const model = models.find((entry) => entry.id === id);
  return model === undefined ? modelNotFound(404, id) : json(200, model);
}

function mint(text: string, key: string, { secrets, now }: RouteDeps): Answer {
  const body = parseJson(text);
  if (body === undefined) {
    return refusal(400, {
      message:
        'We could not parse the JSON body of your request. The OpenAI API expects a JSON payload, but what was sent was not valid JSON.',
    });
  }
  const parsed = parseMintRequest(body);
  if ('refused' in parsed) return parsed.refused;
  const { request } = parsed;
  const model = request.session?.model ?? DEFAULT_REALTIME_MODEL;
  if (!isRealtimeModel(model, now())) return modelNotFound(404, model);
  const secret = secrets.mint(request, key, failureOf(key));
  return json(200, {
    value: secret.value,
    expires_at: secret.expiresAt,
    session: describeSession(request.session, secret.model),
  });
}

async function callRoute(asked: Asked, deps: RouteDeps): Promise<Answer> {
  if (asked.method === 'OPTIONS') return { status: 204, headers: {}, body: '' };
  if (asked.method !== 'POST') return unknownUrl(asked.method, asked.path);
  const isMultipart = asked.headers['content-type']?.startsWith('multipart/form-data') === true;
  const request = isMultipart ? requestWithKey(asked, deps) : requestWithSecret(asked, deps);
  if ('refused' in request) return request.refused;
  const call = await deps.calls.open({ ...request.call, outlivesBrowser: deps.fault?.outlivesBrowser });
  if (call === undefined) return invalidOffer();
  return {
    status: 201,
    headers: { 'content-type': 'application/sdp', location: `${CALL_PATH}/${call.callId}` },
    body: call.answer,
  };
}

type ReadCall = { readonly call: CallRequest } | { readonly refused: Answer };

/** A call by a browser with a client secret: the body is the offer, and the session is the minted one. */
function requestWithSecret(asked: Asked, { secrets }: RouteDeps): ReadCall {
  const secret = secrets.find(asked.bearer ?? '');
  if (secret === undefined) return { refused: invalidKey(asked.bearer ?? '') };
  if (!asked.headers['content-type']?.startsWith('application/sdp')) return { refused: unsupportedType() };
  if (!isSdpOffer(asked.text)) return { refused: invalidOffer() };
  const { failure, model, owner, session: settings } = secret;
  const refused = playFailure(failure, { operation: 'call', key: secret.value, model, origin: asked.origin });
  if (refused !== undefined) return { refused };
  return { call: { offer: asked.text, settings, model, failure, owner, createdWith: 'client_secret' } };
}

/**
 * A call by a server with a standard key: offer and session are parts of a form. Failures of a mint apply here as well.
 */
function requestWithKey(asked: Asked, { now }: RouteDeps): ReadCall {
  const noKey = refuseKey(asked);
  if (noKey !== undefined) return { refused: noKey };
  const key = asked.bearer ?? '';
  const read = readCallForm(asked.headers['content-type'] ?? '', asked.bytes);
  const model = ('form' in read ? read.form.session?.model : undefined) ?? DEFAULT_REALTIME_MODEL;
  const failure = failureOf(key);
  const subject = { key, model, origin: asked.origin };
  const played =
    playFailure(failure, { operation: 'mint', ...subject }) ??
    playFailure(failure, { operation: 'call', ...subject });
  if (played !== undefined) return { refused: played };
  if ('refused' in read) return read;
  if (!isRealtimeModel(model, now())) return { refused: modelNotFound(404, model) };
  const { sdp: offer, session: settings } = read.form;
  if (!isSdpOffer(offer)) return { refused: invalidOffer() };
  return { call: { offer, settings, model, failure, owner: fingerprint(key), createdWith: 'key' } };
}

/** Only the key that created a call, or minted its secret, may end it. For every other key, the call does not exist. */
function hangUp(callId: string, asked: Asked, { calls }: RouteDeps): Answer {
  const refused = refuseKey(asked);
  if (refused !== undefined) return refused;
  return calls.hangUp(callId, fingerprint(asked.bearer ?? ''))
    ? { status: 200, headers: {}, body: '' }
    : callNotFound();
}

/** The call that a sideband may attach to, or the refusal. */
export function sidebandCall(
  asked: Asked & { readonly callId: string | null },
  { calls }: Pick<RouteDeps, 'calls'>,
): { readonly callId: string } | { readonly refused: Answer } {
  if (asked.path !== SIDEBAND_PATH || asked.method !== 'GET' || asked.callId === null)
    return { refused: unknownUrl(asked.method, asked.path) };
  // As measured since September 2026: a client secret finds no call, also not its own.
  if (asked.bearer?.startsWith('ek_')) return { refused: callNotFound() };
  const refused = refuseKey(asked);
  if (refused !== undefined) return { refused };
  const isOwn = calls.isLive(asked.callId, fingerprint(asked.bearer ?? ''));
  return isOwn ? { callId: asked.callId } : { refused: callNotFound() };
}

/** Browsers call this endpoint directly, from any page, so it is the only one open to other origins. */
function withCors(answer: Answer): Answer {
  const cors = {
    'access-control-allow-origin': '*',
    'access-control-allow-headers': 'authorization, content-type',
    'access-control-allow-methods': 'POST',
    'access-control-expose-headers': 'location, x-request-id',
  };
  return { ...answer, headers: { ...answer.headers, ...cors } };
}

/** The form of a body in the log of requests: JSON, or the parts of a form. */
export function recordedBody({ headers, bytes, text }: Asked): unknown {
  const parts = parseMultipart(headers['content-type'] ?? '', bytes);
  if (parts === undefined) return parseJson(text);
  return Object.fromEntries(
    parts.map((part) => [
      part.name,
      part.contentType === 'application/json' ? parseJson(part.text) : part.text,
    ]),
  );
}

/** The JSON value, or undefined for text that is not JSON (JSON itself has no undefined). */
export function parseJson(text: string): unknown {
  try {
    const value: unknown = JSON.parse(text);
    return value;
  } catch {
    return undefined;
  }
}

function modelInPath(path: string): string {
  const id = path.slice('/v1/models/'.length);
  try {
    return decodeURIComponent(id);
  } catch {
    return id;
  }
}

function modelInBody(text: string): string {
  const parsed = parseMintRequest(parseJson(text));
  return ('request' in parsed ? parsed.request.session?.model : undefined) ?? DEFAULT_REALTIME_MODEL;
}
