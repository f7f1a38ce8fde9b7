import { deadline } from './deadline.ts';
import type { ClientEvent } from './events.ts';
import { throwIfBlocked } from './page-policy.ts';
import { Failure, type ProblemCode } from './strings.ts';

/** The broker's answer to an offer. */
export interface OpenedCall {
  /** OpenAI's answer to the offer. */
  readonly sdp: string;
  readonly session_id: string;
  readonly signing_secret: string;
  readonly model: string;
  readonly voice: string;
  readonly heartbeat_seconds: number;
  readonly max_duration_seconds: number;
  /** The event that makes the assistant speak first. */
  readonly first_message: ClientEvent | null;
}

/** A call, and how far the broker's clock was ahead of this computer's when the answer arrived, milliseconds. */
export interface TimedCall extends OpenedCall {
  readonly brokerAheadMs: number;
}

export interface CallRequest {
  readonly sdp: string;
  readonly visitor_id?: string | undefined;
  /** Made by the server of the page, where the site asks for one. */
  readonly embed_token?: string | undefined;
  /** The call of this page that was lost: the new one takes its line. */
  readonly replaces?: { readonly session_id: string; readonly signature: string } | undefined;
}

export type EmbedTokenSource = () => string | Promise<string>;

const CALL_TIMEOUT_MS = 20_000;

/** A clock that is less wrong than this is left unchanged: the `Date` of an answer is in whole seconds, and a while old. */
const CLOCK_TOLERANCE_MS = 60_000;

/** How far the clock behind `response` is ahead of this computer's, milliseconds; 0 for little. */
const aheadOf = (response: Response): number => {
  const aheadMs = Date.parse(response.headers.get('date') ?? '') - Date.now();
  return Math.abs(aheadMs) > CLOCK_TOLERANCE_MS ? aheadMs : 0;
};

/** The token that the page's server made for this visitor. Throws a `Failure` when the page's own function fails or takes too long. */
export const embedTokenOf = async (source: EmbedTokenSource | undefined): Promise<string | undefined> => {
  try {
    return await Promise.race([
      source?.(),
      new Promise<never>((_, reject) => {
        setTimeout(() => reject(new Error('timeout')), CALL_TIMEOUT_MS);
      }),
    ]);
  } catch (error) {
    throw new Failure({ code: 'unavailable' }, 'embed_token_failed', ['embed_token', String(error)]);
  }
};

/**
 * Opens one call. Throws a `Failure` that says why there is none. A call that is hung up meanwhile waits for the answer,
 * since only the answer names the session to end.
 */
export const openCall = async (api: string, siteId: string, request: CallRequest): Promise<TimedCall> => {
  const url = `${api}/v1/${encodeURIComponent(siteId)}/calls`;
  let response: Response;
  let answer: Answer | null;
  let brokerAheadMs: number;
  try {
    response = await fetch(url, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(request),
      credentials: 'omit',
      keepalive: true,
      signal: deadline(undefined, CALL_TIMEOUT_MS),
    });
    brokerAheadMs = aheadOf(response);
    answer = (await response.json()) as Answer | null;
  } catch {
    // Without a connection, and where this page's origin is not registered: the browser then shows no answer at all.
    await throwIfBlocked(url);
    throw new Failure({ code: 'unreachable' }, null, ['no_answer', api, siteId, location.origin]);
  }
  if (response.ok && answer?.data?.sdp) return { ...answer.data, brokerAheadMs };
  const { code = '', retry_after, request_id } = answer?.error ?? {};
  throw new Failure({
    code: /^[a-z_]+$/.test(code) ? (code as ProblemCode) : 'unavailable',
    retryAfter: retry_after,
    requestId: request_id,
  });
};

interface Answer {
  readonly data?: OpenedCall;
  readonly error?: { readonly code?: string; readonly retry_after?: number; readonly request_id?: string };
}
