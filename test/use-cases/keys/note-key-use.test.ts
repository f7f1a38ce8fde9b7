import { describe, expect, it } from '@jest/globals';
import { ConflictError, DependencyUnavailableError } from '../../../lambdas/domain/dependency.ts';
import type { UseNote } from '../../../lambdas/domain/keys/key-used.ts';
import { noteKeyUse } from '../../../lambdas/use-cases/keys/note-key-use.ts';
import { ACTIVITY } from './key-fixture.ts';

const ADDRESS = { scope: 'site', scopeId: 'abcdefghjkmn000000000000', workspaceId: 'abcdefghjkmn' } as const;
const USED = { address: ADDRESS, version: 3, at: '2026-11-20T00:01:00.000Z' };

/** Notes one use; each write fails with the next of `failures`, if there is one. */
const noted = async (used: typeof USED, failures: readonly Error[] = []) => {
  const notes: UseNote[] = [];
  const left = [...failures];
  let waits = 0;
  const error: unknown = await noteKeyUse({
    activity: {
      readActivity: async () => ({ ...ACTIVITY, degraded: null }),
      noteUse: async (_, note) => {
        const failure = left.shift();
        if (failure !== undefined) throw failure;
        notes.push(note);
      },
    },
    backOff: async () => {
      waits++;
    },
  })(used).catch((thrown: unknown) => thrown);
  return { notes, waits, error };
};

describe('the last use of a key', () => {
  it('is written once', async () => {
    expect(await noted(USED)).toEqual({ notes: [{ isReadable: true }], waits: 0, error: undefined });
  });

  it('is not written if the stored use already covers it', async () => {
    expect((await noted({ ...USED, at: ACTIVITY.used.at })).notes).toEqual([]);
  });

  it('is read again and written after a conflict', async () => {
    const { notes, waits, error } = await noted(USED, [new ConflictError(), new ConflictError()]);
    expect({ notes, waits, error }).toEqual({ notes: [{ isReadable: true }], waits: 2, error: undefined });
  });

  it('fails if the table fails, so that its record is delivered again', async () => {
    const down = new DependencyUnavailableError('dynamodb', 'UpdateItem', 'InternalServerError');
    expect(await noted(USED, [down])).toEqual({ notes: [], waits: 0, error: down });
  });
});
