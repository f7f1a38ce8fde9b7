/**
 * Further tests that judge a change of a file of `lambdas/domain` or `lambdas/use-cases`, in addition to the test with
 * its name. All in process: a test over HTTP would start a stack for each change.
 */
const ALSO_JUDGED_BY: Readonly<Record<string, readonly string[]>> = {
  'domain/anomalies/anomaly-parameters': ['domain/anomalies/anomaly'],
  'domain/anomalies/anomaly-learning': ['domain/anomalies/anomaly', 'domain/anomalies/anomaly-months'],
  'domain/anomalies/anomaly-state': ['domain/anomalies/anomaly'],
  'domain/anomalies/anomaly-thresholds': ['domain/anomalies/anomaly', 'domain/anomalies/anomaly-months'],
  'domain/sessions/receipt': ['domain/sessions/session-usage'],
  'domain/sessions/slots': ['domain/sessions/session'],
  'domain/sessions/usage-plausibility': ['domain/sessions/session-usage'],
  'domain/keys/sealed-key': ['domain/keys/sealed-key-layers', 'vectors/sealed-key-v1'],
  'use-cases/sessions/answer-preflight': ['use-cases/tenancy/sites'],
  'use-cases/conflicts': ['use-cases/lost-races', 'use-cases/sessions/record-events'],
  'use-cases/keys/key-facts': ['use-cases/keys/change-stored-key'],
  'use-cases/audit/append-audit-event': ['use-cases/audit/audit-trail', 'use-cases/lost-races'],
  'use-cases/tenancy/archive-site': ['use-cases/lost-races', 'use-cases/tenancy/sites'],
  'use-cases/keys/change-and-show-key': ['use-cases/keys/change-stored-key'],
  'use-cases/keys/change-openai-key': ['use-cases/keys/change-stored-key'],
  'use-cases/tenancy/change-site': ['use-cases/lost-races', 'use-cases/tenancy/sites'],
  'use-cases/tenancy/change-workspace': ['use-cases/tenancy/workspaces'],
  'use-cases/usage/compare-own-month': ['use-cases/usage/read-usage'],
  'use-cases/tenancy/create-site': ['use-cases/lost-races', 'use-cases/tenancy/sites'],
  'use-cases/tenancy/create-workspace': ['use-cases/tenancy/workspaces'],
  'use-cases/keys/delete-openai-key': ['use-cases/keys/change-stored-key'],
  'use-cases/tenancy/delete-workspace': ['use-cases/lost-races'],
  'use-cases/audit/audit-event-factory': ['use-cases/audit/audit-trail'],
  'use-cases/audit/list-audit-trail': ['use-cases/audit/audit-trail'],
  'use-cases/sessions/read-session': ['use-cases/sessions/list-sessions'],
  'use-cases/keys/reencrypt-openai-key': ['use-cases/keys/change-stored-key'],
  'use-cases/tenancy/remove-member': ['use-cases/lost-races', 'use-cases/tenancy/members'],
  'use-cases/keys/roll-back-openai-key': ['use-cases/keys/change-stored-key'],
  'use-cases/tenancy/save-member': ['use-cases/lost-races', 'use-cases/tenancy/members'],
  'use-cases/keys/store-platform-key': ['use-cases/keys/store-openai-key'],
  'use-cases/anomalies/suspend-for-incident': ['use-cases/lost-races'],
  'use-cases/keys/switch-openai-key': ['use-cases/keys/change-stored-key', 'use-cases/lost-races'],
  'use-cases/audit/system-event': ['use-cases/audit/audit-trail'],
  'use-cases/keys/with-opened-key': ['use-cases/keys/with-audited-key'],
};

/** For every use case: authorization. */
const ROLES_OF_USE_CASES = 'use-cases/tenancy/authorize';

/** Paths of the tests, from the root of the project; some may not exist. */
export const testsJudging = (file: string): readonly string[] => {
  const name = file.replace(/^lambdas\//, '').replace(/\.ts$/, '');
  const roles = name.startsWith('use-cases/') ? [ROLES_OF_USE_CASES] : [];
  return [...new Set([name, ...(ALSO_JUDGED_BY[name] ?? []), ...roles])].map(
    (test) => `test/${test}.test.ts`,
  );
};
