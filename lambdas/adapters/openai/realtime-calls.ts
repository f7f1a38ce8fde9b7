import type { CallObserver } from '../../domain/call-observer.ts';
import { type CallId, callIdOf } from '../../domain/calls/call.ts';
import { callForm } from '../../domain/calls/call-form.ts';
import { OpenAiFailure } from '../../domain/openai-failure.ts';
import type { DataResidency } from '../../domain/openai-models.ts';
import type { Secret } from '../../domain/secret.ts';
import type { CreatedCall, RealtimeCalls } from '../../use-cases/ports/calls.ts';
import { baseUrlFor } from './hosts.ts';
import { callOpenAi } from './http-call.ts';
import { sessionOf } from './session-config.ts';

export interface CallTimeouts {
  /** Timeout for the creation of a call, milliseconds. */
  readonly createMs: number;
  /** Timeout of one attempt to end a call, milliseconds. */
  readonly hangUpMs: number;
}

/** OpenAI's own example waits 15 s and 5 s; the function has 29 s in all, and hop 4 comes after the create. */
export const CALL_TIMEOUTS: CallTimeouts = { createMs: 12_000, hangUpMs: 5_000 };

/** A probe lists the models first, and both requests together must end within the function's 25 s. */
export const PROBE_CALL_TIMEOUTS: CallTimeouts = { createMs: 8_000, hangUpMs: 2_000 };

/** True for an SDP answer, false for a page or an error with status 201. */
const answerOf = (text: string, headers: Headers): string | undefined => {
  const type = headers.get('content-type')?.split(';')[0]?.trim().toLowerCase();
  return type === 'application/sdp' && /^v=0\r?\n/.test(text) && /\nm=audio /.test(text) ? text : undefined;
};

/** Calls that this service creates with the real key, and can therefore end. */
export const openAiCalls = (
  configuredBaseUrl: string,
  calls?: CallObserver,
  timeouts: CallTimeouts = CALL_TIMEOUTS,
): RealtimeCalls => {
  const urlOf = (residency: DataResidency, path: string): string =>
    `${baseUrlFor(configuredBaseUrl, residency)}/realtime/calls${path}`;

  const hangUpOnce = async (key: Secret, residency: DataResidency, callId: CallId) => {
    try {
      const { requestId } = await callOpenAi({
        method: 'POST',
        url: urlOf(residency, `/${callId}/hangup`),
        key,
        deadline: AbortSignal.timeout(timeouts.hangUpMs),
        parse: () => 'ended',
        calls,
      });
      return { openAiRequestId: requestId };
    } catch (error) {
      // OpenAI does not know the call, so it has ended. A 404 that is not from OpenAI proves nothing.
      if (error instanceof OpenAiFailure && error.status === 404 && error.reason !== 'unreadable_answer')
        return { openAiRequestId: error.requestId };
      throw error;
    }
  };

  const hangUp: RealtimeCalls['hangUp'] = async (key, { callId, dataResidency }) => {
    try {
      return await hangUpOnce(key, dataResidency, callId);
    } catch {
      // Ending a call twice does no harm.
      return hangUpOnce(key, dataResidency, callId);
    }
  };

  return {
    createCall: async (key, { settings, turnByTurn, offer, safetyIdentifier }) => {
      let callId: CallId | undefined;
      try {
        const { body, requestId } = await callOpenAi({
          method: 'POST',
          url: urlOf(settings.dataResidency, ''),
          key,
          headers: {
            accept: 'application/sdp',
            ...(safetyIdentifier !== undefined && { 'OpenAI-Safety-Identifier': safetyIdentifier }),
          },
          content: callForm(offer, JSON.stringify(sessionOf(settings, turnByTurn))),
          deadline: AbortSignal.timeout(timeouts.createMs),
          neverTwice: true,
          onHead: (headers) => {
            callId = callIdOf(headers.get('location'));
          },
          parse: answerOf,
          calls,
        });
        // Without its ID, the call could not be ended.
        if (callId === undefined || typeof body !== 'string')
          throw new OpenAiFailure('unreadable_answer', { status: 201, requestId });
        return { callId, answer: body, openAiRequestId: requestId } satisfies CreatedCall;
      } catch (error) {
        // No browser receives the SDP answer. If this hang-up fails too, OpenAI keeps a call without participants.
        if (callId !== undefined)
          await hangUp(key, { callId, dataResidency: settings.dataResidency }).catch(() => undefined);
        throw error;
      }
    },
    hangUp,
  };
};
