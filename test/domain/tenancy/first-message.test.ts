import { describe, expect, it } from '@jest/globals';
import { firstMessagePrompt } from '../../../lambdas/domain/tenancy/first-message.ts';

describe('the first message', () => {
  it.each([
    ['text', 'Begin the conversation. Say exactly this and nothing else: Hello.'],
    ['instructions', 'Begin the conversation. Hello.'],
  ] as const)('of type %s is one system message', (type, prompt) => {
    expect(firstMessagePrompt({ firstMessage: { type, text: 'Hello.' } })).toBe(prompt);
  });

  it('is empty if the assistant waits for the visitor', () => {
    expect(firstMessagePrompt({ firstMessage: null })).toBeNull();
  });
});
