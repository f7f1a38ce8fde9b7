import { describe, expect, it } from '@jest/globals';
import { ConflictError } from '../../../lambdas/domain/dependency.ts';
import { type Delivery, MAX_ATTEMPTS } from '../../../lambdas/domain/notices/delivery.ts';
import { type DeliverPorts, deliverNotice } from '../../../lambdas/use-cases/notices/deliver-notice.ts';
import { sendAgain } from '../../../lambdas/use-cases/notices/send-again.ts';
import { strictPorts } from '../../support/strict-port.ts';
import { NOW, outcomeOf, WORKSPACE_ID } from '../sessions/token-fixture.ts';
import { aDelivery, CALLER, DOWN, webhookWorld } from './notice-fixture.ts';

const NOW_MS = NOW.getTime();
const OK = { status: 204, failure: null };
const REFUSED = { status: 503, failure: 'http_status' } as const;

/** One message for a delivery; its result, what is stored afterwards, and every step. */
const delivered = async (
  /** null: the log has forgotten it. */
  delivery: Delivery | null = aDelivery(),
  {
    result = OK as Awaited<ReturnType<DeliverPorts['send']>>,
    save = async (_step: number): Promise<void> => undefined,
  } = {},
) => {
  const log: string[] = [];
  let kept = delivery ?? undefined;
  let saves = 0;
  const outcome = await deliverNotice(
    strictPorts<DeliverPorts>({
      clock: () => NOW,
      deliveries: {
        readDelivery: async () => kept,
        saveDelivery: async (after, before) => {
          await save(++saves);
          // Each write is conditional on the state that it was computed from.
          if (before !== kept) throw new ConflictError();
          log.push(after.claimedUntilMs > 0 ? 'claim' : 'settle');
          kept = after;
        },
      },
      send: async () => {
        log.push('send');
        return result;
      },
    }),
  )(WORKSPACE_ID, aDelivery().deliveryId).catch((error: unknown) => error);
  return { outcome, kept, log };
};

describe('a delivery that is due', () => {
  it('is claimed before it is sent, and settled afterwards', async () => {
    const { outcome, kept, log } = await delivered();
    expect(outcome).toEqual({ outcome: 'delivered' });
    expect(log).toEqual(['claim', 'send', 'settle']);
    expect(kept).toEqual(
      aDelivery({ state: 'delivered', attempts: 1, lastStatus: 204, lastAttemptAt: NOW.toISOString() }),
    );
  });

  it('that fails is repeated after the wait of its attempt, and stores the failure', async () => {
    const { outcome, kept } = await delivered(aDelivery({ attempts: 2 }), { result: REFUSED });
    expect(outcome).toEqual({ outcome: 'again', afterSeconds: 120 });
    expect(kept).toMatchObject({
      state: 'pending',
      attempts: 3,
      lastStatus: 503,
      lastFailure: 'http_status',
      dueAtMs: NOW_MS + 120_000,
      claimedUntilMs: 0,
    });
  });

  it('is abandoned after the last attempt', async () => {
    const { outcome, kept } = await delivered(aDelivery({ attempts: MAX_ATTEMPTS - 1 }), { result: REFUSED });
    expect(outcome).toEqual({ outcome: 'failed' });
    expect(kept).toMatchObject({ state: 'failed', attempts: MAX_ATTEMPTS, claimedUntilMs: 0 });
  });

  it('is abandoned at once if the mail is refused, because it would be refused again', async () => {
    const { outcome, kept } = await delivered(aDelivery(), {
      result: { status: null, failure: 'mail_refused' },
    });
    expect(outcome).toEqual({ outcome: 'failed' });
    expect(kept).toMatchObject({ state: 'failed', lastStatus: null, lastFailure: 'mail_refused' });
  });

  it('is skipped if its receiver is gone, and does not count as a failed attempt', async () => {
    const { outcome, kept } = await delivered(aDelivery(), { result: 'gone' });
    expect(outcome).toEqual({ outcome: 'skipped' });
    expect(kept).toMatchObject({ state: 'skipped', lastFailure: null, lastAttemptAt: null });
  });
});

