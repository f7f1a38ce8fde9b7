import { createHmac, timingSafeEqual } from 'node:crypto';
import { CLOCK_SKEW_SECONDS } from './session-usage.ts';

/** `t=<unix seconds>,v1=<hex HMAC-SHA-256>`: the signature of a session's events. */
export interface EventSignature {
  /** Unix seconds of the browser's clock. */
  readonly t: number;
  /** Lower-case hex, 64 digits. */
  readonly v1: string;
}

const SIGNATURE = /^t=(\d{1,12}),v1=([0-9a-f]{64})$/;

/** undefined for text that is not a signature. */
export const parseEventSignature = (text: string): EventSignature | undefined => {
  const [, t, v1] = SIGNATURE.exec(text) ?? [];
  return t === undefined || v1 === undefined ? undefined : { t: Number(t), v1 };
};

/** Signs `body`, as the widget does. `signingSecret` is the base64 text of the token's answer. */
export const signEvents = (signingSecret: string, t: number, body: string): string =>
  createHmac('sha256', Buffer.from(signingSecret, 'base64')).update(`${t}.${body}`, 'utf8').digest('hex');

/**
 * True if the signer of `body` knows the session's secret and signed within five minutes of `now`. In constant time.
 */
export const signatureHolds = (
  { t, v1 }: EventSignature,
  signingSecret: string,
  body: string,
  now: Date,
): boolean => {
  const fresh = Math.abs(now.getTime() / 1_000 - t) <= CLOCK_SKEW_SECONDS;
  const expected = Buffer.from(signEvents(signingSecret, t, body), 'utf8');
  return timingSafeEqual(expected, Buffer.from(v1, 'utf8')) && fresh;
};
