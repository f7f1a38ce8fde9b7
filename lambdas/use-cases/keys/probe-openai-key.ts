import { CANNED_OFFER } from '../../domain/calls/canned-offer.ts';
import type { Control } from '../../domain/calls/control.ts';
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
import type { RealtimeCalls } from '../ports/calls.ts';
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

export interface ProbePorts {
  readonly openAi: OpenAi;
  readonly calls: RealtimeCalls;
  readonly clock: Clock;
}

/** The settings of a site, whose control decides how it is tried; without one, with a client secret. */
export type ProbeSettings = VoiceSettings & { readonly control?: Control };

/**
 * Asks OpenAI what a key can do, for free: lists the models, then opens what the site's visitors open, with the site's own
 * session. A client secret lives ten seconds and is thrown away; a call is hung up at once and no browser joins it. A restricted key that may not list models is not a failure; the mint decides.
 * Never throws for anything that OpenAI answers.
 */
export const probeOpenAiKey =
  (ports: ProbePorts) =>
  async (key: Secret, settings: ProbeSettings): Promise<ProbeResult> => {
    const { openAi, clock } = ports;
    const startedAt = clock().getTime();
    const latencyMs = (): number => clock().getTime() - startedAt;
    try {
      const listed = await listModelsIfAllowed(openAi, key, settings);
      const opened = await openAsVisitorsDo(ports, key, settings);
      return {
        verdict: verdictOnSuccess(settings.model, listed, clock(), latencyMs()),
        failure: undefined,
        openAiRequestId: opened.openAiRequestId,
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

const openAsVisitorsDo = async (
  { openAi, calls }: ProbePorts,
  key: Secret,
  settings: ProbeSettings,
): Promise<{ readonly openAiRequestId: string | undefined }> => {
  if (settings.control === undefined || settings.control === 'open')
    return openAi.mintClientSecret(key, {
      settings,
      ttlSeconds: CLIENT_SECRET_TTL_SECONDS.min,
      safetyIdentifier: undefined,
      timeoutMs: PROBE_TIMEOUT_MS,
    });
  const created = await calls.createCall(key, { settings, offer: CANNED_OFFER, safetyIdentifier: undefined });
  const { callId } = created;
  // The key has shown what it can do. Nobody has the answer, so nobody joins a call that this does not end.
  await Promise.allSettled([calls.hangUp(key, { callId, dataResidency: settings.dataResidency })]);
  return created;
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
