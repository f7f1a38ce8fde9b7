import * as z from 'zod';
import type { CallObserver } from '../../domain/call-observer.ts';
import { OpenAiFailure } from '../../domain/openai-failure.ts';
import type { VoiceSettings } from '../../domain/tenancy/workspace.ts';
import type { OpenAi } from '../../use-cases/ports/openai.ts';
import { baseUrlFor } from './hosts.ts';
import { callOpenAi } from './http-call.ts';
import { sessionOf } from './session-config.ts';

const mintedAnswer = z.object({
  value: z.string().startsWith('ek_').max(512),
  expires_at: z.int().positive(),
  session: z.object({ id: z.string().optional() }).optional(),
});

/** Stored, so only the format of OpenAI's IDs is accepted. */
const OPENAI_SESSION_ID = /^sess_[A-Za-z0-9]{8,40}$/;

const modelsAnswer = z.object({
  data: z.array(z.object({ id: z.string(), shutdown_date: z.iso.date().nullish().catch(undefined) })),
});

/**
 * Calls OpenAI with plain fetch. One POST needs no SDK, and the SDK would read base URL and organization from the
 * environment, retry after a 429 and wait ten minutes. Sends no organization and no beta header.
 */
export const openAiHttp = (configuredBaseUrl: string, calls?: CallObserver): OpenAi => {
  const urlOf = ({ dataResidency }: VoiceSettings, path: string): string =>
    `${baseUrlFor(configuredBaseUrl, dataResidency)}${path}`;

  return {
    mintClientSecret: async (key, { settings, ttlSeconds, safetyIdentifier, timeoutMs }) => {
      const { body, requestId } = await callOpenAi({
        method: 'POST',
        url: urlOf(settings, '/realtime/client_secrets'),
        key,
        headers: safetyIdentifier === undefined ? {} : { 'OpenAI-Safety-Identifier': safetyIdentifier },
        body: {
          expires_after: { anchor: 'created_at', seconds: ttlSeconds },
          session: sessionOf(settings),
        },
        deadline: AbortSignal.timeout(timeoutMs),
        calls,
      });
      const minted = mintedAnswer.safeParse(body);
      if (!minted.success) throw new OpenAiFailure('unreadable_answer', { status: 200, requestId });
      return {
        value: minted.data.value,
        expiresAt: minted.data.expires_at,
        openAiRequestId: requestId,
        openAiSessionId: OPENAI_SESSION_ID.exec(minted.data.session?.id ?? '')?.[0],
      };
    },

    listModels: async (key, { settings, timeoutMs }) => {
      const { body, requestId } = await callOpenAi({
        method: 'GET',
        url: urlOf(settings, '/models'),
        key,
        deadline: AbortSignal.timeout(timeoutMs),
        calls,
      });
      const models = modelsAnswer.safeParse(body);
      if (!models.success) throw new OpenAiFailure('unreadable_answer', { status: 200, requestId });
      return models.data.data.map(({ id, shutdown_date }) => ({
        id,
        shutdownDate: shutdown_date ?? undefined,
      }));
    },

    realtimeUrl: (settings) => urlOf(settings, '/realtime/calls'),
  };
};
