import { describe, expect, it } from '@jest/globals';
import type { AuditEvent } from '../../../lambdas/domain/audit/audit-record.ts';
import { EVENT_WRITERS } from '../../../lambdas/domain/audit/event-writers.ts';
import {
  type ChangedItem,
  explains,
  tenancyChangeOf,
} from '../../../lambdas/domain/audit/explained-change.ts';

const event = (type: AuditEvent['type'], fields: Partial<AuditEvent> = {}): AuditEvent => ({
  eventId: 'evt_1',
  workspaceId: 'w1',
  type,
  at: '2026-11-30T12:00:00.000Z',
  actor: 'carol',
  siteId: null,
  sessionId: null,
  ipHash: null,
  facts: {},
  ...fields,
});

/** Whether an event of `writer` explains the change. */
const explained = (
  item: Omit<ChangedItem, 'image'> & { image?: object },
  writer: string,
  by: AuditEvent,
): boolean =>
  tenancyChangeOf({ image: undefined, ...item } as ChangedItem)?.explanations.some(
    (explanation) => explanation.writer === writer && explains(explanation, by),
  ) ?? false;

const PK = 'WORKSPACE#w1';

describe('a change of an API token', () => {
  const image = { role: 'admin', expiresAt: '2027-01-01T00:00:00.000Z' };
  const created = { pk: PK, sk: 'API_TOKEN#tok_1', change: 'INSERT', image } as const;
  const facts = { token: 'tok_1', role: 'admin', valid_until: image.expiresAt };

  it('that adds a token is explained by its creation with the same role and expiry', () => {
    expect(explained(created, 'manage', event('api_token.created', { facts }))).toBe(true);
    for (const other of [{ token: 'tok_2' }, { role: 'viewer' }, { valid_until: '2036-01-01T00:00:00.000Z' }])
      expect(
        explained(created, 'manage', event('api_token.created', { facts: { ...facts, ...other } })),
      ).toBe(false);
    expect(explained(created, 'keys', event('api_token.created', { facts }))).toBe(false);
  });

  it('that removes a token is explained by its revocation', () => {
    const removed = { pk: PK, sk: 'API_TOKEN#tok_1', change: 'REMOVE' } as const;
    expect(explained(removed, 'manage', event('api_token.revoked', { facts: { token: 'tok_1' } }))).toBe(
      true,
    );
    expect(explained(removed, 'manage', event('api_token.revoked', { facts: { token: 'tok_2' } }))).toBe(
      false,
    );
  });

  it('that modifies a token is never explained', () => {
    const changed = { ...created, change: 'MODIFY' } as const;
    for (const type of ['api_token.created', 'api_token.revoked'] as const)
      expect(explained(changed, 'manage', event(type, { facts }))).toBe(false);
  });
});

describe('a change of a member', () => {
  const added = { pk: PK, sk: 'MEMBER#bob', change: 'INSERT', image: { role: 'admin' } } as const;
  it('is explained by the event with the same person and role', () => {
    expect(explained(added, 'manage', event('member.saved', { facts: { sub: 'bob', role: 'admin' } }))).toBe(
      true,
    );
    expect(explained(added, 'manage', event('member.saved', { facts: { sub: 'bob', role: 'viewer' } }))).toBe(
      false,
    );
    expect(explained(added, 'manage', event('member.saved', { facts: { sub: 'eve', role: 'admin' } }))).toBe(
      false,
    );
    expect(explained(added, 'keys', event('member.saved', { facts: { sub: 'bob', role: 'admin' } }))).toBe(
      false,
    );
  });

  it('that adds an owner is explained when this person created the workspace', () => {
    const owner = { ...added, sk: 'MEMBER#carol', image: { role: 'owner' } };
    expect(explained(owner, 'manage', event('workspace.created'))).toBe(true);
    expect(explained(owner, 'manage', event('workspace.created', { actor: 'eve' }))).toBe(false);
    expect(explained(added, 'manage', event('workspace.created', { actor: 'bob' }))).toBe(false);
  });

  it('that removes a member is explained by the removal of this person', () => {
    const removed = { pk: PK, sk: 'MEMBER#bob', change: 'REMOVE' } as const;
    expect(explained(removed, 'manage', event('member.removed', { facts: { sub: 'bob' } }))).toBe(true);
    expect(explained(removed, 'manage', event('member.removed', { facts: { sub: 'eve' } }))).toBe(false);
    expect(
      explained(removed, 'manage', event('member.saved', { facts: { sub: 'bob', role: 'viewer' } })),
    ).toBe(false);
  });
});

