import { BrokerError } from '../../domain/broker-error.ts';
import { SealedKeyUnreadableError } from '../../domain/keys/sealed-key.ts';
import { brokerErrorOfOpenAiFailure, OpenAiFailure } from '../../domain/openai-failure.ts';
import type { BillingMode } from '../../domain/tenancy/workspace.ts';

/** The visitor's error for a failure on the way to OpenAI. */
export const refusalOf = (error: unknown, mode: BillingMode): BrokerError => {
  if (error instanceof OpenAiFailure) return brokerErrorOfOpenAiFailure(error);
  // A customer cannot enter the platform's key again; to them it is an outage.
  if (error instanceof SealedKeyUnreadableError)
    return new BrokerError(mode === 'managed' ? 'platform_key_missing' : 'openai_key_unreadable');
  if (error instanceof BrokerError) return error;
  return new BrokerError('unavailable');
};
