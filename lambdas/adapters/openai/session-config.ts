import { MAX_OUTPUT_TOKENS, POST_INSTRUCTION_TOKENS } from '../../domain/openai-models.ts';
import type { VoiceSettings } from '../../domain/tenancy/workspace.ts';

/**
 * The session that a client secret or a call begins with, fixed here and not by the widget. It bounds what one response
 * can cost: how long it is, and how much of the conversation it reads again. A page with a data channel can change all
 * of it (SECURITY.md).
 */
export const sessionOf = ({ model, voice, instructions, tools }: VoiceSettings) => ({
  type: 'realtime',
  model,
  ...(instructions !== '' && { instructions }),
  audio: { output: { voice } },
  max_output_tokens: MAX_OUTPUT_TOKENS,
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
