import { describe, expect, it } from '@jest/globals';
import { BrokerError } from '../../../lambdas/domain/broker-error.ts';
import type { ReservedSession } from '../../../lambdas/domain/sessions/session.ts';
import type { NewLease, TakenSlot } from '../../../lambdas/domain/sessions/slots.ts';
import type { QuotaReservation } from '../../../lambdas/domain/sessions/token-context.ts';
import { type AdmissionRequest, admitSession } from '../../../lambdas/use-cases/sessions/admit-session.ts';
import {
  aContext,
  anAdmittedSession,
  aSite,
  leasesOf,
  lost,
  NOW,
  NOW_SECONDS,
  recordingPorts,
} from './token-fixture.ts';

const SESSION = anAdmittedSession();

const request = (facts: Partial<AdmissionRequest> = {}): AdmissionRequest => ({
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
});

interface Write {
  readonly session: ReservedSession;
  readonly leases: readonly NewLease[];
  readonly hold: QuotaReservation | undefined;
}

/** Admits with a store that loses the first `races`; `after` is the capacity that is read after each. */
const admitted = async (facts: Partial<AdmissionRequest>, { races = 0, after = aContext() } = {}) => {
  const writes: Write[] = [];
  const waits: number[] = [];
  const { ports } = recordingPorts(after);
  const run = admitSession(
    {
      ...ports,
      backOff: async (attempt) => {
        waits.push(attempt);
      },
      admissions: {
        admit: async ({ session, leases, hold }) => {
          writes.push({ session, leases, hold });
          if (writes.length <= races) await lost();
        },
      },
    },
    request(facts),
  );
  return { writes, waits, result: await run.catch((error: unknown) => error) };
};
const refused = async (...given: Parameters<typeof admitted>) => {
  const { result, writes } = await admitted(...given);
  if (!(result instanceof BrokerError)) throw result;
  return { refusal: result.code, retryAfter: result.retryAfterSeconds, writes: writes.length };
};

const committed = (usedSeconds: number, committedSeconds: number, leases: readonly TakenSlot[] = []) =>
  aContext({ leases, period: { usedSeconds, committedSeconds, notices: {} } });

describe('the slots of an admission', () => {
  it('are one of every pool, taken in one write, until half a minute after the client secret expires', async () => {
    const pools = [
      { pool: 'key', limit: 5 },
      { pool: 'share', limit: 2 },
    ];
    const { result, writes } = await admitted({ pools });
    const lease = { index: 0, sessionId: SESSION.sessionId, address: 'me', expiresAt: NOW_SECONDS + 90 };
    expect(writes).toMatchObject([
      {
        leases: [
          { ...lease, pool: 'key' },
          { ...lease, pool: 'share' },
        ],
        // Nothing is set aside, but the sweeper must find the session.
        hold: { maxCommittedSeconds: undefined, usage: { holdSeconds: 0 } },
      },
    ]);
    expect(writes[0]?.session.admission).toEqual({
      maxDurationSeconds: 600,
      holdSeconds: 0,
      connectBy: NOW_SECONDS + 90,
      slots: [
        { pool: 'key', index: 0 },
        { pool: 'share', index: 0 },
      ],
    });
    expect(result).toMatchObject({ remainingSlots: 1, usage: { holdSeconds: 0 } });
  });

  it('are taken without a usage record for a client secret on an own key', async () => {
    const { result, writes } = await admitted({ session: { ...SESSION, mode: 'byok' } });
    expect(writes).toMatchObject([{ hold: undefined }]);
    expect(result).toMatchObject({ usage: undefined });
  });

  it('are chosen at random among the free ones, so that simultaneous visitors rarely collide', async () => {
    const { ports } = recordingPorts(aContext());
    const taken = async (drawn: number) => {
      const random = () => Buffer.from([0, 0, 0, drawn]);
      const capacity = aContext({ leases: leasesOf('key', [30, 30]) });
      const pools = [{ pool: 'key', limit: 5 }];
      return (await admitSession({ ...ports, random }, request({ pools, capacity }))).leases[0]?.index;
    };
    expect([await taken(0), await taken(1), await taken(2), await taken(3)]).toEqual([2, 3, 4, 2]);
  });

  it('are refused with the end of the earliest lease, or of the last full pool', async () => {
    const leases = [...leasesOf('key', [30, 50]), ...leasesOf('share', [40])];
    const capacity = aContext({ leases });
    expect(await refused({ capacity })).toEqual({ refusal: 'busy', retryAfter: 30, writes: 0 });
    const pools = [
      { pool: 'key', limit: 2 },
      { pool: 'share', limit: 1 },
    ];
    expect(await refused({ capacity, pools })).toEqual({ refusal: 'busy', retryAfter: 40, writes: 0 });
  });

  it('do not exist for a key without a limit, which admits every visitor', async () => {
    const { result, writes } = await admitted({ pools: [] });
    expect(result).toMatchObject({ remainingSlots: null, leases: [] });
    expect(writes).toHaveLength(1);
  });

  it('are chosen again after a conflict, from the new state', async () => {
    const after = aContext({ leases: leasesOf('key', [30]) });
    const { result, writes, waits } = await admitted({}, { races: 3, after });
    expect(writes.map(({ leases }) => leases[0]?.index)).toEqual([0, 1, 1, 1]);
    expect(waits).toEqual([1, 2, 3]);
    expect(result).toMatchObject({ remainingSlots: 0 });
  });

  it('are refused as busy after eight conflicts, or without slots as an outage', async () => {
    expect(await refused({}, { races: 99 })).toEqual({ refusal: 'busy', retryAfter: 1, writes: 8 });
    expect(await refused({ pools: [] }, { races: 99 })).toMatchObject({ refusal: 'unavailable', writes: 8 });
  });

  it('are not tried again after any other failure of the write', async () => {
    const { ports } = recordingPorts(aContext());
    const failing = { ...ports, admissions: { admit: () => Promise.reject(new Error('down')) } };
    await expect(admitSession(failing, request())).rejects.toThrow('down');
  });
});

