import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { HARMLESS_IN_SESSION } from '../../../lambdas/domain/keys/openai-error-meanings.ts';
import { classifyReport, FAILURE_SOURCES } from '../../../lambdas/domain/sessions/reported-failure.ts';

describe('a failure that a browser reports', () => {
  it.each([
    ['response', 'insufficient_quota', 'quota_exhausted', 'openai_quota_exhausted'],
    ['response', 'credit_balance_exhausted', 'quota_exhausted', 'openai_quota_exhausted'],
    ['response', 'project_spend_limit_exceeded', 'spend_limit_reached', 'openai_quota_exhausted'],
    ['connect', 'model_not_found', 'model_unavailable', 'openai_key_rejected'],
    ['connect', 'missing_scope', 'missing_permission', 'openai_key_rejected'],
    ['response', 'rate_limit_exceeded', 'rate_limited', 'busy'],
    ['response', 'server_error', 'upstream_error', 'openai_error'],
    ['response', 'server_is_overloaded', 'upstream_error', 'openai_error'],
    ['response', 'billing_hard_limit_reached', 'spend_limit_reached', 'openai_quota_exhausted'],
    ['response', 'billing_not_active', 'billing_inactive', 'openai_quota_exhausted'],
    ['response', 'account_deactivated', 'account_deactivated', 'openai_key_rejected'],
    ['connect', 'not_authorized_invalid_project', 'project_archived', 'openai_key_rejected'],
    ['connect', 'mismatched_project', 'project_mismatch', 'openai_key_rejected'],
    ['response', 'prepaid_credits_depleted', 'quota_exhausted', 'openai_quota_exhausted'],
    ['response', 'organization_spend_limit_exceeded', 'spend_limit_reached', 'openai_quota_exhausted'],
    ['response', 'organization_usage_limit_exceeded', 'spend_limit_reached', 'openai_quota_exhausted'],
    ['response', 'slow_down', 'rate_limited', 'busy'],
    ['connect', 'incorrect_hostname', 'wrong_region', 'openai_key_rejected'],
    ['connect', 'ip_not_authorized', 'ip_not_authorized', 'openai_key_rejected'],
    ['connect', 'unsupported_country_region_territory', 'country_not_supported', 'openai_key_rejected'],
  ] as const)('%s %s is classified as %s, like at the mint', (source, code, reason, refusal) => {
    expect(classifyReport(source, code)).toMatchObject({ source, reason, refusal, openAiFailure: reason });
  });

  it.each([
    ['media', 'NotAllowedError', 'microphone_denied'],
    ['media', 'NotFoundError', 'microphone_missing'],
    ['media', 'NotReadableError', 'microphone_in_use'],
    ['media', 'SecurityError', 'microphone_denied'],
    ['media', 'OverconstrainedError', 'microphone_missing'],
    ['media', 'AbortError', 'microphone_in_use'],
    ['media', 'Something', 'media_failed'],
    ['media', null, 'media_failed'],
    ['connect', null, 'connection_failed'],
    ['connect', 'invalid_api_key', 'client_secret_refused'],
    ['response', 'unheard_of', 'response_failed'],
    ['response', 'content_filter', 'response_filtered'],
    ['response', 'max_output_tokens', 'response_cut'],
    ['response', 'invalid_value', 'page_event_refused'],
    ['response', 'invalid_event', 'page_event_refused'],
    ['response', 'unknown_parameter', 'page_event_refused'],
    ['response', 'missing_required_parameter', 'page_event_refused'],
    ['response', 'invalid_request_error', 'page_event_refused'],
  ] as const)('%s %s is classified as %s, which proves nothing about the key', (source, code, reason) => {
    expect(classifyReport(source, code)).toMatchObject({
      reason,
      refusal: undefined,
      openAiFailure: undefined,
    });
  });

  it.each(HARMLESS_IN_SESSION)(
    'with the code %s is ignored, because it is a race or a regular end',
    (code) => {
      expect(classifyReport('response', code)).toBeUndefined();
      expect(classifyReport('connect', code)).toBeUndefined();
    },
  );

  it('at the microphone is never a failure of the key, even with an OpenAI code', () => {
    expect(classifyReport('media', 'insufficient_quota')).toMatchObject({
      reason: 'media_failed',
      openAiFailure: undefined,
    });
  });

  it.each(['__proto__', 'constructor', 'toString', 'hasOwnProperty'])(
    'with the code %s is unknown',
    (code) => {
      expect(classifyReport('response', code)?.reason).toBe('response_failed');
    },
  );

  it('is described in our words, without any text of the browser', () => {
    const anything = fc.tuple(
      fc.constantFrom(...FAILURE_SOURCES),
      fc.string({ minLength: 4, maxLength: 100 }),
    );
    fc.assert(
      fc.property(anything, ([source, code]) => {
        const told = JSON.stringify(classifyReport(source, `!${code}`));
        expect(told).not.toContain(JSON.stringify(`!${code}`).slice(1, -1));
        expect(classifyReport(source, code)?.message ?? 'None.').toMatch(/^[A-Z].*\.$/);
      }),
      { seed: 6 },
    );
  });
});
