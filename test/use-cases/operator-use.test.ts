import { describe, expect, it } from '@jest/globals';
import { SealedKeyUnreadableError } from '../../lambdas/domain/sealed-key.ts';
import { DEFAULT_VOICE_SETTINGS } from '../../lambdas/domain/workspace.ts';
import type { MintPorts } from '../../lambdas/use-cases/mint-token.ts';
import { operatorUse } from '../../lambdas/use-cases/operator-use.ts';
import { aContext, aKey, lost, outcomeOf, recordingPorts, WORKSPACE_ID } from './token-fixture.ts';

/** One use of the workspace's key by a person, with ports in place of what always works. */
const used = async ({
  opener,
  ...sessions
}: {
  readonly opener?: MintPorts['opener'];
  readonly reserve?: () => Promise<void>;
  readonly settle?: () => Promise<void>;
} = {}) => {
  const { ports, log } = recordingPorts(aContext(), opener && { opener });
  const reserve = async (): Promise<void> => {
    log.push('reserve');
  };
  const outcome = await outcomeOf(
    operatorUse({ ...ports, sessions: { ...ports.sessions, reserve, ...sessions } })(
      { sub: 'owner', sourceIp: '192.0.2.1' },
      {
        address: { scope: 'workspace', scopeId: WORKSPACE_ID, workspaceId: WORKSPACE_ID },
        siteId: undefined,
        settings: DEFAULT_VOICE_SETTINGS,
      },
      aKey('workspace'),
      'test',
      async () => ({ result: 1, outcome: { state: 'used' } }),
    ),
  );
  return { log, outcome };
};

const openerThat = (error: Error) =>
  ({ withPlaintext: () => Promise.reject(error) }) as unknown as MintPorts['opener'];

describe('a key that a person uses', () => {
  it('is opened between its intent and its outcome', async () => {
    const { log, outcome } = await used();
    expect(outcome).toBe('done');
    expect(log).toEqual(['reserve', 'open', 'settle used']);
  });

  it('and that cannot be read is refused as that, on record, with a note for its owner', async () => {
    const { log, outcome } = await used({ opener: openerThat(new SealedKeyUnreadableError()) });
    expect(outcome).toBe('openai_key_unreadable');
    expect(log).toEqual(['reserve', 'note unreadable', 'settle refused openai_key_unreadable']);
  });

  it('and that fails otherwise is refused as unavailable, on record, and the failure itself is told', async () => {
    const outage = new Error('no answer');
    const { log, outcome } = await used({ opener: openerThat(outage) });
    expect(outcome).toBe(outage);
    expect(log).toEqual(['reserve', 'settle refused unavailable']);
  });

  it.each(['reserve', 'settle'])(
    'is an outage, no conflict, where %s finds the record changed',
    async (method) => {
      expect((await used({ [method]: lost })).outcome).toBe('unavailable');
    },
  );

  it.each(['reserve', 'settle'])('fails as it failed where %s has no answer', async (method) => {
    const outage = new Error('no answer');
    expect((await used({ [method]: () => Promise.reject(outage) })).outcome).toBe(outage);
  });
});
