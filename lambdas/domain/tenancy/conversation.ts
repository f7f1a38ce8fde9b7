import { MAX_OUTPUT_TOKENS } from '../openai-models.ts';
import type { FirstMessage } from './first-message.ts';

/** OpenAI's `semantic_vad`: how soon it treats the visitor's turn as finished. */
export const EAGERNESS = ['low', 'medium', 'high', 'auto'] as const;

export const NOISE_REDUCTIONS = ['near_field', 'far_field'] as const;

export const REASONING_EFFORTS = ['minimal', 'low', 'medium', 'high', 'xhigh'] as const;

/** OpenAI's transcription models, except those for speakers and live subtitles. */
export const TRANSCRIPTION_MODELS = ['gpt-4o-mini-transcribe', 'gpt-4o-transcribe', 'whisper-1'] as const;

/** OpenAI's bounds of the speed of speech. Source: RealtimeSessionCreateRequestGA. */
export const SPEECH_SPEED = { min: 0.25, max: 1.5, default: 1 } as const;

/** OpenAI takes 1 to 4,096 tokens for one response. */
export const OUTPUT_TOKENS = { min: 1, max: 4_096, default: MAX_OUTPUT_TOKENS } as const;

/** Bounds of our own, milliseconds: OpenAI documents none. Longer pauses feel like a lost connection. */
export const PREFIX_PADDING_MS = { min: 0, max: 2_000, default: 300 } as const;
export const SILENCE_DURATION_MS = { min: 100, max: 5_000, default: 500 } as const;

export type TurnDetection =
  | {
      readonly type: 'server_vad';
      /** 0 to 1: how loud speech has to be. */
      readonly threshold: number;
      readonly prefixPaddingMs: number;
      readonly silenceDurationMs: number;
      /** The visitor can interrupt the assistant. */
      readonly interruptResponse: boolean;
    }
  | {
      readonly type: 'semantic_vad';
      readonly eagerness: (typeof EAGERNESS)[number];
      readonly interruptResponse: boolean;
    };

/** The settings for listening, speaking and reasoning of a site's sessions. */
export interface Conversation {
  /** null: OpenAI's default. */
  readonly turnDetection: TurnDetection | null;
  /** null: off. */
  readonly noiseReduction: (typeof NOISE_REDUCTIONS)[number] | null;
  /** Transcribes the visitor for the captions of the page. OpenAI bills it under another model. null: off. */
  readonly transcription: {
    readonly model: (typeof TRANSCRIPTION_MODELS)[number];
    /** ISO 639-1; null: OpenAI recognizes the language. */
    readonly language: string | null;
  } | null;
  readonly speed: number;
  /** Longest response, tokens. */
  readonly maxOutputTokens: number;
  /** null: the model's default. */
  readonly reasoningEffort: (typeof REASONING_EFFORTS)[number] | null;
  /** null: the assistant waits for the visitor. */
  readonly firstMessage: FirstMessage | null;
}

export const DEFAULT_CONVERSATION: Conversation = {
  turnDetection: null,
  noiseReduction: null,
  transcription: null,
  speed: SPEECH_SPEED.default,
  maxOutputTokens: OUTPUT_TOKENS.default,
  reasoningEffort: null,
  firstMessage: null,
};

/** True for the models that OpenAI documents as able to reason: gpt-realtime-2 and later. */
export const canReason = (model: string): boolean => {
  const generation = /^gpt-realtime-(\d{1,2})(?:\.\d+)?(?:-|$)/.exec(model)?.[1];
  return generation !== undefined && Number(generation) >= 2;
};

/** The sentence about a setting that the model does not support; undefined if there is none. */
export const conversationFault = (
  model: string,
  { reasoningEffort }: Pick<Conversation, 'reasoningEffort'>,
): string | undefined =>
  reasoningEffort === null || canReason(model)
    ? undefined
    : `The model ${model} has no reasoning effort. Set it to null, or choose gpt-realtime-2 or later.`;

/**
 * The conversation of a session that the platform pays for: no longer responses, no transcription and no more reasoning
 * than by default, because a plan's minute has one price.
 */
export const managedConversation = (conversation: Conversation): Conversation => ({
  ...conversation,
  transcription: null,
  maxOutputTokens: Math.min(conversation.maxOutputTokens, OUTPUT_TOKENS.default),
  reasoningEffort: conversation.reasoningEffort === 'minimal' ? 'minimal' : null,
});
