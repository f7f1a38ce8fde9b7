import { describe, expect, it } from '@jest/globals';
import { BrokerError } from '../../../lambdas/domain/broker-error.ts';
import { highestCostOfResponse } from '../../../lambdas/domain/budgets/response-bound.ts';
import type { SessionId } from '../../../lambdas/domain/identifiers.ts';
import { holderTagOf } from '../../../lambdas/domain/sessions/slots.ts';
import type { TokenContext } from '../../../lambdas/domain/sessions/token-context.ts';
import { DEFAULT_CONVERSATION } from '../../../lambdas/domain/tenancy/conversation.ts';
import type { Site } from '../../../lambdas/domain/tenancy/workspace.ts';
import { priceOf } from '../../../lambdas/domain/usage/price-catalogue.ts';
import type { AdmissionWrite } from '../../../lambdas/use-cases/ports.ts';
import { type AdmissionRequest, admitSession } from '../../../lambdas/use-cases/sessions/admit-session.ts';
import { aBudget } from '../budgets/budget-fixture.ts';
import {
  aContext,
  anAdmittedSession,
  aSite,
  leasesOf,
  lost,
  NOW,
  NOW_SECONDS,
  recordingPorts,
  WORKSPACE_ID,
} from './token-fixture.ts';

const SESSION = anAdmittedSession({
  openedWith: 'call',
  mode: 'byok',
  keyScope: 'workspace',
  keyScopeId: WORKSPACE_ID,
});
const VISITOR = {
  tag: 'visitor',
  token: { tag: 'token', exp: NOW_SECONDS + 60 },
  limits: { callsPerDay: 3, minutesPerDay: 10 },
};

/** Admits with a store that loses the first `races`; the writes, the reads after a race, and the result. */
const admitted = async (
  facts: Partial<AdmissionRequest> = {},
  { races = 0, after = {} as Partial<TokenContext> } = {},
) => {
  const writes: AdmissionWrite[] = [];
  const reads: unknown[] = [];
  const { ports } = recordingPorts(aContext());
  const result = await admitSession(
    {
      ...ports,
      contexts: {
        readTokenContext: () => Promise.reject(new Error('not asked for all of it')),
        readCapacity: async (...read) => {
          reads.push(read[3]);
          return aContext(after);
        },
      },
      admissions: {
        admit: async (write) => {
          writes.push(write);
          if (writes.length <= races) await lost();
        },
      },
    },
    {
      session: SESSION,
      site: aSite(),
      pools: [{ pool: 'key', limit: 2 }],
      addressSlotPercent: 100,
      capSeconds: undefined,
      capacity: aContext(),
      timeZone: 'UTC',
      visitor: undefined,
      replaced: undefined,
      now: NOW,
      ...facts,
    },
  ).catch((error: unknown) => error);
  return { result, writes, reads };
};
const refused = async (...given: Parameters<typeof admitted>) => {
  const { result, writes } = await admitted(...given);
  if (!(result instanceof BrokerError)) throw result;
  return { refusal: result.code, retryAfter: result.retryAfterSeconds, writes: writes.length };
};

describe('the admission of a call', () => {
  it('writes the session, its slot, its usage and the key intent in one transaction', async () => {
    const { writes, result } = await admitted();
    expect(writes).toMatchObject([
      {
        session: { admission: { maxDurationSeconds: 600, connectBy: NOW_SECONDS + 90 } },
        // The slot is held until the function that opens the call has certainly ended.
        leases: [{ pool: 'key', expiresAt: NOW_SECONDS + 90, expectedUntil: NOW_SECONDS + 75 }],
        hold: { usage: { sessionId: SESSION.sessionId }, maxCommittedSeconds: undefined },
        use: { reason: 'call', keyVersion: 3, sessionId: SESSION.sessionId, actor: 'visitor' },
      },
    ]);
    expect(result).toMatchObject({ use: writes[0]?.use, usage: writes[0]?.hold?.usage });
  });

  it('takes no slot on a key without a limit, and is still recorded', async () => {
    const { writes, result } = await admitted({ pools: [] });
    expect(writes).toMatchObject([{ leases: [], use: { reason: 'call' } }]);
    expect(result).toMatchObject({ remainingSlots: null });
  });

  it('on a key without a limit is an outage after eight conflicts, because there is no slot to wait for', async () => {
    expect(await refused({ pools: [] }, { races: 8 })).toEqual({
      refusal: 'unavailable',
      retryAfter: undefined,
      writes: 8,
    });
  });
});

