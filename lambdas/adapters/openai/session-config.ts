import { POST_INSTRUCTION_TOKENS } from '../../domain/openai-models.ts';
import { type Conversation, SPEECH_SPEED, type TurnDetection } from '../../domain/tenancy/conversation.ts';
import type { VoiceSettings } from '../../domain/tenancy/workspace.ts';

/**
 * The session that a client secret or a call begins with, set here and not by the widget. It limits the cost of one
 * response: its length, and how much of the conversation it reads again. A page with a data channel can change all of it
 * (SECURITY.md). With `turnByTurn`, OpenAI answers a turn only when the watcher requests it, and still stops when the
 * visitor interrupts.
 */
export const sessionOf = (
  { model, voice, instructions, tools, conversation }: VoiceSettings,
  turnByTurn = false,
) => ({
  type: 'realtime',
  model,
  ...(instructions !== '' && { instructions }),
  audio: {
    ...inputOf(conversation, turnByTurn),
    output: { voice, ...(conversation.speed !== SPEECH_SPEED.default && { speed: conversation.speed }) },
  },
  ...(conversation.reasoningEffort !== null && { reasoning: { effort: conversation.reasoningEffort } }),
  max_output_tokens: conversation.maxOutputTokens,
  truncation: {
    type: 'retention_ratio',
    retention_ratio: 0.8,
    token_limits: { post_instructions: POST_INSTRUCTION_TOKENS },
  },
  tools: tools.map(({ name, description, parameters }) => ({
    type: 'function',
    name,
    ...(description !== '' && { description }),
    parameters: JSON.parse(parameters) as Readonly<Record<string, unknown>>,
  })),
});

/** `audio.input` with the settings that differ from OpenAI's defaults; nothing if none does. */
const inputOf = (
  { turnDetection, noiseReduction, transcription: asked }: Conversation,
  turnByTurn: boolean,
) => {
  // Transcription is off because its price is not reserved.
  const transcription = turnByTurn ? null : asked;
  if (!turnByTurn && turnDetection === null && noiseReduction === null && transcription === null) return {};
  return {
    input: {
      ...((turnDetection !== null || turnByTurn) && {
        turn_detection: {
          ...(turnDetection === null
            ? { type: 'server_vad', interrupt_response: true }
            : turnDetectionOf(turnDetection)),
          ...(turnByTurn && { create_response: false }),
        },
      }),
      ...(noiseReduction !== null && { noise_reduction: { type: noiseReduction } }),
      ...(transcription !== null && {
        transcription: {
          model: transcription.model,
          ...(transcription.language !== null && { language: transcription.language }),
        },
      }),
    },
  };
};

const turnDetectionOf = (detection: TurnDetection) =>
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
