import { CANNED_OFFER } from '../../domain/calls/canned-offer.ts';
import { decisiveFailure, type KeyUse, type KeyUses } from '../../domain/keys/key-uses.ts';
import {
  type ShownVerdict,
  type SiteVerdict,
  sitesDiffer,
  siteVerdicts,
  verdictOnUses,
} from '../../domain/keys/site-verdicts.ts';
import { type ListedModel, type Verdict, verdictOnFailure } from '../../domain/keys/verdict.ts';
import { OpenAiFailure } from '../../domain/openai-failure.ts';
import { CLIENT_SECRET_TTL_SECONDS, type DataResidency } from '../../domain/openai-models.ts';
import type { Secret } from '../../domain/secret.ts';
import type { RealtimeCalls } from '../ports/calls.ts';
import type { OpenAi } from '../ports/openai.ts';
import type { Clock } from '../ports/runtime.ts';

/** All calls run in parallel and stay within API Gateway's 30 s, with time for our own writes. */
const PROBE_TIMEOUT_MS = 8_000;

export interface ProbeResult {
  readonly verdict: Verdict;
  /** One for each site that uses the key; empty if the key was tried for no list of sites. */
  readonly sites: readonly SiteVerdict[];
  /** Why the key serves none of its uses; undefined when it minted for one at least. */
  readonly failure: OpenAiFailure | undefined;
  readonly openAiRequestId: string | undefined;
}

/** The outcome of one use. */
export interface TriedUse extends KeyUse {
  /** undefined when the key minted. */
  readonly failure: OpenAiFailure | undefined;
  readonly openAiRequestId: string | undefined;
}

export interface ProbePorts {
  readonly openAi: OpenAi;
  readonly calls: RealtimeCalls;
  readonly clock: Clock;
}

/**
 * Checks at OpenAI what a key can do, for free: opens a session for each use. A client secret lives ten seconds and is
 * discarded; a call is hung up at once and no browser joins it. The list of models adds shutdown dates; whatever it
 * contains, the opening decides. Never throws for any answer of OpenAI.
 */
export const probeOpenAiKey =
  (ports: ProbePorts) =>
  async (key: Secret, { uses, unchecked }: KeyUses): Promise<ProbeResult> => {
    const { openAi, clock } = ports;
    const startedAt = clock().getTime();
    const [listed, tried] = await Promise.all([
      listModels(openAi, key, uses),
      Promise.all(uses.map((use) => tryUse(ports, key, use))),
    ]);
    const now = clock();
    const latencyMs = now.getTime() - startedAt;
    const failures = tried.flatMap(({ failure }) => (failure === undefined ? [] : [failure]));
    const failure = failures.length < tried.length ? undefined : decisiveFailure(failures);
    const deciding = tried.find((one) => one.failure === failure);
    return {
      verdict:
        failure === undefined
          ? verdictOnUses(tried, unchecked, listed, now, latencyMs)
          : verdictOnFailure(failure, now, latencyMs),
      sites: siteVerdicts(tried, unchecked),
      failure,
      openAiRequestId: deciding?.openAiRequestId,
    };
  };

/** With the sites if their verdicts differ. */
export const shownVerdict = ({ verdict, sites }: Pick<ProbeResult, 'verdict' | 'sites'>): ShownVerdict =>
  sitesDiffer(sites) ? { ...verdict, sites } : verdict;

const openAsVisitorsDo = async (
  { openAi, calls }: ProbePorts,
  key: Secret,
  { settings, control }: KeyUse,
): Promise<{ readonly openAiRequestId: string | undefined }> => {
  if (control === 'open')
    return openAi.mintClientSecret(key, {
      settings,
      ttlSeconds: CLIENT_SECRET_TTL_SECONDS.min,
      safetyIdentifier: undefined,
      timeoutMs: PROBE_TIMEOUT_MS,
    });
  const created = await calls.createCall(key, {
    settings,
    turnByTurn: false,
    offer: CANNED_OFFER,
    safetyIdentifier: undefined,
  });
  const { callId } = created;
  // The key has proved that it works. Nobody has the answer, so nobody can join a call that is not ended here.
  await Promise.allSettled([calls.hangUp(key, { callId, dataResidency: settings.dataResidency })]);
  return created;
};

const tryUse = async (ports: ProbePorts, key: Secret, use: KeyUse): Promise<TriedUse> => {
  try {
    const { openAiRequestId } = await openAsVisitorsDo(ports, key, use);
    return { ...use, failure: undefined, openAiRequestId };
  } catch (error) {
    if (!(error instanceof OpenAiFailure)) throw error;
    return { ...use, failure: error, openAiRequestId: error.requestId };
  }
};

/** The models of each region in use. A region that fails or refuses has none. */
const listModels = async (
  openAi: OpenAi,
  key: Secret,
  uses: readonly KeyUse[],
): Promise<ReadonlyMap<DataResidency, readonly ListedModel[]>> => {
  const regions = new Map(uses.map(({ settings }) => [settings.dataResidency, settings] as const));
  const lists = [...regions].map(async ([region, settings]) => {
    try {
      return [region, await openAi.listModels(key, { settings, timeoutMs: PROBE_TIMEOUT_MS })] as const;
    } catch (error) {
      if (!(error instanceof OpenAiFailure)) throw error;
      return [region, []] as const;
    }
  });
  return new Map(await Promise.all(lists));
};
