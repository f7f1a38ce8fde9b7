import type { ConversationBody } from '../../contract/conversation.ts';
import type { Conversation, TurnDetection } from '../../domain/tenancy/conversation.ts';
import { firstMessageInput } from '../../domain/tenancy/first-message.ts';

/** The conversation of a site under the names of the API. */
export const presentConversation = ({
  turnDetection,
  noiseReduction,
  transcription,
  speed,
  maxOutputTokens,
  reasoningEffort,
  firstMessage,
}: Conversation): ConversationBody => ({
  turn_detection: turnDetection && presentTurnDetection(turnDetection),
  noise_reduction: noiseReduction,
  transcription,
  speed,
  max_output_tokens: maxOutputTokens,
  reasoning_effort: reasoningEffort,
  first_message: firstMessage,
});

const presentTurnDetection = (detection: TurnDetection) =>
  detection.type === 'semantic_vad'
    ? {
        type: detection.type,
        eagerness: detection.eagerness,
        interrupt_response: detection.interruptResponse,
      }
    : {
        type: detection.type,
        threshold: detection.threshold,
        prefix_padding_ms: detection.prefixPaddingMs,
        silence_duration_ms: detection.silenceDurationMs,
        interrupt_response: detection.interruptResponse,
      };

/** The event that the page sends to begin the conversation; null if there is none. */
export const presentFirstMessage = (prompt: string | null) =>
  prompt === null
    ? null
    : { type: 'response.create' as const, response: { input: firstMessageInput(prompt) } };

/** The conversation of a request under our own names. */
export const conversationIn = (body: ConversationBody): Conversation => ({
  turnDetection: body.turn_detection && turnDetectionIn(body.turn_detection),
  noiseReduction: body.noise_reduction,
  transcription: body.transcription,
  speed: body.speed,
  maxOutputTokens: body.max_output_tokens,
  reasoningEffort: body.reasoning_effort,
  firstMessage: body.first_message,
});

const turnDetectionIn = (body: NonNullable<ConversationBody['turn_detection']>): TurnDetection =>
  body.type === 'semantic_vad'
    ? { type: body.type, eagerness: body.eagerness, interruptResponse: body.interrupt_response }
    : {
        type: body.type,
        threshold: body.threshold,
        prefixPaddingMs: body.prefix_padding_ms,
        silenceDurationMs: body.silence_duration_ms,
        interruptResponse: body.interrupt_response,
      };
