import {
  attributionOf,
  explainOpenAiFailure,
  OPENAI_FAILURES,
  type OpenAiFailure,
} from '../openai-failure.ts';
import { SHUTDOWN_WARNING_DAYS } from '../openai-models.ts';

export const VERDICT_CODES = [
  'ok',
  'some_sites_fail',
  'model_retiring',
  'record_damaged',
  ...OPENAI_FAILURES,
] as const;
export type VerdictCode = (typeof VERDICT_CODES)[number];

/** The result of the check of a key at OpenAI. */
export interface Verdict {
  /** True when the key minted a client secret for the site's session, or for that of one site at least. */
  readonly ok: boolean;
  readonly code: VerdictCode;
  readonly message: string;
  /** RFC 3339 */
  readonly checkedAt: string;
  readonly latencyMs: number;
}

/** A model in the answer of `GET /v1/models`. */
export interface ListedModel {
  readonly id: string;
  /** `YYYY-MM-DD`, undefined when OpenAI has announced none. */
  readonly shutdownDate: string | undefined;
}

/** Verdict on a key that minted. A model that ends soon is still good today, and the verdict says when it ends. */
export const verdictOnSuccess = (
  model: string,
  listed: readonly ListedModel[] | undefined,
  now: Date,
  latencyMs: number,
): Verdict => {
  const checkedAt = now.toISOString();
  const shutdownDate = listed?.find(({ id }) => id === model)?.shutdownDate;
  const daysLeft =
    shutdownDate === undefined
      ? undefined
      : (Date.parse(`${shutdownDate}T00:00:00Z`) - now.getTime()) / 86_400_000;
  if (daysLeft !== undefined && daysLeft <= SHUTDOWN_WARNING_DAYS)
    return {
      ok: true,
      code: 'model_retiring',
      message: `The key works. OpenAI shuts the model ${model} down on ${shutdownDate}; choose a newer one before that day.`,
      checkedAt,
      latencyMs,
    };
  return { ok: true, code: 'ok', message: 'The key works.', checkedAt, latencyMs };
};

export const verdictOnFailure = (failure: OpenAiFailure, now: Date, latencyMs: number): Verdict => ({
  ok: false,
  code: failure.reason,
  message: explainOpenAiFailure(failure).message,
  checkedAt: now.toISOString(),
  latencyMs,
});

/** True if the key may be stored although the check failed: the cause was OpenAI, not the key. */
export const provesNothingAboutKey = (failure: OpenAiFailure): boolean => attributionOf(failure) === 'nobody';

/** Replaces a verdict that was lost with its record. */
export const damagedVerdict = (checkedAt: string): Verdict => ({
  ok: false,
  code: 'record_damaged',
  message: 'The stored record is damaged. Store the key again.',
  checkedAt,
  latencyMs: 0,
});
