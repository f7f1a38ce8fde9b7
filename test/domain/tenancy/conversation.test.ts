import { describe, expect, it } from '@jest/globals';
import {
  canReason,
  conversationFault,
  DEFAULT_CONVERSATION,
  managedConversation,
} from '../../../lambdas/domain/tenancy/conversation.ts';

describe('the reasoning effort of a model', () => {
  it.each([
    ['gpt-realtime-2', true],
    ['gpt-realtime-2.1', true],
    ['gpt-realtime-2.1-mini', true],
    ['gpt-realtime-2-2026-05-07', true],
    ['gpt-realtime-10', true],
    ['gpt-realtime', false],
    ['gpt-realtime-1.5', false],
    ['gpt-realtime-mini', false],
    ['gpt-realtime-2025-08-28', false],
    ['gpt-realtime-mini-2025-12-15', false],
    ['gpt-4o-realtime-preview-2024-12-17', false],
  ])('is available on %s: %s', (model, expected) => {
    expect(canReason(model)).toBe(expected);
  });

  it('is refused on a model that cannot reason', () => {
    expect(conversationFault('gpt-realtime-1.5', { reasoningEffort: 'high' })).toBe(
      'The model gpt-realtime-1.5 has no reasoning effort. Set it to null, or choose gpt-realtime-2 or later.',
    );
    expect(conversationFault('gpt-realtime-1.5', { reasoningEffort: null })).toBeUndefined();
    expect(conversationFault('gpt-realtime-2.1', { reasoningEffort: 'high' })).toBeUndefined();
  });
});

describe('a conversation paid by the platform', () => {
  it('keeps settings that cost nothing more', () => {
    const conversation = {
      ...DEFAULT_CONVERSATION,
      turnDetection: { type: 'semantic_vad', eagerness: 'low', interruptResponse: false },
      noiseReduction: 'far_field',
      speed: 1.2,
      maxOutputTokens: 500,
      reasoningEffort: 'minimal',
    } as const;
    expect(managedConversation(conversation)).toStrictEqual(conversation);
  });

  it('has no transcription, no longer responses and no more reasoning than the default', () => {
    expect(
      managedConversation({
        ...DEFAULT_CONVERSATION,
        transcription: { model: 'whisper-1', language: null },
        maxOutputTokens: 4_096,
        reasoningEffort: 'xhigh',
      }),
    ).toStrictEqual(DEFAULT_CONVERSATION);
  });
});