describe('a message for a delivery', () => {
  it.each([
    ['that is gone', null],
    ['that was delivered', aDelivery({ state: 'delivered' })],
    ['that failed for good', aDelivery({ state: 'failed' })],
    ['that was skipped', aDelivery({ state: 'skipped' })],
  ])('%s sends nothing', async (_, delivery) => {
    const { outcome, log } = await delivered(delivery);
    expect(outcome).toEqual({ outcome: 'settled' });
    expect(log).toEqual([]);
  });

  it.each([
    ['is due in 1 s', { dueAtMs: NOW_MS + 1_000 }, 'delivered'],
    ['is due in 90.5 s', { dueAtMs: NOW_MS + 90_500 }, 90],
    ['is due in 1.001 s', { dueAtMs: NOW_MS + 1_001 }, 1],
    ['is claimed for another 40 s', { claimedUntilMs: NOW_MS + 40_000 }, 40],
    ['was claimed until now', { claimedUntilMs: NOW_MS }, 'delivered'],
  ])('that %s ends as %s', async (_, facts, expected) => {
    const { outcome, log } = await delivered(aDelivery(facts));
    expect(outcome).toEqual(
      typeof expected === 'number' ? { outcome: 'again', afterSeconds: expected } : { outcome: expected },
    );
    expect(log.includes('send')).toBe(expected === 'delivered');
  });

  it('that loses the claim to another message sends nothing, and is repeated after that claim', async () => {
    const { outcome, log } = await delivered(aDelivery(), {
      save: () => Promise.reject(new ConflictError()),
    });
    expect(outcome).toEqual({ outcome: 'again', afterSeconds: 60 });
    expect(log).toEqual([]);
  });

  it('fails without sending if the claim cannot be written', async () => {
    const { outcome, log } = await delivered(aDelivery(), { save: () => Promise.reject(DOWN) });
    expect(outcome).toBe(DOWN);
    expect(log).toEqual([]);
  });

  it('fails if the result cannot be written, so that the notice is sent again and not lost', async () => {
    const save = (step: number) => (step === 2 ? Promise.reject(DOWN) : Promise.resolve());
    const { outcome, kept } = await delivered(aDelivery(), { save });
    expect(outcome).toBe(DOWN);
    expect(kept).toMatchObject({ state: 'pending', attempts: 1 });
  });
});

describe('repeating a delivery', () => {
  const FAILED = aDelivery({ state: 'failed', attempts: MAX_ATTEMPTS, lastStatus: 503, dueAtMs: 0 });
  const again = (
    world: ReturnType<typeof webhookWorld>,
    deliveryId = FAILED.deliveryId,
    own: Partial<typeof world.ports> = {},
  ) => sendAgain({ ...world.ports, ...own })(CALLER, WORKSPACE_ID, deliveryId);

  it('keeps its ID and body, restores all attempts, and queues it after the write', async () => {
    const world = webhookWorld({ deliveries: [FAILED] });
    const { deliveryId } = FAILED;
    const renewed = { ...FAILED, state: 'pending', attempts: 0, dueAtMs: NOW_MS };
    expect(await again(world)).toEqual(renewed);
    expect(world.kept.get(deliveryId)).toEqual(renewed);
    expect(world.log).toEqual([
      ['save', deliveryId],
      ['queue', { kind: 'delivery', workspaceId: WORKSPACE_ID, deliveryId }],
    ]);
  });

  it.each(['dlv_1', aDelivery().deliveryId])(
    'with the ID %s returns delivery_not_found if there is none',
    async (id) => {
      const world = webhookWorld();
      expect(await outcomeOf(again(world, id))).toBe('delivery_not_found');
      expect(world.log).toEqual([]);
    },
  );

  it.each([
    [4, 'done', true],
    [5, 'version_conflict', false],
  ])('during %i other writes ends as %s', async (races, outcome, queued) => {
    const world = webhookWorld({ deliveries: [FAILED] });
    const { deliveries } = world.ports;
    let lost = 0;
    const saveDelivery = async (after: Delivery, before: Delivery) => {
      if (++lost <= races) throw new ConflictError();
      await deliveries.saveDelivery(after, before);
    };
    const run = again(world, undefined, { deliveries: { ...deliveries, saveDelivery } });
    expect(await outcomeOf(run)).toBe(outcome);
    expect(world.log.some(([step]) => step === 'queue')).toBe(queued);
  });

  it('requires an admin', async () => {
    const world = webhookWorld({ deliveries: [FAILED], role: 'viewer' });
    expect(await outcomeOf(again(world))).toBe('forbidden');
    expect(world.log).toEqual([]);
  });
});
