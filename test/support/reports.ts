import { randomUUID } from 'node:crypto';
import { signEvents } from '../../lambdas/domain/sessions/event-signature.ts';
import type { CallOptions, TestAnswer } from './stack.ts';
import { type Caller, ORIGIN, type Tenant } from './tenant.ts';

/** The session's fields of a token's answer. */
export interface MintedSession {
  readonly session_id: string;
  readonly signing_secret: string;
}

export interface ReportOptions extends Pick<CallOptions, 'headers'> {
  /** The time of the signature; the clock of the stack must agree within five minutes. */
  readonly signedAt: Date;
  readonly origin?: string;
  readonly rawBody?: string;
  readonly secret?: string;
  /** Like a beacon: the signature is in the query, without a header, as text. */
  readonly beacon?: boolean;
}

/** One event of a widget, with a fresh id. */
export const event = (type: string, at: Date, fields: Readonly<Record<string, unknown>> = {}) => ({
  id: randomUUID(),
  type,
  at: at.toISOString(),
  ...fields,
});

/** Usage of one response: this many tokens heard and spoken. */
export const usageEvent = (
  at: Date,
  { audioIn = 0, audioOut = 0, textIn = 0, textOut = 0 },
  responseId: string = randomUUID(),
) =>
  event('usage', at, {
    response_id: responseId,
    usage: {
      input_tokens: audioIn + textIn,
      output_tokens: audioOut + textOut,
      input_token_details: { text_tokens: textIn, audio_tokens: audioIn },
      output_token_details: { text_tokens: textOut, audio_tokens: audioOut },
    },
  });

export const eventsPath = ({ siteId }: Pick<Tenant, 'siteId'>, { session_id }: MintedSession): string =>
  `/v1/${siteId}/sessions/${session_id}/events`;

/** Sends events as the widget does: signed with the secret of the session. */
export const report = (
  stack: Caller,
  tenant: Pick<Tenant, 'siteId'>,
  minted: MintedSession,
  events: readonly unknown[],
  options: ReportOptions,
): Promise<TestAnswer> => {
  const rawBody = options.rawBody ?? JSON.stringify({ events });
  const t = Math.floor(options.signedAt.getTime() / 1_000);
  const signature = `t=${t},v1=${signEvents(options.secret ?? minted.signing_secret, t, rawBody)}`;
  const path = eventsPath(tenant, minted);
  return options.beacon === true
    ? stack.call('POST', `${path}?signature=${encodeURIComponent(signature)}`, {
        origin: options.origin ?? ORIGIN,
        rawBody,
        headers: { 'content-type': 'text/plain;charset=UTF-8', ...options.headers },
      })
    : stack.call('POST', path, {
        origin: options.origin ?? ORIGIN,
        rawBody,
        headers: { 'x-spelo-signature': signature, ...options.headers },
      });
};
