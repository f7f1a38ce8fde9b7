import {
  type Answer,
  betaIsGone,
  callNotFound,
  invalidKey,
  json,
  modelNotFound,
  refusal,
  unknownUrl,
} from './answers.ts';
import { type ClientSecrets, describeSession } from './client-secrets.ts';
import { failureOf, type Operation, playFailure } from './failures.ts';
import { DEFAULT_REALTIME_MODEL, isRealtimeModel, listedModels } from './models.ts';
import type { Calls } from './realtime/calls.ts';
import { isSdpOffer } from './sdp.ts';
import { parseMintRequest } from './session-schema.ts';

/** A request as the routes see it. `bearer` is undefined when the caller sent none. */
export type Asked = {
  readonly method: string;
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly bearer: string | undefined;
  readonly text: string;
  readonly origin: string;
};

export type RouteDeps = {
  readonly secrets: ClientSecrets;
  readonly calls: Calls;
  readonly now: () => number;
};

const CALL_PATH = '/v1/realtime/calls';
const HANGUP_PATH = /^\/v1\/realtime\/calls\/([^/]+)\/hangup$/;

/** Answers one request as api.openai.com does. */
export async function route(asked: Asked, deps: RouteDeps): Promise<Answer> {
  const { method, path } = asked;
  if (path === CALL_PATH) return withCors(await callRoute(asked, deps));
  const hangup = HANGUP_PATH.exec(path)?.[1];
  if (hangup !== undefined && method === 'POST') return refuseKey(asked) ?? hangUp(hangup, deps);
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

async function callRoute(asked: Asked, { secrets, calls }: RouteDeps): Promise<Answer> {
  if (asked.method === 'OPTIONS') return { status: 204, headers: {}, body: '' };
  if (asked.method !== 'POST') return unknownUrl(asked.method, asked.path);
  const secret = secrets.find(asked.bearer ?? '');
  if (secret === undefined) return invalidKey(asked.bearer ?? '');
  if (!asked.headers['content-type']?.startsWith('application/sdp')) {
    return refusal(400, { message: 'Unsupported content type.', code: 'unsupported_content_type' });
  }
  if (!isSdpOffer(asked.text)) return refusal(400, { message: 'Invalid SDP offer.', code: 'invalid_offer' });
  const { failure, model } = secret;
  const played = playFailure(failure, { operation: 'call', key: secret.value, model, origin: asked.origin });
  if (played !== undefined) return played;
  const call = await calls.open(asked.text, secret);
  if (call === undefined) return refusal(400, { message: 'Invalid SDP offer.', code: 'invalid_offer' });
  return {
    status: 201,
    headers: { 'content-type': 'application/sdp', location: `${CALL_PATH}/${call.callId}` },
    body: call.answer,
  };
}

/** Any working key may end any call here: the stand-in knows no projects. A client secret may not, as at OpenAI. */
function hangUp(callId: string, { calls }: RouteDeps): Answer {
  return calls.hangUp(callId) ? { status: 200, headers: {}, body: '' } : callNotFound();
}

/** Browsers call this endpoint themselves, from any page: it alone is open to other origins. */
function withCors(answer: Answer): Answer {
  const cors = {
    'access-control-allow-origin': '*',
    'access-control-allow-headers': 'authorization, content-type',
    'access-control-allow-methods': 'POST',
    'access-control-expose-headers': 'location, x-request-id',
  };
  return { ...answer, headers: { ...answer.headers, ...cors } };
}

/** The JSON value, or undefined for text that is none (JSON itself has no undefined). */
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
