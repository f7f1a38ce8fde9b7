import { MAX_OUTPUT_TOKENS, POST_INSTRUCTION_TOKENS } from '../../domain/openai-models.ts';
import type { VoiceSettings } from '../../domain/tenancy/workspace.ts';

/** `idle_timeout_ms` would let OpenAI answer silence. */
export const ASKED_TURNS = {
  turn_detection: {
    type: 'server_vad',
    create_response: false,
    interrupt_response: true,
    idle_timeout_ms: null,
  },
} as const;

/**
 * The session that a client secret or a call begins with, fixed here and not by the widget. It bounds what one response
 * can cost: how long it is, and how much of the conversation it reads again. A page with a data channel can change all
 * of it (SECURITY.md). With `turnByTurn` OpenAI answers no turn before the watcher asks for it, and still stops when the
 * visitor interrupts.
 */
export const sessionOf = ({ model, voice, instructions }: VoiceSettings, turnByTurn = false) => ({
  type: 'realtime',
  model,
  ...(instructions !== '' && { instructions }),
  audio: { output: { voice }, ...(turnByTurn && { input: ASKED_TURNS }) },
  max_output_tokens: MAX_OUTPUT_TOKENS,
  truncation: {
    type: 'retention_ratio',
    retention_ratio: 0.8,
    token_limits: { post_instructions: POST_INSTRUCTION_TOKENS },
  },
  tools: [],
});