describe('the slot limit per address', () => {
  const pools = [{ pool: 'key', limit: 10 }];
  const own = (count: number) => leasesOf('key', Array(count).fill(30), { address: 'me' });

  it.each([
    [10, 1],
    [30, 3],
    [39, 3],
  ])('at %i per cent of ten slots is %i', async (addressSlotPercent, most) => {
    const full = aContext({ leases: own(most) });
    expect(await refused({ pools, addressSlotPercent, capacity: full })).toEqual({
      refusal: 'rate_limited',
      retryAfter: 30,
      writes: 0,
    });
    const room = aContext({ leases: own(most - 1) });
    expect((await admitted({ pools, addressSlotPercent, capacity: room })).writes).toHaveLength(1);
  });

  it('does not count slots of other addresses or of another pool', async () => {
    const leases = [...leasesOf('key', [30, 30, 30]), ...leasesOf('other', [30, 30, 30], { address: 'me' })];
    const capacity = aContext({ leases });
    expect((await admitted({ pools, addressSlotPercent: 10, capacity })).writes).toHaveLength(1);
  });
});

describe('the minutes of a hard cap', () => {
  const capSeconds = 6_000;

  it('give a session two minutes at first, on condition that they still fit', async () => {
    const { result, writes } = await admitted({ capSeconds });
    expect(writes[0]?.hold).toMatchObject({ maxCommittedSeconds: 5_880, usage: { holdSeconds: 120 } });
    expect(writes[0]?.session.admission).toMatchObject({ maxDurationSeconds: 600, holdSeconds: 120 });
    expect(result).toMatchObject({ usage: { holdSeconds: 120, longestSeconds: 630 } });
  });

  it('give a session no more than its maximum length', async () => {
    const { writes } = await admitted({ capSeconds, site: { ...request({}).site, maxDurationSeconds: 60 } });
    expect(writes[0]?.hold).toMatchObject({ maxCommittedSeconds: 5_940, usage: { holdSeconds: 60 } });
  });

  it.each([
    { used: 0, most: 17 },
    { used: 5_000, most: 2 },
    { used: 5_700, most: 1 },
  ])('allow one address $most sessions when $used of 6,000 seconds are used', async ({ used, most }) => {
    const pools = [{ pool: 'key', limit: 100 }];
    const own = (count: number) =>
      aContext({
        leases: leasesOf('key', Array(count).fill(30), { address: 'me' }),
        period: { usedSeconds: used, committedSeconds: used, notices: {} },
      });
    const facts = { capSeconds, pools, addressSlotPercent: 34 };
    expect((await admitted({ ...facts, capacity: own(most - 1) })).writes).toHaveLength(1);
    expect(await refused({ ...facts, capacity: own(most) })).toMatchObject({ refusal: 'rate_limited' });
  });

  it('give a session the remaining seconds, which limit its length', async () => {
    const { writes } = await admitted({ capSeconds, capacity: committed(100, 5_995) });
    expect(writes[0]?.hold).toMatchObject({ maxCommittedSeconds: 5_995, usage: { holdSeconds: 5 } });
    expect(writes[0]?.session.admission).toMatchObject({ maxDurationSeconds: 5, holdSeconds: 5 });
  });

  it('refuse a session below five seconds: for a minute if other sessions hold the rest, otherwise until next month', async () => {
    expect(await refused({ capSeconds, capacity: committed(5_995, 5_996) })).toEqual({
      refusal: 'minutes_exhausted',
      retryAfter: 60,
      writes: 0,
    });
    const untilDecember = (Date.parse('2026-12-01T00:00:00Z') - NOW.getTime()) / 1_000;
    expect(await refused({ capSeconds, capacity: committed(5_996, 5_996) })).toEqual({
      refusal: 'minutes_exhausted',
      retryAfter: untilDecember,
      writes: 0,
    });
  });

  it('give a session the remaining seconds after a conflict', async () => {
    const { writes } = await admitted({ capSeconds }, { races: 1, after: committed(0, 5_900) });
    expect(writes.map(({ hold }) => hold?.usage.holdSeconds)).toEqual([120, 100]);
  });
});
