import { describe, expect, it } from '@jest/globals';
import type { AuditEvent } from '../../../lambdas/domain/audit/audit-record.ts';
import { budgetChangeOf } from '../../../lambdas/domain/audit/budget-change.ts';
import { explains } from '../../../lambdas/domain/audit/explained-change.ts';

type Image = Readonly<Record<string, unknown>>;

const BUDGET: Image = {
  pk: 'BUDGET#w1',
  sk: 'SITE#s1',
  workspaceId: 'w1',
  siteId: 's1',
  period: 'month',
  amountMicroCents: 100,
  action: 'end_calls',
  periodName: '2026-11',
  spentMicroCents: 30,
  reservedMicroCents: 0,
  remainingMicroCents: 70,
  createdAt: '2026-11-01T00:00:00.000Z',
  changedAt: '2026-11-01T00:00:00.000Z',
  changedBy: 'carol',
  revision: 1,
};
const NOW = new Date('2026-11-30T12:00:00.000Z');
const TIMES = { at: NOW, now: NOW };

const event = (type: AuditEvent['type'], facts: AuditEvent['facts'], fields: Partial<AuditEvent> = {}) => ({
  eventId: 'evt_1',
  workspaceId: 'w1',
  type,
  at: NOW.toISOString(),
  actor: 'carol',
  siteId: 's1',
  sessionId: null,
  ipHash: null,
  facts,
  ...fields,
});

const found = (before: Image | undefined, after: Image | undefined, times = TIMES) =>
  budgetChangeOf({ pk: 'BUDGET#w1', sk: 'SITE#s1', before, after, ...times });
/** The change of a budget with these attributes changed. */
const changed = (attributes: Image, before = BUDGET) => found(before, { ...before, ...attributes });
const NOTHING = { change: undefined, lowered: undefined };

/** Whether an event of the writer explains the change. */
const explained = ({ change }: ReturnType<typeof found>, writer: string, by: AuditEvent): boolean =>
  change?.explanations.some((one) => one.writer === writer && explains(one, by)) ?? false;

const SET = { scope: 'site', period: 'month', action: 'end_calls', amount_micro_cents: 100 };

describe('a change of the budget settings', () => {
  it.each([
    ['amount', { amountMicroCents: 1_000, remainingMicroCents: 970 }, { amount_micro_cents: 1_000 }],
    ['action', { action: 'notify' }, { action: 'notify' }],
    ['period', { period: 'day', periodName: '2026-11-30' }, { period: 'day' }],
  ])('is explained only by the event with the same %s', (_, attributes, facts) => {
    const change = changed(attributes);
    expect(change.change?.subject).toBe('budget of site s1');
    const explaining = event('budget.changed', { ...SET, ...facts });
    expect(explained(change, 'manage', explaining)).toBe(true);
    expect(explained(change, 'events', explaining)).toBe(false);
    expect(explained(change, 'manage', event('budget.changed', SET))).toBe(false);
    for (const other of [{ siteId: null }, { siteId: 's2' }, { actor: 'mallory' }])
      expect(explained(change, 'manage', { ...explaining, ...other })).toBe(false);
  });

  it('is never explained if it adds an unknown attribute, such as an expiry', () => {
    const expiring = changed({ expires_at: 1 });
    expect(expiring.change?.subject).toBe('budget of site s1');
    expect(explained(expiring, 'manage', event('budget.changed', SET))).toBe(false);
  });

  it('is explained by its event or a restore when it adds the budget', () => {
    const added = found(undefined, BUDGET);
    expect(explained(added, 'manage', event('budget.changed', SET))).toBe(true);
    expect(explained(added, 'restore', event('workspace.restored', {}))).toBe(true);
    expect(explained(added, 'manage', event('budget.removed', SET))).toBe(false);
  });

  it('is explained by budget.removed when it removes the budget', () => {
    const removed = found(BUDGET, undefined);
    expect(explained(removed, 'manage', event('budget.removed', SET))).toBe(true);
    expect(explained(removed, 'manage', event('budget.removed', SET, { siteId: null }))).toBe(false);
    expect(explained(removed, 'manage', event('budget.removed', { ...SET, scope: 'workspace' }))).toBe(false);
  });

  it('of a workspace is not explained by the event of a site', () => {
    const image = { ...BUDGET, sk: 'WORKSPACE', siteId: null };
    const added = budgetChangeOf({
      pk: 'BUDGET#w1',
      sk: 'WORKSPACE',
      before: undefined,
      after: image,
      ...TIMES,
    });
    expect(added.change?.subject).toBe('budget of the workspace');
    const facts = { ...SET, scope: 'workspace' };
    expect(explained(added, 'manage', event('budget.changed', facts, { siteId: null }))).toBe(true);
    expect(explained(added, 'manage', event('budget.changed', SET))).toBe(false);
  });

  it.each([
    ['of another site', 'SITE#s1', { siteId: 's2' }],
    ['of another workspace', 'SITE#s1', { workspaceId: 'w2' }],
    ['in no place of a budget', 'OTHER', { siteId: null }],
  ])('is explained only by a restore when the stored budget is %s', (_, sk, attributes) => {
    const after = { ...BUDGET, ...attributes };
    const { change } = budgetChangeOf({ pk: 'BUDGET#w1', sk, before: undefined, after, ...TIMES });
    expect(change?.explanations.map(({ writer }) => writer)).toEqual(['restore']);
  });
});

