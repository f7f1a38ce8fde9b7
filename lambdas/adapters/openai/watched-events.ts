import * as z from 'zod';
import { isReservationId } from '../../domain/budgets/response-reservation.ts';
import type { SessionFields, WatchedEvent } from '../../domain/calls/watched-call.ts';
import { tokenCountsOf } from '../../domain/usage/token-counts.ts';

/** Reduces OpenAI's events to IDs and numbers. Spoken text is dropped here, before any other code sees the event. */

const count = z.number().nullish().catch(undefined);
const media = z.object({ text_tokens: count, audio_tokens: count, image_tokens: count });
const usage = z.object({
  input_tokens: count,
  output_tokens: count,
  input_token_details: media
    .extend({ cached_tokens: count, cached_tokens_details: media.nullish() })
    .nullish(),
  output_token_details: media.nullish(),
});

const id = z.string().min(1).max(200);
const reservation = z
  .object({ reservation: z.string().refine(isReservationId).optional().catch(undefined) })
  .nullish()
  .catch(undefined);
const response = z.object({
  id,
  status: z.string().nullish().catch(undefined),
  metadata: reservation,
  max_output_tokens: z.union([z.number(), z.literal('inf')]).nullish(),
  usage: usage.nullish(),
});
const speech = z.object({ audio_start_ms: count, audio_end_ms: count });
const committed = z.object({ item_id: id.optional().catch(undefined) });
const refused = z.object({
  error: z.object({ event_id: z.string().refine(isReservationId).optional().catch(undefined) }),
});
const item = z.object({ previous_item_id: id.nullish(), item: z.object({ id }) });
const envelope = z.looseObject({ type: z.string() });

/** Undefined for an event that is irrelevant to cost and integrity, and for text that is not an event. */
export const watchedEventIn = (text: string): WatchedEvent | undefined => {
  const event = envelope.safeParse(parseJson(text)).data;
  switch (event?.type) {
    case 'session.created':
    case 'session.updated': {
      const session = z.record(z.string(), z.unknown()).safeParse(event['session']).data;
      return session && { type: 'session', fields: sessionFields(session) };
    }
    case 'conversation.item.added':
    case 'conversation.item.created': {
      const added = item.safeParse(event).data;
      return added && { type: 'item', itemId: added.item.id, previousItemId: added.previous_item_id ?? null };
    }
    case 'input_audio_buffer.speech_started':
      return {
        type: 'speech',
        speaking: true,
        atMs: speech.safeParse(event).data?.audio_start_ms ?? undefined,
      };
    case 'input_audio_buffer.speech_stopped':
      return {
        type: 'speech',
        speaking: false,
        atMs: speech.safeParse(event).data?.audio_end_ms ?? undefined,
      };
    case 'input_audio_buffer.committed':
      return { type: 'turn', itemId: committed.safeParse(event).data?.item_id };
    case 'response.created': {
      const started = response.safeParse(event['response']).data;
      return (
        started && {
          type: 'response_started',
          responseId: started.id,
          maxOutputTokens: started.max_output_tokens ?? null,
          reservationId: started.metadata?.reservation,
        }
      );
    }
    case 'response.done': {
      const done = response.safeParse(event['response']).data;
      if (done === undefined) return undefined;
      const tokens = done.usage ? tokenCountsOf(done.usage) : undefined;
      return {
        type: 'response_done',
        responseId: done.id,
        tokens,
        reservationId: done.metadata?.reservation,
        failed: done.status === 'failed',
      };
    }
    case 'conversation.item.input_audio_transcription.completed':
      return { type: 'transcription' };
    case 'error':
      return { type: 'refused', reservationId: refused.safeParse(event).data?.error.event_id };
    default:
      return undefined;
  }
};

const parseJson = (text: string): unknown => {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
};

type Json = Readonly<Record<string, unknown>>;

/** The value, if it is an object; otherwise an empty one. */
export const objectOf = (value: unknown): Json =>
  typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Json) : {};

/** The fields of a session that are compared, if present. */
export const sessionFields = (session: Json): SessionFields => {
  const audio = objectOf(session['audio']);
  const output = objectOf(audio['output']);
  const { format: _, ...input } = objectOf(audio['input']);
  const found: Json = {
    model: session['model'],
    instructions: session['instructions'],
    max_output_tokens: session['max_output_tokens'],
    reasoning: session['reasoning'],
    truncation: truncationOf(session['truncation']),
    tools: toolsOf(session['tools']),
    tool_choice: session['tool_choice'],
    output_modalities: session['output_modalities'],
    prompt: session['prompt'],
    voice: output['voice'],
    input: audio['input'] === undefined ? undefined : input,
    create_response: objectOf(input['turn_detection'])['create_response'],
  };
  return Object.fromEntries(
    Object.entries(found).flatMap(([name, value]) => (value === undefined ? [] : [[name, canonical(value)]])),
  );
};

/** The parts of a function that this service sets; OpenAI may add others. A tool of another kind stays whole. */
const toolsOf = (value: unknown): unknown =>
  Array.isArray(value)
    ? value.map((tool: unknown) => {
        const { type, name, description, parameters } = objectOf(tool);
        return type === 'function'
          ? {
              type,
              name,
              ...(typeof description === 'string' && description !== '' && { description }),
              parameters,
            }
          : tool;
      })
    : value;

/** The parts of `truncation` that this service sets; OpenAI may add others. */
const truncationOf = (value: unknown): unknown => {
  if (typeof value !== 'object' || value === null) return value;
  const { type, retention_ratio, token_limits } = value as Json;
  return { type, retention_ratio, post_instructions: objectOf(token_limits)['post_instructions'] };
};

/** JSON with sorted names, so that equal values are equal texts. */
const canonical = (value: unknown): string =>
  JSON.stringify(value, (_, part: unknown) =>
    typeof part === 'object' && part !== null && !Array.isArray(part)
      ? Object.fromEntries(Object.entries(part).toSorted(([a], [b]) => (a < b ? -1 : 1)))
      : part,
  );
