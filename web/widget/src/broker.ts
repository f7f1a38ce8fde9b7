import { deadline } from './deadline.ts';
import { throwIfBlocked } from './page-policy.ts';
import { Failure, PROBLEMS, type ProblemCode } from './strings.ts';

/** The broker's answer to a visitor's request for a call. */
export interface Token {
  readonly client_secret: { readonly value: string; readonly expires_at: number };
  readonly session_id: string;
  readonly signing_secret: string;
  readonly model: string;
  readonly voice: string;
  readonly realtime_url: string;
  readonly heartbeat_seconds: number;
  readonly max_duration_seconds: number;
}

/** A token, and how far the broker's clock was ahead of this computer's when it came, milliseconds. */
export interface TimedToken extends Token {
  readonly brokerAheadMs: number;
}

const TOKEN_TIMEOUT_MS = 20_000;

/** A clock that is less wrong than this is left alone: the `Date` of an answer is in whole seconds, and a while old. */
const CLOCK_TOLERANCE_MS = 60_000;

/** How far the clock behind `response` is ahead of this computer's, milliseconds; 0 for little. */
const aheadOf = (response: Response): number => {
  const aheadMs = Date.parse(response.headers.get('date') ?? '') - Date.now();
  return Math.abs(aheadMs) > CLOCK_TOLERANCE_MS ? aheadMs : 0;
};

/**
 * Asks for one call. Throws a `Failure` that says why there is none. A call that is hung up meanwhile waits for the answer,
 * since only the answer names the session to end.
 */
export const requestToken = async (
  api: string,
  siteId: string,
  visitorId: string | undefined,
): Promise<TimedToken> => {
  const url = `${api}/v1/${encodeURIComponent(siteId)}/token`;
  let response: Response;
  let answer: Answer | null;
  let brokerAheadMs: number;
  try {
    response = await fetch(url, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(visitorId === undefined ? {} : { visitor_id: visitorId }),
      credentials: 'omit',
      keepalive: true,
      signal: deadline(undefined, TOKEN_TIMEOUT_MS),
    });
    brokerAheadMs = aheadOf(response);
    answer = (await response.json()) as Answer | null;
  } catch {
    // Without a connection, and where this page's origin is not registered: the browser then shows no answer at all.
    await throwIfBlocked(url);
    throw new Failure(
      { code: 'unreachable' },
      null,
      `no answer from ${api}. Is ${location.origin} among the allowed origins of site ${siteId}?`,
    );
  }
  if (response.ok && answer?.data?.client_secret?.value) return { ...answer.data, brokerAheadMs };
  const { code = '', retry_after, request_id } = answer?.error ?? {};
  throw new Failure({
    code: code in PROBLEMS ? (code as ProblemCode) : 'unavailable',
    retryAfter: retry_after,
    requestId: request_id,
  });
};

interface Answer {
  readonly data?: Token;
  readonly error?: { readonly code?: string; readonly retry_after?: number; readonly request_id?: string };
}