describe('a change of an invitation', () => {
  const written = { pk: PK, sk: 'INVITATION#inv_1', change: 'INSERT', image: { role: 'owner' } } as const;
  it('is explained by the event with the same invitation and role', () => {
    const facts = { invitation: 'inv_1', role: 'owner' };
    expect(explained(written, 'manage', event('member.invited', { facts }))).toBe(true);
    expect(
      explained(written, 'manage', event('member.invited', { facts: { ...facts, role: 'viewer' } })),
    ).toBe(false);
    expect(
      explained(written, 'manage', event('member.invited', { facts: { ...facts, invitation: 'inv_2' } })),
    ).toBe(false);
  });

  it('that removes an invitation needs no event, because it gives nobody a right', () => {
    const { image: _, ...rest } = written;
    expect(tenancyChangeOf({ ...rest, change: 'REMOVE', image: undefined })).toBeUndefined();
  });
});

describe('a change of a site', () => {
  it.each([
    ['INSERT', 'manage', 'site.created'],
    ['MODIFY', 'manage', 'site.changed'],
    ['MODIFY', 'retire-models', 'site.model_moved'],
    ['REMOVE', 'keys', 'site.archived'],
  ] as const)('of kind %s is explained by %s with %s of this site', (change, writer, type) => {
    const item = { pk: PK, sk: 'SITE#s1', change } as const;
    expect(explained(item, writer, event(type, { siteId: 's1' }))).toBe(true);
    expect(explained(item, writer, event(type, { siteId: 's2' }))).toBe(false);
  });
});

describe('a change of a workspace', () => {
  it('that removes the workspace is explained only by a restore', () => {
    const removed = tenancyChangeOf({ pk: PK, sk: 'WORKSPACE', change: 'REMOVE', image: undefined });
    expect(removed?.explanations.map(({ writer }) => writer)).toEqual(['restore']);
  });

  it('that changes the plan is explained by the operator command set-plan', () => {
    const changed = { pk: PK, sk: 'WORKSPACE', change: 'MODIFY' } as const;
    expect(explained(changed, 'set-plan', event('workspace.plan_changed'))).toBe(true);
  });
});

describe('a change of the mail alerts', () => {
  const item = { pk: 'MAIL#w1', sk: 'MAIL' } as const;

  it('is explained by a verified address or by changed settings', () => {
    for (const change of ['INSERT', 'MODIFY'] as const)
      for (const type of ['mail_alerts.verified', 'mail_alerts.changed'] as const)
        expect(explained({ ...item, change }, 'manage', event(type))).toBe(true);
  });

  it('that silences the alerts without an event of the product is never explained', () => {
    const silenced = { ...item, change: 'MODIFY', image: { events: [] } } as const;
    expect(explained(silenced, 'manage', event('workspace.changed'))).toBe(false);
    expect(explained(silenced, 'keys', event('mail_alerts.changed'))).toBe(false);
    expect(explained({ ...item, change: 'REMOVE' }, 'manage', event('mail_alerts.changed'))).toBe(false);
  });
});

describe('a record of a removed person', () => {
  it('that is deleted early is explained only by a restore', () => {
    const gone = { pk: PK, sk: 'REMOVAL#0123', change: 'REMOVE' } as const;
    expect(explained(gone, 'manage', event('member.removed'))).toBe(false);
    expect(explained(gone, 'restore', event('workspace.restored'))).toBe(true);
  });

  it('that gets another date is explained by another removal', () => {
    const dated = { pk: PK, sk: 'REMOVAL#0123', change: 'MODIFY' } as const;
    expect(explained(dated, 'manage', event('member.removed'))).toBe(true);
    expect(explained(dated, 'manage', event('member.invited'))).toBe(false);
    expect(tenancyChangeOf({ ...dated, change: 'INSERT', image: {} })).toBeUndefined();
  });
});

it('each explanation of a change names only event types that its writer may write', () => {
  const items = ['WORKSPACE', 'MEMBER#bob', 'SITE#s1', 'ARCHIVED_SITE#s1'].map((sk) => ({ pk: PK, sk }));
  const places = [
    ...items,
    { pk: 'STOP#w1', sk: 'STOP' },
    { pk: 'STOP#stage', sk: 'STOP' },
    { pk: 'WEBHOOKS#w1', sk: 'wh' },
    { pk: 'MAIL#w1', sk: 'MAIL' },
    { pk: PK, sk: 'REMOVAL#0123' },
  ];
  for (const place of places)
    for (const change of ['INSERT', 'MODIFY', 'REMOVE'] as const)
      for (const { writer, types } of tenancyChangeOf({ ...place, change, image: { role: 'owner' } })
        ?.explanations ?? [])
        expect(EVENT_WRITERS[writer]).toEqual(expect.arrayContaining([...types]));
});

it('items that change without an event need no explanation', () => {
  for (const [pk, sk] of [
    ['EVENTS#manage#w1', 'evt_1'],
    ['MARK#SITE#s1', 'MARK'],
    [PK, 'OTHER#1'],
  ] as const)
    expect(tenancyChangeOf({ pk, sk, change: 'MODIFY', image: {} })).toBeUndefined();
});
