import {
  type ListedModel,
  type Verdict,
  verdictOnFailure,
  verdictOnSuccess,
} from '../../domain/keys/verdict.ts';
import { OpenAiFailure } from '../../domain/openai-failure.ts';
import { CLIENT_SECRET_TTL_SECONDS } from '../../domain/openai-models.ts';
import type { Secret } from '../../domain/secret.ts';
import type { VoiceSettings } from '../../domain/tenancy/workspace.ts';
import type { OpenAi } from '../ports/openai.ts';
import type { Clock } from '../ports/runtime.ts';

/** Both calls together stay inside API Gateway's 30 s, with room for our own writes. */
const PROBE_TIMEOUT_MS = 8_000;

export interface ProbeResult {
  readonly verdict: Verdict;
  /** undefined when the key minted. */
  readonly failure: OpenAiFailure | undefined;
  readonly openAiRequestId: string | undefined;
}

/**
 * Asks OpenAI what a key can do, for free: lists the models, then mints a 10-second client secret with the site's own
 * session and throws it away. A restricted key that may not list models is not a failure; the mint decides.
 * Never throws for anything that OpenAI answers.
 */
export const probeOpenAiKey =
  (ports: { readonly openAi: OpenAi; readonly clock: Clock }) =>
  async (key: Secret, settings: VoiceSettings): Promise<ProbeResult> => {
    const { openAi, clock } = ports;
    const startedAt = clock().getTime();
    const latencyMs = (): number => clock().getTime() - startedAt;
    try {
      const listed = await listModelsIfAllowed(openAi, key, settings);
      const minted = await openAi.mintClientSecret(key, {
        settings,
        ttlSeconds: CLIENT_SECRET_TTL_SECONDS.min,
        safetyIdentifier: undefined,
        timeoutMs: PROBE_TIMEOUT_MS,
      });
      return {
        verdict: verdictOnSuccess(settings.model, listed, clock(), latencyMs()),
        failure: undefined,
        openAiRequestId: minted.openAiRequestId,
      };
    } catch (error) {
      if (!(error instanceof OpenAiFailure)) throw error;
      return {
        verdict: verdictOnFailure(error, clock(), latencyMs()),
        failure: error,
        openAiRequestId: error.requestId,
      };
    }
  };

/** The list only adds shutdown dates and a clearer verdict: what it cannot answer, the mint will. */
const listModelsIfAllowed = async (
  openAi: OpenAi,
  key: Secret,
  settings: VoiceSettings,
): Promise<readonly ListedModel[] | undefined> => {
  try {
    const listed = await openAi.listModels(key, { settings, timeoutMs: PROBE_TIMEOUT_MS });
    if (listed.length > 0 && !listed.some(({ id }) => id === settings.model))
      throw new OpenAiFailure('model_unavailable');
    return listed;
  } catch (error) {
    if (error instanceof OpenAiFailure && error.reason === 'missing_permission') return undefined;
    throw error;
  }
};
