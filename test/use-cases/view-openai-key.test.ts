import { describe, expect, it } from '@jest/globals';
import { viewOpenAiKey } from '../../lambdas/use-cases/view-openai-key.ts';
import { ACTIVITY, aSealedKey, DELETED_KEY, playWithKey } from './key-fixture.ts';

describe('what a member sees of a stored key', () => {
  it.each(['site', 'workspace'] as const)(
    'of a %s is its mask, what is known of it, and no more',
    async (scope) => {
      const head = aSealedKey(scope);
      const { result } = await playWithKey(viewOpenAiKey, {
        scope,
        head,
        role: 'viewer',
        activity: ACTIVITY,
      });
      expect(result).toStrictEqual({
        scope,
        masked: 'sk-...0003',
        version: 3,
        state: 'degraded',
        createdAt: head.createdAt,
        createdBy: head.createdBy,
        lastUsedAt: ACTIVITY.used.at,
        lastVerifiedAt: ACTIVITY.verified.at,
        verdict: head.verdict,
      });
    },
  );

  it.each([undefined, DELETED_KEY])('is nothing where none is stored', async (head) => {
    const { result } = await playWithKey(viewOpenAiKey, { head, activity: ACTIVITY });
    expect(result).toMatchObject({ refusal: 'openai_key_not_stored' });
  });
});
