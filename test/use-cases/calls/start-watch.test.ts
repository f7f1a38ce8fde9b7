import { describe, expect, it } from '@jest/globals';
import { BrokerError } from '../../../lambdas/domain/broker-error.ts';
import type { WatchMode } from '../../../lambdas/domain/calls/call.ts';
import { DependencyUnavailableError } from '../../../lambdas/domain/dependency.ts';
import { type StartWatchPorts, startWatch } from '../../../lambdas/use-cases/calls/start-watch.ts';
import { strictPorts } from '../../support/strict-port.ts';
import { SITE_ID } from '../sessions/token-fixture.ts';
import { aWatchedMeter, CALL_ID, SESSION_ID } from './call-fixture.ts';

const down = new DependencyUnavailableError('lambda', 'Invoke', 'ServiceException');

/** Starts one watch with a clock that only the pauses move; `seenAfter` reads the watcher is attached. */
const started = async (
  mode: WatchMode,
  { start = async () => undefined, seenAfter = 0 }: { start?: () => Promise<void>; seenAfter?: number } = {},
) => {
  const log: string[] = [];
  let nowMs = 0;
  let reads = 0;
  const ports = strictPorts<StartWatchPorts>({
    monotonicMs: () => nowMs,
    backOff: async () => {
      nowMs += 100;
    },
    watchers: {
      start: async ({ strict }: { strict: boolean }) => {
        log.push(strict ? 'start strictly' : 'start');
        await start();
      },
    },
    meterReader: {
      readSessionUsage: async () => {
        reads++;
        return new Map([[SESSION_ID, aWatchedMeter(reads > seenAfter)]]);
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
  return { error, log, reads, nowMs };
};

describe('a watcher', () => {
  it('is not started where the stage watches no calls', async () => {
    expect(await started('off')).toMatchObject({ error: undefined, log: [], reads: 0 });
  });

  it('is started without waiting for it in an eager stage', async () => {
    expect(await started('eager', { seenAfter: 99 })).toMatchObject({ log: ['start'], reads: 0 });
  });

  it('that cannot be started refuses nobody in an eager stage', async () => {
    const { error } = await started('eager', { start: () => Promise.reject(down) });
    expect(error).toBeUndefined();
  });

  it('of a strict call is waited for until it sees the call', async () => {
    const { error, log, reads } = await started('strict', { seenAfter: 4 });
    expect(error).toBeUndefined();
    expect(log).toEqual(['start strictly']);
    expect(reads).toBe(5);
  });

  it.each([
    ['does not see the call within three seconds', { seenAfter: 1_000 }, 3_000],
    ['cannot be started', { start: () => Promise.reject(down) }, 0],
  ])('of a strict call that %s makes the line busy for five seconds', async (_, given, waitedMs) => {
    const { error, nowMs } = await started('strict', given);
    if (!(error instanceof BrokerError)) throw error;
    expect([error.code, error.retryAfterSeconds]).toEqual(['busy', 5]);
    expect(nowMs).toBe(waitedMs);
  });
});
