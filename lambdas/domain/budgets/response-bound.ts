import { POST_INSTRUCTION_TOKENS } from '../openai-models.ts';
import type { Price } from '../usage/price-catalogue.ts';
import { TOKEN_KINDS, type TokenKind } from '../usage/token-counts.ts';

/** OpenAI counts one audio token for each 100 ms of a visitor. https://developers.openai.com/api/docs/guides/realtime-costs */
const TURN_MS_PER_TOKEN = 100;

/** Tokens that OpenAI may add around the instructions. Its own count is not documented; ten are usual. */
const FRAME_TOKENS = 100;

const INPUT_KINDS: readonly TokenKind[] = [
  'textIn',
  'cachedTextIn',
  'audioIn',
  'cachedAudioIn',
  'imageIn',
  'cachedImageIn',
];

/** The parts of a session and a turn that bound the cost of the response. */
export interface ResponseLimits {
  readonly instructions: string;
  /** The longest possible speech of the visitor, milliseconds. */
  readonly turnMs: number;
  /** `max_output_tokens` of the session. */
  readonly maxOutputTokens: number;
}

/**
 * Returns the highest possible cost of one response, whole micro-cents. Its input is the instructions, the part of the
 * conversation that the session keeps and the visitor's latest turn; its output ends at `maxOutputTokens`. A token of
 * text has at least one byte. Every other token counts at the highest rate of the model.
 */
export const highestCostOfResponse = (
  { rates, upliftPercent }: Pick<Price, 'rates' | 'upliftPercent'>,
  { instructions, turnMs, maxOutputTokens }: ResponseLimits,
): number => {
  const dearest = (kinds: readonly TokenKind[]): number => Math.max(...kinds.map((kind) => rates[kind]));
  const turnTokens = Math.ceil(Math.max(0, turnMs) / TURN_MS_PER_TOKEN);
  const exact =
    new TextEncoder().encode(instructions).byteLength * rates.textIn +
    (FRAME_TOKENS + POST_INSTRUCTION_TOKENS + turnTokens) * dearest(INPUT_KINDS) +
    maxOutputTokens * dearest(['textOut', 'audioOut']);
  // A cost is rounded once for each kind of token.
  const rounding = upliftPercent === 0 ? 0 : TOKEN_KINDS.length;
  return Math.ceil((exact * (100 + upliftPercent)) / 100) + rounding;
};
