import { describe, expect, it } from '@jest/globals';
import { viewOpenAiKey } from '../../../lambdas/use-cases/keys/view-openai-key.ts';
import { ACTIVITY, aSealedKey, DELETED_KEY, playWithKey } from './key-fixture.ts';

describe('what a member sees of a stored key', () => {
  it.each(['site', 'workspace'] as const)(
    'of a %s is its mask, what is known of it, and no more',
    async (scope) => {
      const currentKey = aSealedKey(scope);
      const { result } = await playWithKey(viewOpenAiKey, {
        scope,
        currentKey,
        role: 'viewer',
        activity: ACTIVITY,
      });
      expect(result).toStrictEqual({
        scope,
        masked: 'sk-...0003',
        version: 3,
        state: 'degraded',
        createdAt: currentKey.createdAt,
        createdBy: currentKey.createdBy,
        lastUsedAt: ACTIVITY.used.at,
        lastVerifiedAt: ACTIVITY.verified.at,
        verdict: currentKey.verdict,
      });
    },
  );

  it.each([undefined, DELETED_KEY])('is nothing where none is stored', async (currentKey) => {
    const { result } = await playWithKey(viewOpenAiKey, { currentKey, activity: ACTIVITY });
    expect(result).toMatchObject({ code: 'openai_key_not_stored' });
  });
});
