import { expect, it } from '@jest/globals';
import { recordingKeyFailures } from '../../lambdas/composition/recording-key-failures.ts';
import { OPENAI_FAILURES } from '../../lambdas/domain/openai-failure.ts';
import type { SessionOutcome } from '../../lambdas/domain/sessions/session.ts';
import type { SessionLog } from '../../lambdas/use-cases/ports/sessions.ts';
import { aSession } from '../domain/sessions/session-usage-fixture.ts';

const AT = '2026-11-23T12:00:00.000Z';

/** How many failures are counted for one outcome, and what reaches the log of sessions. */
const counted = async (mode: 'managed' | 'byok', outcome: Partial<SessionOutcome>) => {
  let failures = 0;
  const settled: unknown[] = [];
  const log = {
    settle: async (...given: unknown[]) => {
      settled.push(given);
    },
  } as unknown as SessionLog;
  const given = [aSession({ mode }), { state: 'refused', at: AT, ...outcome } as SessionOutcome] as const;
  await recordingKeyFailures(log, { recordPlatformKeyFailure: () => void failures++ }).settle(...given);
  expect(settled).toEqual([given]);
  return failures;
};

it('the platform key metric counts OpenAI refusals that affect every site, and no failure of a site, a visitor or OpenAI', async () => {
  const failing: string[] = [];
  for (const openAiFailure of OPENAI_FAILURES)
    if ((await counted('managed', { refusal: 'openai_error', openAiFailure })) === 1)
      failing.push(openAiFailure);
  expect(failing).toEqual([
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
});

it('the platform key metric counts a platform key that cannot be opened', async () => {
  expect(await counted('managed', { refusal: 'platform_key_missing' })).toBe(1);
});

it.each([
  ['a key of a workspace', 'byok', { refusal: 'openai_key_rejected', openAiFailure: 'key_invalid' }],
  ['a session that was refused for another reason', 'managed', { refusal: 'busy' }],
  ['a session that was issued', 'managed', { state: 'issued' }],
] as const)('the platform key metric does not count %s', async (_, mode, outcome) => {
  expect(await counted(mode, outcome)).toBe(0);
});
