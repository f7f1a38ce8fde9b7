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
import type { OpenAi } from '../ports/openai.ts';
import type { Clock } from '../ports/runtime.ts';

/** All calls run side by side and stay inside API Gateway's 30 s, with room for our own writes. */
const PROBE_TIMEOUT_MS = 8_000;

export interface ProbeResult {
  readonly verdict: Verdict;
  /** One for each site that uses the key; empty where the key was tried for no list of sites. */
  readonly sites: readonly SiteVerdict[];
  /** Why the key serves none of its uses; undefined when it minted for one at least. */
  readonly failure: OpenAiFailure | undefined;
  readonly openAiRequestId: string | undefined;
}

/** What became of one use. */
export interface TriedUse extends KeyUse {
  /** undefined when the key minted. */
  readonly failure: OpenAiFailure | undefined;
  readonly openAiRequestId: string | undefined;
}

/**
 * Asks OpenAI what a key can do, for free: mints a 10-second client secret for each use and throws it away. The list of
 * models adds shutdown dates; whatever it answers, the mint decides. Never throws for anything that OpenAI answers.
 */
export const probeOpenAiKey =
  (ports: { readonly openAi: OpenAi; readonly clock: Clock }) =>
  async (key: Secret, { uses, unchecked }: KeyUses): Promise<ProbeResult> => {
    const { openAi, clock } = ports;
    const startedAt = clock().getTime();
    const [listed, tried] = await Promise.all([
      listModels(openAi, key, uses),
      Promise.all(uses.map((use) => tryUse(openAi, key, use))),
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

/** With the sites where they differ. */
export const shownVerdict = ({ verdict, sites }: Pick<ProbeResult, 'verdict' | 'sites'>): ShownVerdict =>
  sitesDiffer(sites) ? { ...verdict, sites } : verdict;

const tryUse = async (openAi: OpenAi, key: Secret, use: KeyUse): Promise<TriedUse> => {
  try {
    const { openAiRequestId } = await openAi.mintClientSecret(key, {
      settings: use.settings,
      ttlSeconds: CLIENT_SECRET_TTL_SECONDS.min,
      safetyIdentifier: undefined,
      timeoutMs: PROBE_TIMEOUT_MS,
    });
    return { ...use, failure: undefined, openAiRequestId };
  } catch (error) {
    if (!(error instanceof OpenAiFailure)) throw error;
    return { ...use, failure: error, openAiRequestId: error.requestId };
  }
};

/** The models of each region that is used. A region that does not answer, or may not, has none. */
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
