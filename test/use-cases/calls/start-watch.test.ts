import { describe, expect, it } from '@jest/globals';
import { BrokerError } from '../../../lambdas/domain/broker-error.ts';
import type { WatchMode } from '../../../lambdas/domain/calls/call.ts';
import { DependencyUnavailableError } from '../../../lambdas/domain/dependency.ts';
import { type StartWatchPorts, startWatch } from '../../../lambdas/use-cases/calls/start-watch.ts';
import { strictPorts } from '../../support/strict-port.ts';
import { SITE_ID } from '../sessions/token-fixture.ts';
import { aWatchedMeter, CALL_ID, SESSION_ID } from './call-fixture.ts';

const down = new DependencyUnavailableError('lambda', 'Invoke', 'ServiceException');

/** How long a read of the session usage takes. */
const READ_MS = 5;

/** Starts one watch with a clock that only pauses and reads move. The watcher is attached from `attachedAtMs`. */
const started = async (
  mode: WatchMode,
  {
    start = async () => undefined,
    attachedAtMs = 0,
  }: { start?: () => Promise<void>; attachedAtMs?: number } = {},
) => {
  const log: string[] = [];
  let nowMs = 0;
  const readsAtMs: number[] = [];
  const ports = strictPorts<StartWatchPorts>({
    monotonicMs: () => nowMs,
    pause: async (ms: number) => {
      nowMs += ms;
    },
    watchers: {
      start: async ({ strict }: { strict: boolean }) => {
        log.push(strict ? 'start strictly' : 'start');
        await start();
      },
    },
    meterReader: {
      readSessionUsage: async () => {
        readsAtMs.push(nowMs);
        const attached = nowMs >= attachedAtMs;
        nowMs += READ_MS;
        return new Map([[SESSION_ID, aWatchedMeter(attached)]]);
      },
    },
  });
  const error = await startWatch(ports, mode, {
    siteId: SITE_ID,
    sessionId: SESSION_ID,
    callId: CALL_ID,
    openedAtMs: 0,
  }).then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  return { error, log, readsAtMs, nowMs };
};

describe('the start of a watcher', () => {
  it('is skipped if the stage does not watch calls', async () => {
    expect(await started('off')).toMatchObject({ error: undefined, log: [], readsAtMs: [], nowMs: 0 });
  });

  it('is not waited for in an eager stage', async () => {
    expect(await started('eager', { attachedAtMs: 99 })).toMatchObject({
      log: ['start'],
      readsAtMs: [],
      nowMs: 0,
    });
  });

  it('refuses no visitor of an eager stage if it fails', async () => {
    const { error } = await started('eager', { start: () => Promise.reject(down) });
    expect(error).toBeUndefined();
  });

  it('of a strict call waits until the watcher sees the call', async () => {
    const { error, log, nowMs } = await started('strict', { attachedAtMs: 1_000 });
    expect(error).toBeUndefined();
    expect(log).toEqual(['start strictly']);
    expect(nowMs).toBeGreaterThanOrEqual(1_000);
  });

  it('of a strict call reads nothing in the first 150 ms', async () => {
    const { readsAtMs } = await started('strict', { attachedAtMs: 0 });
    expect(readsAtMs).toEqual([150]);
  });

  it('of a strict call takes at most eleven reads for a watcher that needs 300 ms', async () => {
    const { readsAtMs } = await started('strict', { attachedAtMs: 300 });
    expect(readsAtMs.length).toBeLessThanOrEqual(11);
  });

  it.each([151, 200, 250, 300, 500, 1_000, 2_900])(
    'of a strict call returns at most 20 ms after the watcher has attached at %i ms',
    async (attachedAtMs) => {
      const { nowMs } = await started('strict', { attachedAtMs });
      expect(nowMs - attachedAtMs).toBeLessThanOrEqual(2 * READ_MS + 10);
    },
  );

  it.each([
    ['does not see the call within three seconds', { attachedAtMs: Number.POSITIVE_INFINITY }, 3_000],
    ['cannot be started', { start: () => Promise.reject(down) }, 0],
  ])('of a strict call refuses with busy for five seconds if the watcher %s', async (_, given, waitedMs) => {
    const { error, nowMs } = await started('strict', given);
    if (!(error instanceof BrokerError)) throw error;
    expect([error.code, error.retryAfterSeconds]).toEqual(['busy', 5]);
    expect(nowMs).toBe(waitedMs);
  });
});
