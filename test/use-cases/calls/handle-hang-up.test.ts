import { describe, expect, it } from '@jest/globals';
import { handleHangUp } from '../../../lambdas/use-cases/calls/handle-hang-up.ts';
import type { HangUpMessage } from '../../../lambdas/use-cases/ports/calls.ts';
import { strictPorts } from '../../support/strict-port.ts';
import { NOW, SITE_ID, WORKSPACE_ID } from '../sessions/token-fixture.ts';
import { DOWN, SESSION_ID } from './call-fixture.ts';

type Ports = Parameters<typeof handleHangUp>[0];

/** Handles one message; the result or the error, and everything that was done. */
const handled = async (message: HangUpMessage, own: Partial<Ports> = {}) => {
  const done: unknown[][] = [];
  const result = await handleHangUp(
    strictPorts<Ports>({
      clock: () => NOW,
      hangUps: { send: async (...sent) => void done.push(['send', ...sent]) },
      endCall: async (...call) => {
        done.push(['end', ...call]);
        return 'ended';
      },
      endScope: async (...scope) => {
        done.push(['scope', ...scope]);
        return 3;
      },
      keys: { forget: async (...version) => void done.push(['forget', ...version]) },
      ...own,
    }),
  )(message).catch((error: unknown) => error);
  return { result, done };
};

const capIn = (milliseconds: number): HangUpMessage => ({
  kind: 'cap',
  siteId: SITE_ID,
  sessionId: SESSION_ID,
  dueAtMs: NOW.getTime() + milliseconds,
});

describe('the cap message of a call', () => {
  it.each([-60_000, 0, 500])('that is due in %i ms ends the call', async (milliseconds) => {
    expect(await handled(capIn(milliseconds))).toEqual({
      result: 'ended',
      done: [['end', SITE_ID, SESSION_ID, 'max_duration']],
    });
  });

  it.each([
    [501, 1],
    [60_001, 61],
    [3_600_000, 900],
  ])('that is due in %i ms is queued again for %i s, with the same due time', async (milliseconds, delay) => {
    const message = capIn(milliseconds);
    expect(await handled(message)).toEqual({ result: 'later', done: [['send', message, delay]] });
  });

  it('fails if it cannot be queued again, so that the queue repeats it', async () => {
    const { result } = await handled(capIn(60_000), { hangUps: { send: () => Promise.reject(DOWN) } });
    expect(result).toBe(DOWN);
  });
});

describe('an end message', () => {
  it('for one call passes on who requested the end', async () => {
    const message = { kind: 'end', siteId: SITE_ID, sessionId: SESSION_ID, by: 'anomaly' } as const;
    expect(await handled(message)).toEqual({
      result: 'ended',
      done: [['end', SITE_ID, SESSION_ID, 'anomaly']],
    });
  });

  it('for a scope ends its calls with the reason in the message', async () => {
    const scope = { workspaceId: WORKSPACE_ID, all: true } as const;
    expect(await handled({ kind: 'scope', scope, by: 'workspace_deleted' })).toEqual({
      result: 'scope',
      done: [['scope', scope, 'workspace_deleted']],
    });
  });

  it('for one call fails with the error of the hang-up, and is not queued again here', async () => {
    const message = { kind: 'end', siteId: SITE_ID, sessionId: SESSION_ID, by: 'operator' } as const;
    expect(await handled(message, { endCall: () => Promise.reject(DOWN) })).toEqual({
      result: DOWN,
      done: [],
    });
  });
});

describe('a forget message', () => {
  it('removes the kept version of a key and no other', async () => {
    expect(await handled({ kind: 'forget', scope: 'site', scopeId: SITE_ID, version: 2 })).toEqual({
      result: 'forgotten',
      done: [['forget', 'site', SITE_ID, 2]],
    });
  });
});
