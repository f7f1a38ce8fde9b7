import { describe, expect, it } from '@jest/globals';
import { conversation, DEFAULT_CONVERSATION_BODY } from '../../lambdas/contract/conversation.ts';
import { DEFAULT_CONVERSATION } from '../../lambdas/domain/tenancy/conversation.ts';
import {
  conversationIn,
  presentConversation,
  presentFirstMessage,
} from '../../lambdas/http/presenters/present-conversation.ts';

const FULL = {
  turn_detection: {
    type: 'server_vad',
    threshold: 0.7,
    prefix_padding_ms: 200,
    silence_duration_ms: 900,
    interrupt_response: false,
  },
  noise_reduction: 'near_field',
  transcription: { model: 'gpt-4o-transcribe', language: 'de' },
  speed: 1.25,
  max_output_tokens: 2_000,
  reasoning_effort: 'high',
  first_message: { type: 'text', text: 'Hello.' },
} as const;

describe('the presented first message', () => {
  it('is one event that the page sends unchanged, and missing if the assistant waits', () => {
    expect(presentFirstMessage('Greet the visitor.')).toStrictEqual({
      type: 'response.create',
      response: {
        input: [
          {
            type: 'message',
            role: 'system',
            content: [{ type: 'input_text', text: 'Greet the visitor.' }],
          },
        ],
      },
    });
    expect(presentFirstMessage(null)).toBeNull();
  });
});

describe('the presented conversation', () => {
  it.each([
    FULL,
    { ...FULL, turn_detection: { type: 'semantic_vad', eagerness: 'low', interrupt_response: true } },
    { ...FULL, turn_detection: null, transcription: null, noise_reduction: null, reasoning_effort: null },
    { ...FULL, first_message: { type: 'instructions', text: 'Greet the visitor.' } },
    { ...FULL, first_message: null },
  ] as const)('is returned as it was sent: %j', (body) => {
    expect(presentConversation(conversationIn(conversation.parse(body)))).toStrictEqual(body);
  });

  it('has the defaults of the domain', () => {
    expect(conversation.parse({})).toStrictEqual(DEFAULT_CONVERSATION_BODY);
    expect(conversationIn(DEFAULT_CONVERSATION_BODY)).toStrictEqual(DEFAULT_CONVERSATION);
  });

  it("has OpenAI's defaults for the rest of the turn detection", () => {
    expect(conversation.parse({ turn_detection: { type: 'server_vad' } }).turn_detection).toStrictEqual({
      type: 'server_vad',
      threshold: 0.5,
      prefix_padding_ms: 300,
      silence_duration_ms: 500,
      interrupt_response: true,
    });
  });

  it.each([
    { speed: 0.2 },
    { speed: 1.6 },
    { max_output_tokens: 0 },
    { max_output_tokens: 4_097 },
    { max_output_tokens: 'inf' },
    { reasoning_effort: 'none' },
    { noise_reduction: 'loud' },
    { transcription: { model: 'gpt-4o-transcribe-diarize' } },
    { transcription: { language: 'german' } },
    { transcription: { prompt: 'Names: Ann.' } },
    { turn_detection: { type: 'none' } },
    { turn_detection: { type: 'server_vad', threshold: 1.1 } },
    { turn_detection: { type: 'server_vad', silence_duration_ms: 99 } },
    { turn_detection: { type: 'server_vad', prefix_padding_ms: 2_001 } },
    { turn_detection: { type: 'server_vad', create_response: false } },
    { turn_detection: { type: 'server_vad', idle_timeout_ms: 5_000 } },
    { turn_detection: { type: 'semantic_vad', threshold: 0.5 } },
    { first_message: 'Hello.' },
    { first_message: { type: 'audio', text: 'Hello.' } },
    { first_message: { type: 'text', text: '   ' } },
    { first_message: { type: 'text', text: 'x'.repeat(501) } },
    { first_message: { type: 'text', text: 'Hello {{name}}.' } },
  ])('is refused with %j', (body) => {
    expect(conversation.safeParse(body).success).toBe(false);
  });
});
