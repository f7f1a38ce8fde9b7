import { describe, expect, it } from '@jest/globals';
import { AUDIT_EVENT_TYPES } from '../../../lambdas/domain/audit/audit-record.ts';
import { EVENT_WRITERS, mayWrite } from '../../../lambdas/domain/audit/event-writers.ts';

/** Rows that the projector makes of other items than events. */
const OF_ITEMS = /^session\.(reserved|issued|used|refused)$|^key\.(item_written|retained_removed|use_\w+)$/;

describe('the writers of audit events', () => {
  it('write all event types, except those that the projector derives from other items', () => {
    const written = new Set<string>(Object.values(EVENT_WRITERS).flat());
    expect(AUDIT_EVENT_TYPES.filter((type) => written.has(type) === OF_ITEMS.test(type))).toEqual([]);
  });

  it('write only their own types, and only in the workspace of their partition', () => {
    const event = { type: 'key.stored', workspaceId: 'w1' } as const;
    expect(mayWrite('keys', 'w1', event)).toBe(true);
    expect(mayWrite('keys', 'w2', event)).toBe(false);
    expect(mayWrite('events', 'w1', event)).toBe(false);
    for (const name of ['', 'w1', 'constructor', 'KEYS']) expect(mayWrite(name, 'w1', event)).toBe(false);
  });
});
