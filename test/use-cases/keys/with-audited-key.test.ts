import { describe, expect, it } from '@jest/globals';
import { SealedKeyUnreadableError } from '../../../lambdas/domain/keys/sealed-key.ts';
import { DEFAULT_VOICE_SETTINGS } from '../../../lambdas/domain/tenancy/workspace.ts';
import { withAuditedKey } from '../../../lambdas/use-cases/keys/with-audited-key.ts';
import type { MintPorts } from '../../../lambdas/use-cases/sessions/mint-token.ts';
import {
  aContext,
  aKey,
  lost,
  NOW,
  outcomeOf,
  recordingPorts,
  SITE_ID,
  WORKSPACE_ID,
} from '../sessions/token-fixture.ts';

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
    withAuditedKey({ ...ports, sessions: { ...ports.sessions, reserve, ...sessions } })(
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

/** The records of one use: the intent, and the outcome. */
const recordOf = async (
  opener: MintPorts['opener'] | undefined,
  use: () => Promise<void> = async () => {},
) => {
  const { ports } = recordingPorts(aContext(), opener && { opener });
  const records: unknown[] = [];
  const result = await outcomeOf(
    withAuditedKey({
      ...ports,
      sessions: {
        ...ports.sessions,
        reserve: async (session, now) => {
          records.push({ ...session, reservedAt: now });
        },
        settle: async ({ sessionId }, outcome) => {
          records.push({ sessionId, ...outcome });
        },
      },
    })(
      { sub: 'owner', sourceIp: '192.0.2.1' },
      {
        address: { scope: 'site', scopeId: SITE_ID, workspaceId: WORKSPACE_ID },
        siteId: SITE_ID,
        settings: { ...DEFAULT_VOICE_SETTINGS, model: 'a model', voice: 'cedar' },
      },
      aKey('site'),
      'test',
      async () => {
        await use();
        return { result: 1, outcome: { state: 'used', openAiRequestId: 'req_1' } };
      },
    ),
  );
  return { records, result };
};

describe('the record of a key that a person uses', () => {
  const sessionId = expect.stringMatching(/^ses_/);
  const at = NOW.toISOString();

  it('contains the owner of the key, the purpose, the person, and the KMS request of the decrypt', async () => {
    const { records } = await recordOf(undefined);
    expect(records).toEqual([
      {
        sessionId,
        workspaceId: WORKSPACE_ID,
        siteId: SITE_ID,
        kind: 'test',
        mode: 'byok',
        keyScope: 'site',
        keyScopeId: SITE_ID,
        keyVersion: 3,
        fingerprint: 'site',
        model: 'a model',
        voice: 'cedar',
        ipHash: 'hash of 192.0.2.1',
        actor: 'owner',
        origin: undefined,
        createdAt: at,
        reservedAt: NOW,
      },
      { sessionId, state: 'used', openAiRequestId: 'req_1', kmsRequestId: 'kms-1', at },
    ]);
  });

  it('contains the decrypt even if the use failed after it', async () => {
    const { records } = await recordOf(undefined, () => Promise.reject(new Error('later')));
    expect(records[1]).toEqual({
      sessionId,
      state: 'refused',
      refusal: 'unavailable',
      kmsRequestId: 'kms-1',
      at,
    });
  });

  it('contains no decrypt if there was none', async () => {
    const { records } = await recordOf(openerThat(new Error('no answer')));
    expect(records[1]).toStrictEqual({ sessionId, state: 'refused', refusal: 'unavailable', at });
  });
});

describe('the use of a key by a person', () => {
  it('opens the key between the intent and the outcome', async () => {
    const { log, outcome } = await used();
    expect(outcome).toBe('done');
    expect(log).toEqual(['reserve', 'open', 'settle used']);
  });

  it('is refused as unreadable if the key cannot be read, with a record and a note for the owner', async () => {
    const { log, outcome } = await used({ opener: openerThat(new SealedKeyUnreadableError()) });
    expect(outcome).toBe('openai_key_unreadable');
    expect(log).toEqual(['reserve', 'note unreadable', 'settle refused openai_key_unreadable']);
  });

  it('is recorded as unavailable after another failure, which is thrown', async () => {
    const outage = new Error('no answer');
    const { log, outcome } = await used({ opener: openerThat(outage) });
    expect(outcome).toBe(outage);
    expect(log).toEqual(['reserve', 'settle refused unavailable']);
  });

  it.each(['reserve', 'settle'])(
    'is an outage, not a conflict, if %s finds the record changed',
    async (method) => {
      expect((await used({ [method]: lost })).outcome).toBe('unavailable');
    },
  );

  it.each(['reserve', 'settle'])('fails with the original error if %s fails', async (method) => {
    const outage = new Error('no answer');
    expect((await used({ [method]: () => Promise.reject(outage) })).outcome).toBe(outage);
  });
});
