import { expect, test } from '@jest/globals';
import type { AuditEvent } from '../../../lambdas/domain/audit/audit-record.ts';
import { mayWrite } from '../../../lambdas/domain/audit/event-writers.ts';
import { isWorkspaceId } from '../../../lambdas/domain/identifiers.ts';
import { beat } from '../../../lambdas/use-cases/audit/beat.ts';

test('the audit heartbeat is an event in a chain that no workspace can have, and the same within a minute', async () => {
  const put: AuditEvent[] = [];
  const clock = [new Date('2026-11-23T12:00:10.000Z'), new Date('2026-11-23T12:00:50.000Z')];
  const write = beat({
    clock: () => clock.shift() ?? new Date(0),
    outbox: {
      put: async (event) => {
        put.push(event);
      },
    },
  });
  await write();
  await write();
  expect(new Set(put.map(({ eventId }) => eventId)).size).toBe(1);
  const [event] = put;
  if (event === undefined) throw new Error('There is no event.');
  expect(mayWrite('heartbeat', event.workspaceId, event)).toBe(true);
  expect(isWorkspaceId(event.workspaceId)).toBe(false);
});
