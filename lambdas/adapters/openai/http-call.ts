import type { CallObserver } from '../../domain/call-observer.ts';
import { classifyErrorAnswer } from '../../domain/keys/classify-openai-error.ts';
import { readOpenAiError } from '../../domain/keys/openai-error-body.ts';
import { OpenAiFailure } from '../../domain/openai-failure.ts';
import type { Secret } from '../../domain/secret.ts';

/** The longest answer we read, bytes. The list of models is the largest; a client secret echoes 16 KB of instructions. */
const MAX_ANSWER_BYTES = 1_048_576;

export interface OpenAiCall {
  readonly method: 'GET' | 'POST';
  readonly url: string;
  readonly key: Secret;
  readonly body?: unknown;
  /** Used instead of `body` for content that is not JSON. */
  readonly content?: { readonly type: string; readonly text: string };
  /** Parses the body of a 2xx response; undefined for a body that cannot be read. @default JSON */
  readonly parse?: (text: string, headers: Headers) => unknown;
  /** Called with the head of a 2xx answer, before its body has come. */
  readonly onHead?: (headers: Headers) => void;
  /**
   * Repeats only a request that was never sent, whatever OpenAI answers, because a sent request may have taken effect.
   */
  readonly neverTwice?: true;
  readonly headers?: Readonly<Record<string, string>>;
  readonly deadline: AbortSignal;
  readonly calls?: CallObserver | undefined;
}

export interface OpenAiAnswer {
  readonly body: unknown;
  readonly requestId: string | undefined;
}

/**
 * One call to OpenAI: the parsed JSON of a 2xx answer, or OpenAiFailure. A connection that was never made, and a 5xx for
 * which OpenAI says `x-should-retry: true`, are tried once more. Nothing else is retried, because the first attempt may
 * have minted.
 */
export const callOpenAi = async (call: OpenAiCall): Promise<OpenAiAnswer> => {
  const ended = call.calls?.startCall('openai', call.method);
  try {
    const answer = await tryTwice(call);
    ended?.('answered');
    return answer;
  } catch (error) {
    ended?.(error instanceof OpenAiFailure && error.reason === 'rate_limited' ? 'throttled' : 'failed');
    throw error;
  }
};

const tryTwice = async (call: OpenAiCall): Promise<OpenAiAnswer> => {
  const first = await attempt(call);
  if ('answer' in first) return first.answer;
  const mayRepeat = first.safeToRepeat && (first.neverSent || call.neverTwice !== true);
  if (!mayRepeat || call.deadline.aborted) throw first.failure;
  const second = await attempt(call);
  if ('answer' in second) return second.answer;
  throw second.failure;
};

type Attempt =
  | { readonly answer: OpenAiAnswer }
  | { readonly failure: OpenAiFailure; readonly safeToRepeat: boolean; readonly neverSent?: boolean };

const attempt = async (call: OpenAiCall): Promise<Attempt> => {
  const content =
    call.body === undefined ? call.content : { type: 'application/json', text: JSON.stringify(call.body) };
  let response: Response;
  try {
    response = await fetch(call.url, {
      method: call.method,
      headers: {
        ...call.headers,
        // A header has to be a string, which cannot be zeroed; it lives as long as this call. See SECURITY.md.
        authorization: `Bearer ${call.key.bytes().toString('latin1')}`,
        ...(content !== undefined && { 'content-type': content.type }),
      },
      ...(content !== undefined && { body: content.text }),
      // The key must not follow a redirect to another host.
      redirect: 'manual',
      signal: call.deadline,
    });
  } catch (error) {
    return connectionFailure(error, call.deadline);
  }
  const requestId = OPENAI_REQUEST_ID.exec(response.headers.get('x-request-id') ?? '')?.[0];
  const facts = { status: response.status, requestId };
  if (response.ok) call.onHead?.(response.headers);
  let text: string;
  try {
    text = await readBounded(response);
  } catch {
    const failure = call.deadline.aborted ? 'timeout' : 'unreadable_answer';
    return { failure: new OpenAiFailure(failure, facts), safeToRepeat: false };
  }
  const body = parseJson(text);
  // An error object is an error, whatever the status says.
  const answer =
    response.ok && !holdsError(body) ? (call.parse ?? parseJson)(text, response.headers) : undefined;
  if (answer !== undefined) return { answer: { body: answer, requestId } };
  const failure = classifyErrorAnswer({
    ...facts,
    error: readOpenAiError(body),
    retryAfterSeconds: retryAfterSeconds(response.headers),
  });
  const safeToRepeat = response.status >= 500 && response.headers.get('x-should-retry') === 'true';
  return { failure, safeToRepeat };
};

/** True if a body with a success status contains an error, so that its other fields must not be used. */
const holdsError = (body: unknown): boolean =>
  typeof body === 'object' && body !== null && 'error' in body && body.error !== null;

/** Stored and logged, so only the format of OpenAI's IDs is accepted: hexadecimal, which no key matches. */
const OPENAI_REQUEST_ID = /^(?:req_)?[0-9a-f-]{16,64}$/;

/** Errors of undici and of the resolver that occur before any byte of the request is sent. */
const NEVER_SENT = new Set([
  'ECONNREFUSED',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'UND_ERR_CONNECT_TIMEOUT',
]);

const connectionFailure = (error: unknown, deadline: AbortSignal): Attempt => {
  if (deadline.aborted) return { failure: new OpenAiFailure('timeout'), safeToRepeat: false };
  const cause = error instanceof Error ? error.cause : undefined;
  const code = cause instanceof Error && 'code' in cause ? String(cause.code) : '';
  const neverSent = NEVER_SENT.has(code);
  return { failure: new OpenAiFailure('unreachable'), safeToRepeat: neverSent, neverSent };
};

const readBounded = async (response: Response): Promise<string> => {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of response.body ?? []) {
    size += chunk.byteLength;
    // Leaving the loop cancels the stream, so the rest is never received.
    if (size > MAX_ANSWER_BYTES) throw new Error('The answer is too long.');
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
};

const parseJson = (text: string): unknown => {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
};

/** `retry-after-ms`, then `retry-after` in seconds or as a date, as openai-node reads them; whole seconds, at least 1. */
const retryAfterSeconds = (headers: Headers): number | undefined => {
  const milliseconds = Number(headers.get('retry-after-ms') ?? Number.NaN);
  if (milliseconds > 0) return Math.ceil(milliseconds / 1_000);
  const header = headers.get('retry-after');
  if (header === null) return undefined;
  const seconds = Number(header);
  const sentAt = Date.parse(headers.get('date') ?? '');
  const wait = Number.isFinite(seconds) ? seconds : (Date.parse(header) - sentAt) / 1_000;
  return wait > 0 ? Math.ceil(wait) : undefined;
};
