/**
 * Which tests judge a change of a file of `lambdas/domain` or `lambdas/use-cases`, beside the one of its own name. All in
 * process: a test over HTTP would start a stack for each change.
 */
const ALSO_JUDGED_BY: Readonly<Record<string, readonly string[]>> = {
  'domain/anomaly-parameters': ['domain/anomaly'],
  'domain/sealed-key': ['domain/sealed-key-layers', 'vectors/sealed-key-v1'],
  'use-cases/answer-preflight': ['use-cases/sites'],
  'use-cases/append-audit-event': ['use-cases/audit-trail', 'use-cases/lost-races'],
  'use-cases/archive-site': ['use-cases/lost-races', 'use-cases/sites'],
  'use-cases/change-and-show-key': ['use-cases/change-stored-key'],
  'use-cases/change-openai-key': ['use-cases/change-stored-key'],
  'use-cases/change-site': ['use-cases/lost-races', 'use-cases/sites'],
  'use-cases/change-workspace': ['use-cases/workspaces'],
  'use-cases/compare-own-month': ['use-cases/read-usage'],
  'use-cases/create-site': ['use-cases/lost-races', 'use-cases/sites'],
  'use-cases/create-workspace': ['use-cases/workspaces'],
  'use-cases/delete-openai-key': ['use-cases/change-stored-key'],
  'use-cases/delete-workspace': ['use-cases/lost-races'],
  'use-cases/journal': ['use-cases/audit-trail'],
  'use-cases/list-audit-trail': ['use-cases/audit-trail'],
  'use-cases/read-session': ['use-cases/list-sessions'],
  'use-cases/reencrypt-openai-key': ['use-cases/change-stored-key'],
  'use-cases/remove-member': ['use-cases/lost-races', 'use-cases/members'],
  'use-cases/roll-back-openai-key': ['use-cases/change-stored-key'],
  'use-cases/save-member': ['use-cases/lost-races', 'use-cases/members'],
  'use-cases/store-platform-key': ['use-cases/store-openai-key'],
  'use-cases/suspend-for-incident': ['use-cases/lost-races'],
  'use-cases/switch-openai-key': ['use-cases/change-stored-key', 'use-cases/lost-races'],
  'use-cases/system-event': ['use-cases/audit-trail'],
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
