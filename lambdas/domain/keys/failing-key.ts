import type { OpenAiFailureName } from '../openai-failure.ts';

/** Failures of a key or its account that no setting of a site can cause: model, region and voice do not matter to them. */
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

/** True for a failure that every session of the key meets until its owner acts, whatever the site is configured to. */
export const failsOnEverySite = (openAiFailure: string | undefined): boolean =>
  openAiFailure !== undefined && OF_EVERY_SITE.has(openAiFailure);
