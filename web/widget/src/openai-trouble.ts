import type { OpenAiError, ServerEvent } from './events.ts';
import type { ProblemCode, StringName } from './strings.ts';

export type Response = NonNullable<ServerEvent['response']>;

/** An answer that failed. */
export interface Trouble {
  /** OpenAI's name for it. */
  readonly code: string | null;
  /** For a call that continues. */
  readonly sentence?: StringName;
  /** Ends the call, because the next answer would fail in the same way. */
  readonly problem?: ProblemCode;
}

const SENTENCE_OF_INCOMPLETE: Readonly<Record<string, StringName>> = {
  content_filter: 'response_filtered',
  max_output_tokens: 'response_cut',
};

/** The reason why an answer failed; undefined for one that completed or was interrupted. */
export const troubleOf = ({ status, status_details }: Response): Trouble | undefined => {
  if (status === 'incomplete') {
    const code = status_details?.reason ?? null;
    return { code, sentence: SENTENCE_OF_INCOMPLETE[code ?? ''] ?? 'response_failed' };
  }
  if (status !== 'failed') return undefined;
  const code = codeOf(status_details?.error);
  const problem = problemOfOpenAi(code);
  if (problem === 'busy') return { code, sentence: 'response_busy' };
  return problem === 'openai_error' ? { code, sentence: 'response_failed' } : { code, problem };
};

/** OpenAI's name for its error: the code, else the type. */
export const codeOf = (error: OpenAiError | null | undefined): string | null => {
  const named = [error?.code, error?.type].find(
    (name) => typeof name === 'string' || typeof name === 'number',
  );
  return named === undefined ? null : String(named);
};

/** The problem that a visitor sees for an OpenAI error code. Sources: OpenAI's error-code guide. */
const problemOfOpenAi = (code: string | null): ProblemCode => {
  if (code === 'rate_limit_exceeded' || code === 'slow_down') return 'busy';
  if (/quota|limit_(?:exceeded|reached)|credit|billing|payment/.test(code ?? ''))
    return 'openai_quota_exhausted';
  const isOfTheKey =
    /^(?:model_not_found|invalid_api_key|account_deactivated|not_authorized_invalid_project)$/;
  return isOfTheKey.test(code ?? '') ? 'openai_key_rejected' : 'openai_error';
};
