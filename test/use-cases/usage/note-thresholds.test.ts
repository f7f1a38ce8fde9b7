import { describe, expect, it } from '@jest/globals';
import type { AuditEvent } from '../../../lambdas/domain/audit/audit-record.ts';
import { ConflictError } from '../../../lambdas/domain/dependency.ts';
import { BUILT_IN_PLANS } from '../../../lambdas/domain/tenancy/plan.ts';
import type { Workspace } from '../../../lambdas/domain/tenancy/workspace.ts';
import { noteThresholds } from '../../../lambdas/use-cases/usage/note-thresholds.ts';
import { aSession, clockAt, type SessionFacts } from '../../domain/sessions/session-usage-fixture.ts';
import { aWorkspace } from '../sessions/token-fixture.ts';

/** The notes for a workspace that has used this many of Starter's 500 minutes. */
const noted = async (
  usedMinutes: number,
  {
    session = {},
    workspace = aWorkspace({ plan: 'starter' }),
    notices = {},
    noteThreshold = async () => undefined,
  }: {
    readonly session?: SessionFacts;
    readonly workspace?: Workspace | null;
    readonly notices?: Readonly<Record<string, string>>;
    readonly noteThreshold?: (percent: number) => Promise<void>;
  } = {},
) => {
  const asked: string[] = [];
  const events: AuditEvent[] = [];
  await noteThresholds(
    {
      random: (size) => Buffer.alloc(size),
      plans: BUILT_IN_PLANS,
      notices: {
        readPeriod: async (_, period) => {
          asked.push(period);
          return { usedSeconds: usedMinutes * 60, committedSeconds: 0, notices };
        },
        noteThreshold: async (_, period, percent, event) => {
          asked.push(`${period} ${percent}`);
          await noteThreshold(percent);
          events.push(event);
        },
      },
    },
    { session: aSession(session), workspace: workspace ?? undefined },
    clockAt(60),
  );
  return { asked, events };
};

describe('the threshold of a plan', () => {
  it.each([
    [249, []],
    [250, [50]],
    [399, [50]],
    [400, [50, 80]],
    [500, [50, 80, 100]],
    [700, [50, 80, 100]],
  ])('is recorded after %d minutes: %j', async (usedMinutes, percents) => {
    const { events } = await noted(usedMinutes);
    expect(events.map(({ facts }) => facts['percent'])).toEqual(percents);
  });

  it('is in the audit trail with the plan, the period and the used seconds', async () => {
    const { events } = await noted(250);
    expect(events).toEqual([
      expect.objectContaining({
        type: 'plan.threshold_reached',
        workspaceId: 'w'.repeat(12),
        actor: 'system:meter',
        siteId: null,
        facts: { percent: 50, period: '2026-11', plan: 'starter', used_seconds: 15_000 },
      }),
    ]);
  });

  it('is recorded once per period', async () => {
    const { asked } = await noted(450, { notices: { 50: '2026-11-20T00:00:00.000Z' } });
    expect(asked).toEqual(['2026-11', '2026-11 80']);
  });

  it('belongs to the month of the mint, even if the event arrives in the next month', async () => {
    const { asked } = await noted(250, { session: { mintedMs: Date.parse('2026-10-31T23:59:59Z') } });
    expect(asked).toEqual(['2026-10', '2026-10 50']);
  });

  it('is recorded even if another session recorded a lower one first', async () => {
    const { events } = await noted(500, {
      noteThreshold: async (percent) => {
        if (percent === 50) throw new ConflictError();
      },
    });
    expect(events.map(({ facts }) => facts['percent'])).toEqual([80, 100]);
  });

  it('fails if it cannot be recorded, so that the next event repeats it', async () => {
    const noteThreshold = () => Promise.reject(new Error('no answer'));
    await expect(noted(250, { noteThreshold })).rejects.toThrow('no answer');
  });

  it.each([
    ['a session on your own key', { session: { mode: 'byok' } }],
    ['a workspace that is gone', { workspace: null }],
    ['a plan that the deployment does not have', { workspace: aWorkspace({ plan: 'platinum' }) }],
    ['a plan without a number of minutes', { workspace: aWorkspace({ plan: 'enterprise' }) }],
  ] as const)('does not apply to %s, and nothing is read', async (_, facts) => {
    const { asked } = await noted(1_000, facts);
    expect(asked).toEqual([]);
  });
});
