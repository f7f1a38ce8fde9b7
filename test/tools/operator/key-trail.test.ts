import { expect, test } from '@jest/globals';
import type { AuditRow } from '../../../lambdas/domain/audit/audit-record.ts';
import { PLATFORM_ADDRESS } from '../../../lambdas/domain/keys/stored-key.ts';
import { placeOf, readKeyTrail } from '../../../tools/operator/deletions/key-trail.ts';

const trailOf = (...events: readonly (readonly [type: string, facts: AuditRow['facts']])[]) =>
  readKeyTrail(
    events.map(
      ([type, facts], index) =>
        ({
          workspaceId: PLATFORM_ADDRESS.workspaceId,
          siteId: null,
          sequence: index + 1,
          type,
          facts: { scope: 'platform', ...facts },
        }) as unknown as AuditRow,
    ),
  ).histories.get(placeOf(PLATFORM_ADDRESS));

test('a platform key stored under a suspension is suspended in the audit trail until it is resumed', () => {
  const stored = [
    ['key.stored', { version: 1 }],
    ['key.suspended', { version: 1 }],
    ['key.stored', { version: 2, suspended: true }],
  ] as const;
  expect(trailOf(...stored)).toMatchObject({ current: 2, suspended: true });
  expect(trailOf(...stored, ['key.resumed', { version: 2 }])).toMatchObject({ current: 2, suspended: false });
});

test('a key stored without the suspension is active in the audit trail', () => {
  expect(
    trailOf(
      ['key.stored', { version: 1 }],
      ['key.suspended', { version: 1 }],
      ['key.stored', { version: 2 }],
    ),
  ).toMatchObject({ current: 2, suspended: false });
});
