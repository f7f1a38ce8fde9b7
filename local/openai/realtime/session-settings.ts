import type { SessionRequest } from '../session-schema.ts';
import { type Tokens, total } from './usage.ts';

const DEFAULT_PADDING_MS = 300;
const DEFAULT_SILENCE_MS = 500;

/** How a session detects turns. */
export type Detection = {
  readonly isOn: boolean;
  readonly isTranscribed: boolean;
  readonly threshold: number;
  readonly silenceMs: number;
  readonly paddingMs: number;
  readonly interrupts: boolean;
  readonly answers: boolean;
};

/**
 * The defaults are OpenAI's for `server_vad`. `semantic_vad` is treated like it, because the stand-in does not understand
 * words.
 */
export const detectionOf = (settings: SessionRequest | undefined): Detection => {
  const asked = settings?.audio?.input?.turn_detection;
  const server = asked?.type === 'server_vad' ? asked : undefined;
  return {
    isOn: asked !== null,
    isTranscribed: (settings?.audio?.input?.transcription ?? null) !== null,
    threshold: server?.threshold ?? 0.5,
    silenceMs: server?.silence_duration_ms ?? DEFAULT_SILENCE_MS,
    paddingMs: server?.prefix_padding_ms ?? DEFAULT_PADDING_MS,
    interrupts: asked?.interrupt_response ?? true,
    answers: asked?.create_response ?? true,
  };
};

/** The settings after `session.update`: only the fields that are present change, also within `audio`. */
export const mergeSettings = (
  before: SessionRequest | undefined,
  update: SessionRequest,
): SessionRequest => ({
  ...before,
  ...update,
  audio: {
    input: { ...before?.audio?.input, ...update.audio?.input },
    output: { ...before?.audio?.output, ...update.audio?.output },
  },
});

/**
 * The part of a conversation that goes into the next response. Beyond `truncation.token_limits.post_instructions`, the
 * oldest part is dropped, until `retention_ratio` of the limit is left; OpenAI drops whole items; the stand-in drops
 * shares of each kind.
 */
export const truncated = (conversation: Tokens, settings: SessionRequest | undefined): Tokens => {
  const truncation = settings?.truncation;
  if (typeof truncation !== 'object') return conversation;
  const limit = truncation.token_limits?.post_instructions ?? Number.POSITIVE_INFINITY;
  const all = total(conversation);
  if (all <= limit) return conversation;
  const share = (limit * truncation.retention_ratio) / all;
  return { text: Math.floor(conversation.text * share), audio: Math.floor(conversation.audio * share) };
};
