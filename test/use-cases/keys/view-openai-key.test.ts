import { describe, expect, it } from '@jest/globals';
import { viewOpenAiKey } from '../../../lambdas/use-cases/keys/view-openai-key.ts';
import { ACTIVITY, aSealedKey, DELETED_KEY, playWithKey } from './key-fixture.ts';

describe('the view of a stored key for members', () => {
  it.each(['site', 'workspace'] as const)(
    'of a %s contains its masked text and its state, and nothing else',
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

  it.each([undefined, DELETED_KEY])('is openai_key_not_stored if no key is stored', async (currentKey) => {
    const { result } = await playWithKey(viewOpenAiKey, { currentKey, activity: ACTIVITY });
    expect(result).toMatchObject({ code: 'openai_key_not_stored' });
  });
});
