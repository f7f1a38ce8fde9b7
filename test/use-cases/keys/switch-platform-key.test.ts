import { describe, expect, it } from '@jest/globals';
import { ConflictError } from '../../../lambdas/domain/dependency.ts';
import type { WorkspaceId } from '../../../lambdas/domain/identifiers.ts';
import {
  PLATFORM_ADDRESS,
  type RetainedKey,
  type StoredKey,
} from '../../../lambdas/domain/keys/stored-key.ts';
import { keepingForManagedCalls } from '../../../lambdas/use-cases/calls/end-managed-calls.ts';
import {
  type SwitchPlatformKeyPorts,
  switchPlatformKey,
} from '../../../lambdas/use-cases/keys/switch-platform-key.ts';
import type { HangUpMessage } from '../../../lambdas/use-cases/ports/calls.ts';
import type { KeyStore } from '../../../lambdas/use-cases/ports/keys.ts';
import { strictPorts } from '../../support/strict-port.ts';
import { aKey, NOW, outcomeOf } from '../sessions/token-fixture.ts';

const OPERATOR = { sub: 'operator:somebody', sourceIp: '' };
const ONE = 'workspace001' as WorkspaceId;
const TWO = 'workspace002' as WorkspaceId;

const text = (message: HangUpMessage, delaySeconds = 0): string =>
  message.kind === 'scope'
    ? `end ${message.scope.workspaceId} ${JSON.stringify({ ...message.scope, workspaceId: undefined })} by ${message.by} in ${delaySeconds} s`
    : `${message.kind} in ${delaySeconds} s`;

/** The switch over one key; `live`: where sessions run, by pass. */
const world = (
  stored: StoredKey | undefined,
  {
    live = [[ONE]],
    conflicts = 0,
  }: { readonly live?: readonly (readonly WorkspaceId[])[]; readonly conflicts?: number } = {},
) => {
  const log: string[] = [];
  let passes = 0;
  let left = conflicts;
  const ports = strictPorts<SwitchPlatformKeyPorts>({
    clock: () => NOW,
    backOff: async () => void log.push('wait'),
    settled: async () => void log.push('settled'),
    auditEvents: {
      event: async (_: unknown, type: string) => {
        log.push(type);
        return { at: NOW.toISOString() } as never;
      },
    },
    keys: {
      readKey: async () => stored,
      changeKey: async (_: unknown, { currentKey }: { currentKey: StoredKey }) => {
        if (left-- > 0) throw new ConflictError();
        log.push(`write ${currentKey.state}`);
      },
    },
    workspaces: { listLiveWorkspaces: async () => live[Math.min(passes++, live.length - 1)] ?? [] },
    hangUps: { send: async (...message: Parameters<typeof text>) => void log.push(text(...message)) },
  } as never);
  return { switchTo: switchPlatformKey(ports), log };
};

describe('the kill switch of the platform key', () => {
  const SCOPE = '{"keyScope":"platform","keyScopeId":"platform"} by key_suspended';

  it('suspends the key, and then ends its calls in every workspace, including late ones', async () => {
    const { switchTo, log } = world(aKey('platform'), { live: [[ONE], [ONE, TWO]] });
    expect(await switchTo(OPERATOR, 'suspended')).toBe(2);
    expect(log).toEqual([
      'key.suspended',
      'write suspended',
      `end ${ONE} ${SCOPE} in 0 s`,
      `end ${ONE} ${SCOPE} in 30 s`,
      'settled',
      `end ${TWO} ${SCOPE} in 0 s`,
      `end ${TWO} ${SCOPE} in 30 s`,
    ]);
  });

  it('completes an interrupted run without another event', async () => {
    const { switchTo, log } = world(aKey('platform', { state: 'suspended' }));
    expect(await switchTo(OPERATOR, 'suspended')).toBe(1);
    expect(log[0]).toBe(`end ${ONE} ${SCOPE} in 0 s`);
  });

  it('succeeds even if a key is stored at the same moment', async () => {
    const { switchTo, log } = world(aKey('platform'), { live: [[]], conflicts: 2 });
    await switchTo(OPERATOR, 'suspended');
    expect(log.filter((step) => step.startsWith('write'))).toEqual(['write suspended']);
  });

  it('can be reversed without ending a call', async () => {
    const { switchTo, log } = world(aKey('platform', { state: 'suspended' }));
    expect(await switchTo(OPERATOR, 'active')).toBe(0);
    expect(log).toEqual(['key.resumed', 'write active']);
  });

  it('fails in a deployment without a platform key', async () => {
    expect(await outcomeOf(world(undefined).switchTo(OPERATOR, 'suspended'))).toBe('openai_key_not_stored');
  });
});

describe('a retained version of the platform key that a replacement shreds', () => {
  const replaced = async (facts: Partial<RetainedKey>, shred: number | undefined = 1) => {
    const log: string[] = [];
    const kept: number[] = [];
    const { sealed, verdict, createdAt, createdBy } = aKey('platform');
    const retained: RetainedKey = {
      sealed: { ...sealed, version: 1, fingerprint: 'earlier' },
      verdict,
      createdAt,
      createdBy,
      retainedUntil: NOW.getTime() / 1_000 + 60,
      ...facts,
    };
    const keys = keepingForManagedCalls(
      {
        readRetained: async () => retained,
        changeKey: async (_: unknown, __: unknown, ___: unknown, also: readonly { version: number }[]) => {
          kept.push(...also.map(({ version }) => version));
          log.push('write');
        },
      } as unknown as KeyStore,
      {
        clock: () => NOW,
        workspaces: { listLiveWorkspaces: async () => [ONE] },
        hangUps: { send: async (...message) => void log.push(text(...message)) },
      },
    );
    const change = { currentKey: aKey('platform'), shred } as never;
    await keys.changeKey(PLATFORM_ADDRESS, change, {} as never);
    return { log, kept };
  };

  it('is kept for 90 seconds in the same write, and its calls are ended', async () => {
    const { log, kept } = await replaced({});
    const scope = '{"keyScope":"platform","keyScopeId":"platform","fingerprint":"earlier"} by key_replaced';
    expect(kept).toEqual([1]);
    expect(log).toEqual([
      'write',
      'forget in 90 s',
      `end ${ONE} ${scope} in 0 s`,
      `end ${ONE} ${scope} in 30 s`,
    ]);
  });

  it.each<[string, Partial<RetainedKey>]>([
    ['its time has passed', { retainedUntil: NOW.getTime() / 1_000 }],
    ['it is the same OpenAI key', { sealed: aKey('platform').sealed }],
  ])('is not kept if %s', async (_, facts) => {
    expect(await replaced(facts)).toEqual({ log: ['write'], kept: [] });
  });
});
