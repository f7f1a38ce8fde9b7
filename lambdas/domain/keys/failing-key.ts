import type { OpenAiFailureName } from '../openai-failure.ts';

/** Failures of a key or its account that no site setting (model, region or voice) can cause. */
const OF_EVERY_SITE: ReadonlySet<string> = new Set<OpenAiFailureName>([
  'key_invalid',
  'key_expired',
  'missing_permission',
  'not_a_member',
  'account_deactivated',
  'project_archived',
  'project_mismatch',
  'ip_not_authorized',
  'quota_exhausted',
  'spend_limit_reached',
  'billing_inactive',
]);

/** True for a failure that affects every session of the key, whatever the site settings, until its owner acts. */
export const failsOnEverySite = (openAiFailure: string | undefined): boolean =>
  openAiFailure !== undefined && OF_EVERY_SITE.has(openAiFailure);