describe('the admission of a visitor with an embed token', () => {
  it('counts the visitor in the same write, and limits the session to the remaining minutes of the day', async () => {
    const embed = { tokenUsed: false, visitorDay: { calls: 1, seconds: 480 } };
    const { writes } = await admitted({ visitor: VISITOR, capacity: aContext({ embed }) });
    expect(writes).toMatchObject([{ visitor: VISITOR, session: { admission: { maxDurationSeconds: 120 } } }]);
  });

  it('limits the session to the maximum of the site if more minutes remain', async () => {
    const site = aSite({ maxDurationSeconds: 60 });
    const { writes } = await admitted({ visitor: VISITOR, site });
    expect(writes[0]?.session.admission?.maxDurationSeconds).toBe(60);
  });

  it.each([
    ['embed_token_invalid', 'opened a session', { tokenUsed: true, visitorDay: { calls: 0, seconds: 0 } }],
    ['visitor_limit', 'used the last call', { tokenUsed: false, visitorDay: { calls: 3, seconds: 0 } }],
  ])('is refused as %s if a simultaneous request has %s', async (refusal, _, embed) => {
    expect(await refused({ visitor: VISITOR }, { races: 1, after: { embed } })).toMatchObject({
      refusal,
      writes: 1,
    });
  });

  it.each([
    ['token and visitor', VISITOR, { token: 'token', visitor: 'visitor' }],
    [
      'the visitor alone for a call that is replaced',
      { ...VISITOR, token: undefined },
      { visitor: 'visitor' },
    ],
    ['neither', undefined, undefined],
  ])('is judged again after a conflict by %s', async (_, visitor, tags) => {
    const { reads, writes } = await admitted({ visitor }, { races: 1 });
    expect(reads).toEqual([tags]);
    expect(writes).toHaveLength(2);
  });
});

describe('the budgets in an admission', () => {
  const spent = aBudget({ action: 'refuse', remainingMicroCents: 0, spentMicroCents: 100 });

  it('are a condition of the write while they have a rest', async () => {
    const { writes } = await admitted({ capacity: aContext({ budgets: [aBudget()] }) });
    expect(writes[0]?.budgets).toMatchObject([{ periodName: '2026-11', storedPeriodName: '2026-11' }]);
  });

  it('refuse the call if they are spent by the second attempt', async () => {
    expect(await refused({}, { races: 1, after: { budgets: [spent] } })).toMatchObject({
      refusal: 'budget_exhausted',
      writes: 1,
    });
  });

  it('with never_exceed refuse the call if the rest is less than the first message can cost', async () => {
    const conversation: Site['conversation'] = {
      ...DEFAULT_CONVERSATION,
      firstMessage: { type: 'instructions', text: 'Greet.' },
    };
    const price = priceOf(SESSION.model, NOW, 'global');
    if (price === undefined) throw new Error('The model has no price.');
    const amountMicroCents = highestCostOfResponse(price, {
      instructions: '',
      turnMs: 0,
      maxOutputTokens: conversation.maxOutputTokens,
    });
    const budget = aBudget({
      action: 'never_exceed',
      amountMicroCents,
      remainingMicroCents: amountMicroCents,
    });
    const capacity = aContext({ budgets: [budget] });
    expect((await admitted({ capacity })).writes).toHaveLength(1);
    expect(await refused({ capacity, site: aSite({ conversation }) })).toMatchObject({
      refusal: 'budget_exhausted',
      writes: 0,
    });
    const replaced = { sessionId: 'ses_old' as SessionId, slots: [] };
    expect((await admitted({ capacity, site: aSite({ conversation }), replaced })).writes).toHaveLength(1);
  });

  it('are no condition if the platform pays', async () => {
    const session = { ...SESSION, mode: 'managed' as const };
    const { writes } = await admitted({ session, capacity: aContext({ budgets: [spent] }) });
    expect(writes[0]?.budgets).toEqual([]);
  });
});

describe('the admission of a replacing call', () => {
  const OLD = 'ses_old' as SessionId;
  const holder = holderTagOf(OLD);
  const leases = leasesOf('key', [600, 600]).map((lease) =>
    lease.index === 1 ? { ...lease, holder } : lease,
  );
  const oldAt = (index: number) => ({ sessionId: OLD, slots: [{ pool: 'key', index }] });

  it('takes over the slot of the old call, even if all slots are taken', async () => {
    const { writes, result } = await admitted({ replaced: oldAt(1), capacity: aContext({ leases }) });
    expect(writes).toMatchObject([{ replaced: OLD, leases: [{ pool: 'key', index: 1 }] }]);
    expect(result).toMatchObject({ remainingSlots: 0 });
  });

  it('takes over that slot even if others are free, because no other request can take it', async () => {
    const few = leasesOf('key', [600, 600, 600])
      .slice(2)
      .map((lease) => ({ ...lease, holder }));
    const pools = [{ pool: 'key', limit: 5 }];
    const { writes } = await admitted({ replaced: oldAt(2), pools, capacity: aContext({ leases: few }) });
    expect(writes[0]?.leases).toMatchObject([{ index: 2 }]);
  });

  it('takes a free slot if the old call has none', async () => {
    const capacity = aContext({ leases: leases.slice(0, 1) });
    const { writes } = await admitted({ replaced: oldAt(1), capacity });
    expect(writes[0]?.leases).toMatchObject([{ index: 1 }]);
  });

  it('takes no slot of another session that has the same tag', async () => {
    const capacity = aContext({ leases });
    expect(await refused({ replaced: oldAt(0), capacity })).toMatchObject({ refusal: 'busy' });
  });

  it('does not count as another slot of its address', async () => {
    const mine = leases.map((lease) => ({ ...lease, ...(lease.holder === holder && { address: 'me' }) }));
    const request = { addressSlotPercent: 50, capacity: aContext({ leases: mine.slice(1) }) };
    expect((await refused(request)).refusal).toBe('rate_limited');
    expect((await admitted({ ...request, replaced: oldAt(1) })).writes).toHaveLength(1);
  });
});
