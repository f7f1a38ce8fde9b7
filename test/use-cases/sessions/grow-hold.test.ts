import { describe, expect, it } from '@jest/globals';
import { entryOf, type SessionUsage } from '../../../lambdas/domain/sessions/session-usage.ts';
import { BUILT_IN_PLANS } from '../../../lambdas/domain/tenancy/plan.ts';
import type { Workspace } from '../../../lambdas/domain/tenancy/workspace.ts';
import { growHold } from '../../../lambdas/use-cases/sessions/grow-hold.ts';
import {
  aSessionUsage,
  connected,
  ended,
  heartbeat,
  onTime,
  take,
} from '../../domain/sessions/session-usage-fixture.ts';
import { aWorkspace } from './token-fixture.ts';

/** The free plan's minutes, seconds. */
const CAP = 6_000;
const FRESH = aSessionUsage({ holdSeconds: 120 });
const STORED: SessionUsage = { ...FRESH, posted: entryOf(FRESH), revision: 1 };
const at = (seconds: number, before = STORED) =>
  take(before, onTime([connected(0), heartbeat(seconds)])).usage;

const grown = async ({
  before = STORED,
  after,
  committed = 120,
  workspace = { billingMode: 'managed' },
}: {
  before?: SessionUsage;
  after: SessionUsage;
  committed?: number;
  workspace?: Partial<Workspace>;
}) => {
  const result = await growHold(
    {
      plans: BUILT_IN_PLANS,
      notices: { readPeriod: async () => ({ usedSeconds: 0, committedSeconds: committed, notices: {} }) },
    },
    aWorkspace(workspace),
    before,
    after,
  );
  return { hold: result.usage.holdSeconds, capSeconds: result.capSeconds, usage: result.usage };
};

describe('the hold of a running session', () => {
  it('grows to the used seconds and two minutes, on the condition of the cap', async () => {
    const { hold, capSeconds, usage } = await grown({ after: at(90) });
    expect({ hold, capSeconds }).toEqual({ hold: 210, capSeconds: CAP });
    expect(usage).toEqual({ ...at(90), holdSeconds: 210 });
    expect(entryOf(usage)).toMatchObject({ billedSeconds: 90, committedSeconds: 210 });
  });

  it('grows by what the plan has left, when that is less', async () => {
    const { hold, capSeconds } = await grown({ after: at(90), committed: CAP - 7 });
    expect({ hold, capSeconds }).toEqual({ hold: 127, capSeconds: CAP });
  });

  it.each([
    ['more than a minute of it is left', { after: at(50) }],
    ['nothing is left of the plan', { after: at(90), committed: CAP }],
    ['the plan has more committed than it includes', { after: at(90), committed: CAP + 50 }],
    [
      'the session was over before',
      { before: take(STORED, onTime([connected(0), ended(70)])).usage, after: at(90) },
    ],
  ])('stays as it is when %s', async (_, given) => {
    const { usage, capSeconds } = await grown(given);
    expect(capSeconds).toBeUndefined();
    expect(usage).toBe(given.after);
  });

  it.each([
    ['a plan without a hard cap', { billingMode: 'managed', plan: 'starter' }],
    ['its own key', { billingMode: 'byok' }],
  ] as const)('grows without a condition once the workspace has %s', async (_, workspace) => {
    const { hold, capSeconds } = await grown({ after: at(90), committed: CAP, workspace });
    expect({ hold, capSeconds }).toEqual({ hold: 210, capSeconds: undefined });
  });
});
