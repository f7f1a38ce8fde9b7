import { describe, expect, it } from '@jest/globals';
import type { AuditEvent } from '../../../lambdas/domain/audit/audit-record.ts';
import { ConflictError } from '../../../lambdas/domain/dependency.ts';
import {
  deleteKey,
  type KeyChange,
  storeNewVersion,
  switchState,
} from '../../../lambdas/domain/keys/key-lifecycle.ts';
import type { SealedKey } from '../../../lambdas/domain/keys/sealed-key.ts';
import type { LiveKey, RetainedKey, StoredKey } from '../../../lambdas/domain/keys/stored-key.ts';
import { keepingForCalls } from '../../../lambdas/use-cases/calls/keep-for-calls.ts';
import type { LiveSession } from '../../../lambdas/use-cases/ports/calls.ts';
import type { KeyStore } from '../../../lambdas/use-cases/ports/keys.ts';
import { strictPort, strictPorts } from '../../support/strict-port.ts';
import { ADDRESSES, aKey, NOW, WORKSPACE_ID } from '../sessions/token-fixture.ts';
import { aLiveCall, DOWN, messageText } from './call-fixture.ts';

const STAMP = { at: NOW.toISOString(), by: 'owner' };
const EVENT = {} as AuditEvent;

/** The workspace’s key, version 3 with the fingerprint `current`; version 2, fingerprint `earlier`, is retained. */
const sealed = (version: number, fingerprint: string): SealedKey => ({
  ...aKey('workspace').sealed,
  version,
  fingerprint,
});
const BEFORE = aKey('workspace', { sealed: sealed(3, 'current'), previousVersion: 2 });
const { verdict, createdAt, createdBy } = BEFORE;
const RETAINED: RetainedKey = {
  sealed: sealed(2, 'earlier'),
  verdict,
  createdAt,
  createdBy,
  retainedUntil: 0,
};

/** Another key, with nothing to roll back to. */
const replacedBy = (fingerprint: string, before: LiveKey = BEFORE) =>
  storeNewVersion(before, { sealed: sealed(4, fingerprint), verdict }, 0, STAMP);

/** One change of the key while these calls run; what stays readable, and every step. */
const changed = async (
  change: KeyChange,
  calls: readonly Partial<LiveSession>[],
  {
    before = BEFORE as StoredKey,
    scope = 'workspace' as keyof typeof ADDRESSES,
    retained = RETAINED as RetainedKey | null,
    write = async (): Promise<void> => undefined,
    queue = async (): Promise<void> => undefined,
  } = {},
) => {
  const log: string[] = [];
  let kept: readonly SealedKey[] | undefined;
  const keys = strictPort('keys', {
    readKey: async () => before,
    readRetained: async (_: unknown, version: number) =>
      retained?.sealed.version === version ? retained : undefined,
    changeKey: async (...args: Parameters<KeyStore['changeKey']>) => {
      await write();
      log.push('write');
      kept = args[3];
    },
  } as unknown as KeyStore);
  const store = keepingForCalls(
    keys,
    strictPorts({
      clock: () => NOW,
      live: {
        listLive: async () => {
          log.push('list calls');
          return calls.map((facts) => aLiveCall(facts));
        },
      },
      hangUps: {
        send: async (message, delay) => {
          await queue();
          log.push(
            `queue ${'version' in message ? `version ${message.version} ` : ''}${messageText(message, delay)}`,
          );
        },
      },
      callEnder: {
        end: async (ended, by) => {
          log.push(`end calls of ${'fingerprint' in ended ? ended.fingerprint : 'all'} by ${by}`);
          return 1;
        },
      },
    }),
  );
  const error = await store.changeKey(ADDRESSES[scope], change, EVENT).catch((thrown: unknown) => thrown);
  return { error, log, kept: kept?.map(({ version }) => version) };
};

