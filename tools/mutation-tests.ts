/**
 * Which tests judge a change of a file of `lambdas/domain` or `lambdas/use-cases`, beside the one of its own name. A use case is
 * judged by the quickest tests that play it over HTTP: each of its changes starts a stack of its own.
 */
const ALSO_JUDGED_BY: Readonly<Record<string, readonly string[]>> = {
  'domain/anomaly': ['domain/anomaly-state'],
  'domain/anomaly-parameters': ['domain/anomaly-state'],
  'domain/dependency': ['e2e/token-failures'],
  'domain/openai-models': ['contracts/contract', 'e2e/requests'],
  'domain/refusal': ['use-cases/change-plan', 'e2e/tenancy'],
  'domain/sealed-key': ['domain/sealed-key-layers', 'vectors/sealed-key-v1'],
  'use-cases/answer-preflight': ['e2e/cors'],
  'use-cases/append-audit-event': ['use-cases/lost-races', 'streams/audit-projector'],
  'use-cases/archive-site': [
    'use-cases/lost-races',
    'e2e/tenancy',
    'e2e/site-caps',
    'e2e-custody/audit-actions',
  ],
  'use-cases/change-and-show-key': ['use-cases/change-stored-key'],
  'use-cases/change-openai-key': ['use-cases/change-stored-key'],
  'use-cases/change-site': ['use-cases/lost-races', 'e2e/tenancy', 'e2e-custody/audit-actions'],
  'use-cases/change-workspace': ['e2e/tenancy', 'e2e-custody/audit-actions'],
  'use-cases/compare-own-month': ['e2e/usage-sessions', 'e2e/pricing'],
  'use-cases/create-site': ['use-cases/lost-races', 'e2e/site-caps', 'e2e-custody/audit-actions'],
  'use-cases/create-workspace': ['e2e/tenancy', 'e2e-custody/audit-actions'],
  'use-cases/delete-openai-key': ['use-cases/change-stored-key'],
  'use-cases/delete-workspace': ['use-cases/lost-races'],
  'use-cases/journal': ['e2e-custody/audit-actions'],
  'use-cases/list-audit-trail': ['e2e-custody/audit-trail'],
  'use-cases/list-errors': ['e2e/usage-sessions', 'e2e/tenancy'],
  'use-cases/list-sessions': ['e2e/usage-sessions'],
  'use-cases/read-session': ['e2e/usage-sessions'],
  'use-cases/read-usage': ['e2e/usage', 'e2e/usage-csv'],
  'use-cases/reencrypt-openai-key': ['use-cases/change-stored-key'],
  'use-cases/remove-member': ['use-cases/lost-races', 'e2e/tenancy', 'e2e-custody/audit-actions'],
  'use-cases/roll-back-openai-key': ['use-cases/change-stored-key'],
  'use-cases/save-member': ['use-cases/lost-races', 'e2e/tenancy', 'e2e-custody/audit-actions'],
  'use-cases/store-platform-key': ['use-cases/store-openai-key'],
  'use-cases/suspend-for-incident': ['use-cases/lost-races'],
  'use-cases/switch-openai-key': ['use-cases/change-stored-key', 'use-cases/lost-races'],
  'use-cases/system-event': ['streams/anomaly-detector'],
  'use-cases/use-sealed-key': ['use-cases/operator-use'],
};

/** Of every use case: who may. */
const ROLES_OF_USE_CASES = 'use-cases/authorize';

/** Paths of the tests, from the root of the project; some may not exist. */
export const testsJudging = (file: string): readonly string[] => {
  const name = file.replace(/^lambdas\//, '').replace(/\.ts$/, '');
  const roles = name.startsWith('use-cases/') ? [ROLES_OF_USE_CASES] : [];
  return [...new Set([name, ...(ALSO_JUDGED_BY[name] ?? []), ...roles])].map(
    (test) => `test/${test}.test.ts`,
  );
};
