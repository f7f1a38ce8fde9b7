import { describe, expect, it } from '@jest/globals';
import { ConflictError } from '../../../lambdas/domain/dependency.ts';
import { newSessionUsage, type SessionWatch } from '../../../lambdas/domain/sessions/session-usage.ts';
import { NO_ENTRY } from '../../../lambdas/domain/usage/ledger.ts';
import { finishCall } from '../../../lambdas/use-cases/calls/finish-call.ts';
import { poolOf } from '../sessions/token-fixture.ts';
import { aCallSession, type CallWorld, callWorld, DOWN, SESSION_ID } from './call-fixture.ts';

const finished = async (
  given: CallWorld = {},
  by: Parameters<typeof finishCall>[2] = 'visitor',
  session = aCallSession(),
) => {
  const world = callWorld(given);
  const error = await finishCall(world.ports, session, by).catch((thrown: unknown) => thrown);
  return { ...world, error };
};

describe('finishing a call', () => {
  it('releases exactly the slots of its admission', async () => {
    const { state } = await finished();
    expect(state.slotsFreed).toEqual([
      { pool: poolOf('workspace'), index: 4, sessionId: SESSION_ID },
      { pool: 'share', index: 0, sessionId: SESSION_ID },
    ]);
  });

  it('releases no slot for a session without slots', async () => {
    const { admission: _, ...session } = aCallSession();
    const { state, error } = await finished({}, 'visitor', session);
    expect(error).toBeUndefined();
    expect(state.slotsFreed).toEqual([]);
    expect(state.isLive).toBe(false);
  });

  it('closes the session usage as silent, and records the same end', async () => {
    const { state } = await finished();
    expect(state.usage?.silent).toBe(true);
    expect(state.ends).toEqual([state.usage]);
  });

  it('closes the usage of a lost call, but releases neither its slots nor its live entry', async () => {
    const { state, log } = await finished({}, 'lost');
    expect(log.slice(1)).toEqual(['read meter', 'close meter', 'record end']);
    expect(state.isLive).toBe(true);
  });

  it('releases the minutes of a lost call whose page reported its end, as its watcher would have done', async () => {
    const usage = {
      ...newSessionUsage(aCallSession()),
      holdSeconds: 120,
      posted: { ...NO_ENTRY, committedSeconds: 120 },
      endedAtMs: Date.parse(aCallSession().createdAt),
      watch: { closedAtMs: null } as SessionWatch,
    };
    const { state } = await finished({ usage }, 'lost');
    expect(state.usage?.silent).toBe(true);
  });

  it('records the end again if the session usage has already ended, without another write of it', async () => {
    const usage = { ...newSessionUsage(aCallSession()), silent: true };
    const { log, state } = await finished({ usage });
    expect(log).not.toContain('close meter');
    expect(state.ends).toEqual([usage]);
  });

  it('releases a call without session usage', async () => {
    const { log, state, error } = await finished({ usage: undefined });
    expect(error).toBeUndefined();
    expect(log).not.toContain('record end');
    expect(state.isLive).toBe(false);
  });
});

describe('the session usage that changes while its call is finished', () => {
  it('is read again, and closed with the new events', async () => {
    const reported = { ...newSessionUsage(aCallSession()), revision: 2 };
    let races = 0;
    const world = callWorld();
    const { ports } = world;
    const error = await finishCall(
      {
        ...ports,
        sessionUsage: {
          saveUsage: async (usage) => {
            if (++races === 1) {
              world.state.usage = reported;
              throw new ConflictError();
            }
            await ports.sessionUsage.saveUsage(usage);
          },
        },
      },
      aCallSession(),
      'visitor',
    ).catch((thrown: unknown) => thrown);
    expect(error).toBeUndefined();
    expect(world.log.filter((step) => step === 'read meter')).toHaveLength(2);
    expect(world.log).toContain('wait 1');
    expect(world.state.ends).toEqual([{ ...reported, silent: true }]);
  });

  it('is left to the next delivery after eight conflicts, and the call stays in the live list', async () => {
    const { error, log, state } = await finished({ failing: { 'close meter': new ConflictError() } });
    expect(error).toBeInstanceOf(ConflictError);
    expect(log.filter((step) => step === 'close meter')).toHaveLength(8);
    expect(log.filter((step) => step.startsWith('wait'))).toHaveLength(7);
    expect(state.isLive).toBe(true);
  });
});

describe('finishing a call that fails part way', () => {
  it.each(['release slots', 'read meter', 'close meter', 'record end'])(
    'at “%s” stops at once and leaves the call in the live list, so that a repeat finds it',
    async (step) => {
      const { error, log, state } = await finished({ failing: { [step]: DOWN } });
      expect(error).toBe(DOWN);
      expect(log.at(-1)).toBe(step);
      expect(state.isLive).toBe(true);
    },
  );
});