describe('a change of a key with live calls', () => {
  it('keeps the replaced version for 90 seconds, and ends its calls after the write', async () => {
    const { kept, log } = await changed(replacedBy('new'), [{ fingerprint: 'current' }]);
    expect(kept).toEqual([3]);
    expect(log.slice(0, 2)).toEqual(['list calls', 'write']);
    expect(log.slice(2).sort()).toEqual([
      'end calls of current by key_replaced',
      'queue version 3 forget in 90 s',
    ]);
  });

  it('keeps every version with a live call, including the retained one', async () => {
    const { kept } = await changed(replacedBy('new'), [
      { fingerprint: 'current' },
      { fingerprint: 'earlier' },
    ]);
    expect(kept).toEqual([3, 2]);
  });

  it('keeps no version without a live call', async () => {
    const { kept } = await changed(replacedBy('new'), [{ fingerprint: 'earlier' }]);
    expect(kept).toEqual([2]);
  });

  it('keeps the versions of a deleted key, whose calls the deletion ends', async () => {
    const { kept, log } = await changed(deleteKey(BEFORE, STAMP), [{ fingerprint: 'current' }]);
    expect(kept).toEqual([3]);
    expect(log).toEqual(['list calls', 'write', 'queue version 3 forget in 90 s']);
  });

  it('keeps and ends nothing if the same OpenAI key is stored again, because it can still hang up', async () => {
    const { kept, log } = await changed(replacedBy('current'), [{ fingerprint: 'current' }]);
    expect(kept).toEqual([]);
    expect(log).toEqual(['list calls', 'write']);
  });
});

describe('a change of a key that affects no call', () => {
  it.each([
    ['without calls', replacedBy('new'), [], {}],
    ['with client secrets only', replacedBy('new'), [{ openedWith: 'token', fingerprint: 'current' }], {}],
    [
      'with calls only on the key of another scope',
      replacedBy('new'),
      [{ keyScope: 'site', keyScopeId: 'other', fingerprint: 'current' }],
      {},
    ],
  ] as const)('%s keeps nothing', async (_, change, calls, world) => {
    expect(await changed(change, calls, world)).toEqual({
      error: undefined,
      kept: [],
      log: ['list calls', 'write'],
    });
  });

  it.each([
    ['shreds no version', switchState(BEFORE, 'suspended', STAMP), {}],
    ['changes the platform key, which is left to the operator', replacedBy('new'), { scope: 'platform' }],
    [
      'follows a deletion',
      replacedBy('new'),
      { before: { revision: 2, lastVersion: 3, changedAt: '', changedBy: '', state: 'deleted' } },
    ],
  ] as const)('lists no calls if it %s', async (_, change, world) => {
    expect(await changed(change, [{ fingerprint: 'current' }], world)).toEqual({
      error: undefined,
      kept: [],
      log: ['write'],
    });
  });

  it('keeps only the current version if the retained one is already gone', async () => {
    const calls = [{ fingerprint: 'current' }, { fingerprint: 'earlier' }];
    expect((await changed(replacedBy('new'), calls, { retained: null })).kept).toEqual([3]);
  });

  it('keeps only the current version if none was retained', async () => {
    const before = { ...BEFORE, previousVersion: null };
    const calls = [{ fingerprint: 'current' }, { fingerprint: 'earlier' }];
    expect((await changed(replacedBy('new', before), calls, { before })).kept).toEqual([3]);
  });
});

describe('a change of a key that fails', () => {
  it('at the write ends no call and queues nothing', async () => {
    const conflict = new ConflictError();
    const { error, log } = await changed(replacedBy('new'), [{ fingerprint: 'current' }], {
      write: () => Promise.reject(conflict),
    });
    expect(error).toBe(conflict);
    expect(log).toEqual(['list calls']);
  });

  it('at the queue returns the error', async () => {
    const { error } = await changed(replacedBy('new'), [{ fingerprint: 'current' }], {
      queue: () => Promise.reject(DOWN),
    });
    expect(error).toBe(DOWN);
  });
});

describe('the key store that protects calls', () => {
  it('passes on everything except changes', async () => {
    const keys = { readKey: async () => BEFORE } as unknown as KeyStore;
    const store = keepingForCalls(keys, {} as Parameters<typeof keepingForCalls>[1]);
    expect(await store.readKey({ ...ADDRESSES.workspace, workspaceId: WORKSPACE_ID })).toBe(BEFORE);
  });
});
