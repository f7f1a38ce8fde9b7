import type { KeyUseOutcome } from '../../domain/calls/key-use.ts';
import { DependencyUnavailableError } from '../../domain/dependency.ts';
import { SealedKeyUnreadableError } from '../../domain/keys/sealed-key.ts';
import { OpenAiFailure } from '../../domain/openai-failure.ts';

/** Returns the outcome of a key use that failed: the code of the failure, and OpenAI's request id if OpenAI answered. */
export const keyUseFailure = (error: unknown): Pick<KeyUseOutcome, 'result' | 'openAiRequestId'> =>
  error instanceof OpenAiFailure
    ? { result: error.reason, openAiRequestId: error.requestId }
    : { result: codeOf(error), openAiRequestId: undefined };

const codeOf = (error: unknown): string => {
  if (error instanceof SealedKeyUnreadableError) return 'openai_key_unreadable';
  return error instanceof DependencyUnavailableError ? 'unavailable' : 'failed';
};
