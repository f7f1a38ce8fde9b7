import { describe, expect, it } from '@jest/globals';
import { BUILT_IN_PLANS } from '../../../lambdas/domain/tenancy/plan.ts';
import { noteThresholdsAtEnd } from '../../../lambdas/use-cases/usage/note-thresholds-at-end.ts';
import { aSessionUsage, clockAt } from '../../domain/sessions/session-usage-fixture.ts';
import { aWorkspace } from '../sessions/token-fixture.ts';

/** The steps at the end of a session of a workspace that has used half of its plan. */
const ended = async ({
  mode = 'managed' as 'managed' | 'byok',
  workspace = aWorkspace({ plan: 'starter' }) as ReturnType<typeof aWorkspace> | null,
  recordEnd = async (): Promise<void> => undefined,
  noteThreshold = async (): Promise<void> => undefined,
} = {}) => {
  const log: string[] = [];
  const { recordEnd: end } = noteThresholdsAtEnd({
    clock: () => clockAt(60),
    random: (size) => Buffer.alloc(size),
    plans: BUILT_IN_PLANS,
    ends: {
      recordEnd: async () => {
        await recordEnd();
        log.push('end');
      },
    },
    workspaces: {
      readWorkspace: async () => {
        log.push('workspace');
        return workspace ?? undefined;
      },
    },
    notices: {
      readPeriod: async (_, period) => {
        log.push(period);
        return { usedSeconds: 250 * 60, committedSeconds: 0, notices: {} };
      },
      noteThreshold: async (_, __, percent) => {
        await noteThreshold();
        log.push(`${percent} %`);
      },
    },
  });
  const failure = await end(aSessionUsage({ mode })).then(() => undefined, String);
  return { log, failure };
};

describe('the end of a session', () => {
  it('is recorded, and then the reached thresholds of the plan', async () => {
    expect((await ended()).log).toEqual(['end', 'workspace', '2026-11', '50 %']);
  });

  it('on an own key reads neither workspace nor plan', async () => {
    expect((await ended({ mode: 'byok' })).log).toEqual(['end']);
  });

  it('in a deleted workspace records no threshold', async () => {
    expect((await ended({ workspace: null })).log).toEqual(['end', 'workspace']);
  });

  it('records no threshold if the end cannot be recorded', async () => {
    const recordEnd = () => Promise.reject(new Error('no answer'));
    expect(await ended({ recordEnd })).toEqual({ log: [], failure: 'Error: no answer' });
  });

  it('fails if a threshold cannot be recorded, so that the hang-up is delivered again', async () => {
    const noteThreshold = () => Promise.reject(new Error('no answer'));
    expect((await ended({ noteThreshold })).failure).toBe('Error: no answer');
  });
});
