import type { IncomingHttpHeaders } from 'node:http';
import type { CallObserver } from '../../domain/call-observer.ts';
import { classifyErrorAnswer } from '../../domain/keys/classify-openai-error.ts';
import { readOpenAiError } from '../../domain/keys/openai-error-body.ts';
import { OpenAiFailure } from '../../domain/openai-failure.ts';
import type { Secret } from '../../domain/secret.ts';
import { exchange, type Head } from './https-exchange.ts';

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
  readonly parse?: (text: string, headers: IncomingHttpHeaders) => unknown;
  /** Called with the head of a 2xx answer, before its body has come. */
  readonly onHead?: (headers: IncomingHttpHeaders) => void;
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
  let head: Head;
  try {
    head = await exchange({
      method: call.method,
      url: call.url,
      headers: {
        ...call.headers,
        // A header has to be a string, which cannot be zeroed; it lives as long as this call. See SECURITY.md.
        authorization: `Bearer ${call.key.bytes().toString('latin1')}`,
        ...(content !== undefined && { 'content-type': content.type }),
      },
      body: content?.text,
      deadline: call.deadline,
    });
  } catch (error) {
    return connectionFailure(error, call.deadline);
  }
  const { status, headers } = head;
  const requestId = OPENAI_REQUEST_ID.exec(textOf(headers['x-request-id']) ?? '')?.[0];
  const facts = { status, requestId };
  const isGood = status >= 200 && status <= 299;
  if (isGood) call.onHead?.(headers);
  let text: string;
  try {
    text = await head.readText(MAX_ANSWER_BYTES);
  } catch {
    const failure = call.deadline.aborted ? 'timeout' : 'unreadable_answer';
    return { failure: new OpenAiFailure(failure, facts), safeToRepeat: false };
  }
  const body = parseJson(text);
  // An error object is an error, whatever the status says.
  const answer = isGood && !holdsError(body) ? (call.parse ?? parseJson)(text, headers) : undefined;
  if (answer !== undefined) return { answer: { body: answer, requestId } };
  const failure = classifyErrorAnswer({
    ...facts,
    error: readOpenAiError(body),
    retryAfterSeconds: retryAfterSeconds(headers),
  });
  const safeToRepeat = status >= 500 && headers['x-should-retry'] === 'true';
  return { failure, safeToRepeat };
};

/** True if a body with a success status contains an error, so that its other fields must not be used. */
const holdsError = (body: unknown): boolean =>
  typeof body === 'object' && body !== null && 'error' in body && body.error !== null;

/** Stored and logged, so only the format of OpenAI's IDs is accepted: hexadecimal, which no key matches. */
const OPENAI_REQUEST_ID = /^(?:req_)?[0-9a-f-]{16,64}$/;

/** Errors of the connection and of the resolver that occur before any byte of the request is sent. */
const NEVER_SENT = new Set(['ECONNREFUSED', 'ENOTFOUND', 'EAI_AGAIN', 'EHOSTUNREACH', 'ENETUNREACH']);

const connectionFailure = (error: unknown, deadline: AbortSignal): Attempt => {
  if (deadline.aborted) return { failure: new OpenAiFailure('timeout'), safeToRepeat: false };
  const code = error instanceof Error && 'code' in error ? String(error.code) : '';
  const neverSent = NEVER_SENT.has(code);
  return { failure: new OpenAiFailure('unreachable'), safeToRepeat: neverSent, neverSent };
};

/** The text of a header that may come several times. */
const textOf = (value: string | string[] | undefined): string | undefined =>
  Array.isArray(value) ? value.join(', ') : value;

const parseJson = (text: string): unknown => {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
};

/** `retry-after-ms`, then `retry-after` in seconds or as a date, as openai-node reads them; whole seconds, at least 1. */
const retryAfterSeconds = (headers: IncomingHttpHeaders): number | undefined => {
  const milliseconds = Number(textOf(headers['retry-after-ms']) ?? Number.NaN);
  if (milliseconds > 0) return Math.ceil(milliseconds / 1_000);
  const header = headers['retry-after'];
  if (header === undefined) return undefined;
  const seconds = Number(header);
  const sentAt = Date.parse(headers.date ?? '');
  const wait = Number.isFinite(seconds) ? seconds : (Date.parse(header) - sentAt) / 1_000;
  return wait > 0 ? Math.ceil(wait) : undefined;
};