describe('a change of the budget counts', () => {
  it.each([
    ['a cost', { spentMicroCents: 50, remainingMicroCents: 50 }, BUDGET],
    ['more than the amount', { spentMicroCents: 150, remainingMicroCents: -50 }, BUDGET],
    ['a reservation', { reservedMicroCents: 20, remainingMicroCents: 50 }, BUDGET],
    [
      'the end of calls of a spent budget',
      { callsEndedAt: NOW.toISOString() },
      { ...BUDGET, spentMicroCents: 100, remainingMicroCents: 0 },
    ],
    [
      'the first cost of the next month',
      { periodName: '2026-12', spentMicroCents: 5, remainingMicroCents: 95 },
      BUDGET,
    ],
  ])('needs no event for %s', (_, attributes, before) => {
    expect(changed(attributes, before)).toEqual(NOTHING);
  });

  it.each([
    ['of which more remains than was not spent', { remainingMicroCents: 100 }, BUDGET],
    ['that are no numbers', { spentMicroCents: '30' }, BUDGET],
    ['that reserve less than nothing', { reservedMicroCents: -50, remainingMicroCents: 120 }, BUDGET],
    ['of a period that has ended', { periodName: '2026-10' }, BUDGET],
    ['of a period that has not begun anywhere', { periodName: '2027-01' }, BUDGET],
    [
      'whose calls are marked as ended before the amount is spent',
      { callsEndedAt: NOW.toISOString() },
      BUDGET,
    ],
    ['of which a notice is taken back', { notice50: undefined }, { ...BUDGET, notice50: NOW.toISOString() }],
    ['whose notices are marked together', { notice50: 'a', notice80: 'a' }, BUDGET],
    ['of a new period with a notice of the last', { periodName: '2026-12', notice50: 'a' }, BUDGET],
  ])('is explained only by a restore for counts %s', (_, attributes, before) => {
    const after = Object.fromEntries(
      Object.entries({ ...before, ...attributes }).filter(([, value]) => value !== undefined),
    );
    const { change } = found(before, after);
    expect(change?.subject).toBe('counts of the budget of site s1');
    expect(change?.explanations.map(({ writer }) => writer)).toEqual(['restore']);
  });

  it('may begin only a period that is current in some time zone', () => {
    const daily = { ...BUDGET, period: 'day', periodName: '2026-11-28' };
    const at = (time: string) => ({ at: new Date(time), now: new Date(time) });
    const begun = (periodName: string, time: string) =>
      found(daily, { ...daily, periodName }, at(time)).change === undefined;
    expect(begun('2026-11-29', '2026-11-30T12:00:00Z')).toBe(true);
    expect(begun('2026-11-29', '2026-11-30T13:00:00Z')).toBe(false);
    expect(begun('2026-12-01', '2026-11-30T10:00:00Z')).toBe(true);
    expect(begun('2026-12-01', '2026-11-30T09:59:59Z')).toBe(false);
    // The record is read an hour later.
    const late = { at: new Date('2026-11-30T12:00:00Z'), now: new Date('2026-11-30T13:00:00Z') };
    expect(found(daily, { ...daily, periodName: '2026-11-29' }, late).change).toBeUndefined();
  });

  it('with a notice is explained by its event, whichever function wrote the event', () => {
    const noticed = changed({ notice80: NOW.toISOString() });
    const facts = { scope: 'site', percent: 80 };
    for (const writer of ['events', 'watch', 'manage'])
      expect(explained(noticed, writer, event('budget.threshold_reached', facts))).toBe(true);
    expect(explained(noticed, 'watch', event('budget.threshold_reached', { ...facts, percent: 50 }))).toBe(
      false,
    );
    expect(explained(noticed, 'keys', event('budget.threshold_reached', facts))).toBe(false);
  });

  it('that lowers the spent amount is compared with the usage', () => {
    expect(changed({ spentMicroCents: 10, remainingMicroCents: 90 })).toEqual({
      change: undefined,
      lowered: { workspaceId: 'w1', siteId: 's1', period: 'month', periodName: '2026-11' },
    });
  });
});
