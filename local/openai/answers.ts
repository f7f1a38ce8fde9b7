/** Faulty ways to deliver a response. */
export const DELIVERIES = [
  /** Announces a length, sends half of it and drops the connection. */
  'truncated',
  /** Sends one byte at a time, far too slowly to finish. */
  'slow-body',
  /** Takes the request and never answers. */
  'hang',
  /** Drops the connection with a TCP reset. */
  'reset',
] as const;
export type Delivery = (typeof DELIVERIES)[number];

export type Answer = {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
  readonly delivery?: Delivery;
};

/** The body's error object. `param` and `code` are null in some real answers and empty in others. */
export type OpenAiError = {
  readonly message: string;
  readonly type: string;
  readonly param: string | null;
  readonly code: string | null;
};

/** An answer with a JSON body. */
export function json(status: number, body: unknown, headers: Readonly<Record<string, string>> = {}): Answer {
  return { status, headers: { 'content-type': 'application/json', ...headers }, body: JSON.stringify(body) };
}

/** An answer in OpenAI's error shape. @default the type `invalid_request_error` */
export function refusal(
  status: number,
  error: Partial<OpenAiError> & Pick<OpenAiError, 'message'>,
  headers?: Readonly<Record<string, string>>,
): Answer {
  return json(
    status,
    { error: { type: 'invalid_request_error', param: null, code: null, ...error } },
    headers,
  );
}

/** 401 for a key that OpenAI does not know. Like the real one, it quotes the ends of the key. */
export function invalidKey(key: string): Answer {
  const quoted = `${key.slice(0, 12)}****${key.slice(-4)}`;
  return refusal(401, {
    message: `Incorrect API key provided: ${quoted}. You can find your API key at https://platform.openai.com/account/api-keys.`,
    code: 'invalid_api_key',
  });
}

/** The model is unknown, shut down, or closed to this project. */
export function modelNotFound(status: 403 | 404, model: string): Answer {
  return refusal(status, {
    message: `The model \`${model}\` does not exist or you do not have access to it.`,
    param: '',
    code: 'model_not_found',
  });
}

/** The key is real but restricted: 401 on POST, 403 on the models, `code` null or `missing_scope`. */
export function missingScope(status: 401 | 403, scope: string, code: 'missing_scope' | null): Answer {
  return refusal(status, {
    message: `You have insufficient permissions for this operation. Missing scopes: ${scope}. Check that you have the correct role in your organization (Reader, Writer, Owner) and project (Member, Owner), and if you're using a restricted API key, that it has the necessary scopes.`,
    code,
  });
}

/** The beta interface, as it is refused since May 2026. */
export function betaIsGone(): Answer {
  return refusal(400, {
    message: 'The Realtime Beta API is no longer supported. Please use /v1/realtime for the GA API.',
    code: 'beta_api_shape_disabled',
  });
}

/** An offer that is not SDP, or that WebRTC cannot answer. */
export function invalidOffer(): Answer {
  return refusal(400, { message: 'Invalid SDP offer.', code: 'invalid_offer' });
}

export function unsupportedType(): Answer {
  return refusal(400, { message: 'Unsupported content type.', code: 'unsupported_content_type' });
}

/** A call that has ended, never existed, or belongs to another key. */
export function callNotFound(): Answer {
  return refusal(404, {
    message: 'No session found for the provided call_id',
    param: '',
    code: 'call_id_not_found',
  });
}

export function unknownUrl(method: string, path: string): Answer {
  return refusal(404, { message: `Invalid URL (${method} ${path})` });
}
