import * as z from 'zod';
import {
  DEFAULT_CONVERSATION,
  EAGERNESS,
  NOISE_REDUCTIONS,
  OUTPUT_TOKENS,
  PREFIX_PADDING_MS,
  REASONING_EFFORTS,
  SILENCE_DURATION_MS,
  SPEECH_SPEED,
  TRANSCRIPTION_MODELS,
} from '../domain/tenancy/conversation.ts';
import { FIRST_MESSAGE_TYPES, MAX_FIRST_MESSAGE_LENGTH } from '../domain/tenancy/first-message.ts';
import { isShown, isUnicode, NOT_UNICODE, NOT_VISIBLE } from './common.ts';

const interruptResponse = z
  .boolean()
  .default(true)
  .describe('The visitor can interrupt the assistant by speaking.');

const turnDetection = z.discriminatedUnion('type', [
  z.strictObject({
    type: z.literal('server_vad').describe('A turn ends after a pause.'),
    threshold: z.number().min(0).max(1).default(0.5).describe('Minimum loudness of speech.'),
    prefix_padding_ms: z
      .int()
      .min(PREFIX_PADDING_MS.min)
      .max(PREFIX_PADDING_MS.max)
      .default(PREFIX_PADDING_MS.default)
      .describe('Sound that OpenAI keeps from before the speech.'),
    silence_duration_ms: z
      .int()
      .min(SILENCE_DURATION_MS.min)
      .max(SILENCE_DURATION_MS.max)
      .default(SILENCE_DURATION_MS.default)
      .describe('Length of the pause that ends a turn.'),
    interrupt_response: interruptResponse,
  }),
  z.strictObject({
    type: z.literal('semantic_vad').describe('A turn ends when the visitor seems to have finished.'),
    eagerness: z.enum(EAGERNESS).default('auto').describe('How soon the assistant answers.'),
    interrupt_response: interruptResponse,
  }),
]);

const transcription = z.strictObject({
  model: z.enum(TRANSCRIPTION_MODELS).default('gpt-4o-mini-transcribe'),
  language: z
    .string()
    .regex(/^[a-z]{2}$/, 'Must be an ISO 639-1 code, such as en.')
    .nullable()
    .default(null)
    .describe('ISO 639-1. null: OpenAI recognizes the language.'),
});

const firstMessage = z.strictObject({
  type: z
    .enum(FIRST_MESSAGE_TYPES)
    .describe('`text`: the words to say. `instructions`: the assistant chooses its own words.'),
  text: z
    .string()
    .trim()
    .min(1)
    .max(MAX_FIRST_MESSAGE_LENGTH)
    .refine(isUnicode, NOT_UNICODE)
    .refine(isShown, NOT_VISIBLE)
    .refine(
      (text) => !text.includes('{{'),
      'Must not contain placeholders. They work only in the instructions of the site.',
    ),
});

/** The event that makes the assistant speak first. */
export const firstMessageEvent = z
  .object({
    type: z.literal('response.create'),
    response: z.object({
      input: z.array(
        z.object({
          type: z.literal('message'),
          role: z.literal('system'),
          content: z.array(z.object({ type: z.literal('input_text'), text: z.string() })),
        }),
      ),
    }),
  })
  .nullable();

/** How a site's sessions hear, speak and think. A field that is left out gets its default. */
export const conversation = z
  .strictObject({
    turn_detection: turnDetection
      .nullable()
      .default(null)
      .describe('When a turn of the visitor ends. null: OpenAI’s default.'),
    noise_reduction: z
      .enum(NOISE_REDUCTIONS)
      .nullable()
      .default(null)
      .describe('`near_field`: headsets. `far_field`: laptops and rooms. null: off.'),
    transcription: transcription
      .nullable()
      .default(null)
      .describe(
        'Captions of the visitor’s words, only in sessions with your own key. OpenAI bills them under another model, so the usage of such a session is never complete. null: off.',
      ),
    speed: z
      .number()
      .min(SPEECH_SPEED.min)
      .max(SPEECH_SPEED.max)
      .default(SPEECH_SPEED.default)
      .describe('Speed of the assistant’s speech.'),
    max_output_tokens: z
      .int()
      .min(OUTPUT_TOKENS.min)
      .max(OUTPUT_TOKENS.max)
      .default(OUTPUT_TOKENS.default)
      .describe(
        `Maximum length of a response; about 20 tokens are a second of speech. At most ${OUTPUT_TOKENS.default} in managed sessions.`,
      ),
    reasoning_effort: z
      .enum(REASONING_EFFORTS)
      .nullable()
      .default(null)
      .describe(
        'Only for gpt-realtime-2 and later. More effort makes answers slower and costs more tokens. null: the model’s default, as in managed sessions.',
      ),
    first_message: firstMessage
      .nullable()
      .default(null)
      .describe('What the assistant says before the visitor has spoken. null: it waits for the visitor.'),
  })
  .describe('A change replaces the whole object.');

export type ConversationBody = z.output<typeof conversation>;

export const DEFAULT_CONVERSATION_BODY: ConversationBody = {
  turn_detection: null,
  noise_reduction: null,
  transcription: null,
  speed: DEFAULT_CONVERSATION.speed,
  max_output_tokens: DEFAULT_CONVERSATION.maxOutputTokens,
  reasoning_effort: null,
  first_message: null,
};
