import { describe, expect, it } from '@jest/globals';
import type { CallId } from '../../../lambdas/domain/calls/call.ts';
import {
  checkForSilence,
  entryOf,
  type SessionUsage,
} from '../../../lambdas/domain/sessions/session-usage.ts';
import { withCallClosed, withWatchTaken } from '../../../lambdas/domain/sessions/watched-usage.ts';
import { BUILT_IN_PLANS } from '../../../lambdas/domain/tenancy/plan.ts';
import type { Workspace } from '../../../lambdas/domain/tenancy/workspace.ts';
import { growHold } from '../../../lambdas/use-cases/sessions/grow-hold.ts';
import {
  afterMint,
  aSessionUsage,
  clockAt,
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
  it('grows to the used seconds plus two minutes, on condition of the cap', async () => {
    const { hold, capSeconds, usage } = await grown({ after: at(90) });
    expect({ hold, capSeconds }).toEqual({ hold: 210, capSeconds: CAP });
    expect(usage).toEqual({ ...at(90), holdSeconds: 210 });
    expect(entryOf(usage)).toMatchObject({ billedSeconds: 90, committedSeconds: 210 });
  });

  it('grows by the rest of the plan if this is less', async () => {
    const { hold, capSeconds } = await grown({ after: at(90), committed: CAP - 7 });
    expect({ hold, capSeconds }).toEqual({ hold: 127, capSeconds: CAP });
  });

  it.each([
    ['more than a minute of it is left', { after: at(50) }],
    ['nothing is left of the plan', { after: at(90), committed: CAP }],
    ['the plan has more committed than it includes', { after: at(90), committed: CAP + 50 }],
    [
      'the session had ended before',
      { before: take(STORED, onTime([connected(0), ended(70)])).usage, after: at(90) },
    ],
  ])('is unchanged when %s', async (_, given) => {
    const { usage, capSeconds } = await grown(given);
    expect(capSeconds).toBeUndefined();
    expect(usage).toBe(given.after);
  });

  it.each([
    ['a plan without a hard cap', { billingMode: 'managed', plan: 'starter' }],
    ['its own key', { billingMode: 'byok' }],
  ] as const)('grows without a condition if the workspace now has %s', async (_, workspace) => {
    const { hold, capSeconds } = await grown({ after: at(90), committed: CAP, workspace });
    expect({ hold, capSeconds }).toEqual({ hold: 210, capSeconds: undefined });
  });
});

/** As the store leaves it. */
const saved = (usage: SessionUsage): SessionUsage => ({
  ...usage,
  posted: entryOf(usage),
  revision: usage.revision + 1,
});

describe('an ended session whose seconds returned to the plan', () => {
  /** Silent after 40 seconds: 60 are billed. */
  const silent = saved(checkForSilence(saved(at(40)), clockAt(400)));
  /** Its page was offline, and talked for 110 seconds. */
  const late = take(silent, [{ report: heartbeat(90), arrivesAt: 500 }]).usage;

  it('is billed for seconds reported late, on condition of the cap', async () => {
    expect(entryOf(silent)).toMatchObject({ billedSeconds: 60, committedSeconds: 60 });
    const { usage, capSeconds } = await grown({ before: silent, after: late, committed: 60 });
    expect(capSeconds).toBe(CAP);
    expect(entryOf(usage)).toMatchObject({ billedSeconds: 110, committedSeconds: 110 });
  });

  it.each([
    { left: 7, billed: 67 },
    { left: 0, billed: 60 },
    { left: -20, billed: 60 },
  ])('is billed $billed seconds when the plan has $left left', async ({ left, billed }) => {
    const { usage, capSeconds } = await grown({ before: silent, after: late, committed: CAP - left });
    expect(capSeconds).toBe(CAP);
    expect(entryOf(usage)).toMatchObject({ billedSeconds: billed, committedSeconds: billed, seconds: 110 });
    const again = saved(usage);
    expect(await grown({ before: again, after: again, committed: CAP })).toMatchObject({
      usage: again,
      capSeconds: undefined,
    });
  });

  it('is billed nothing if it was not counted before and the plan has no seconds left', async () => {
    const unheard = saved(checkForSilence(STORED, clockAt(400)));
    expect(entryOf(unheard)).toMatchObject({ committedSeconds: 0 });
    const after = take(unheard, [
      { report: connected(0), arrivesAt: 500 },
      { report: heartbeat(90), arrivesAt: 500 },
    ]).usage;
    const { usage } = await grown({ before: unheard, after, committed: CAP });
    expect(entryOf(usage)).toMatchObject({ billedSeconds: 0, committedSeconds: 0, seconds: 110 });
  });
});

describe('a watched call whose page has reported its end', () => {
  const watch = { callId: 'rtc_1' as CallId, openedAtMs: afterMint(0) };
  const watched = saved(withWatchTaken(STORED, watch, clockAt(20)) as SessionUsage);
  const reported = saved(take(watched, [{ report: ended(58), arrivesAt: 58 }]).usage);

  it('keeps its hold until it is closed, because it may continue', () => {
    expect(entryOf(reported)).toMatchObject({ committedSeconds: 120 });
    expect(entryOf(withCallClosed(reported, clockAt(59)))).toMatchObject({
      billedSeconds: 59,
      committedSeconds: 59,
    });
  });

  it('whose hold an older version released gets more seconds on condition of the cap', async () => {
    const released = { ...reported, posted: { ...entryOf(reported), committedSeconds: 20 } };
    expect(entryOf(released)).toMatchObject({ billedSeconds: 20, committedSeconds: 20 });
    const after = withCallClosed(released, clockAt(59));
    const { capSeconds, usage } = await grown({ before: released, after, committed: CAP - 9 });
    expect(capSeconds).toBe(CAP);
    expect(entryOf(usage)).toMatchObject({ billedSeconds: 29, committedSeconds: 29 });
  });

  it('has a hold that grows no more', async () => {
    const { usage, capSeconds } = await grown({ before: reported, after: reported });
    expect(usage).toBe(reported);
    expect(capSeconds).toBeUndefined();
  });
});
