import { z } from 'zod';

/**
 * The server events of OpenAI's Realtime API as far as the stand-in sends them. Written by us from OpenAI's published
 * specification (github.com/openai/openai-openapi, `RealtimeServerEvent*`, version 2.3.0 of August 2026), and strict: a
 * field that the specification does not have is an error. Two additions come from reports of real answers: the `message`
 * of a failed response, and null if a response or session has no value yet.
 */

const id = z.string().min(1);
const count = z.int().min(0);
const modality = z.enum(['text', 'audio']);
const status = z.enum(['completed', 'incomplete', 'in_progress']);

const message = z.strictObject({
  id,
  object: z.literal('realtime.item'),
  type: z.literal('message'),
  status,
  role: z.enum(['user', 'assistant', 'system']),
  content: z.array(
    z.strictObject({
      type: z.enum(['output_text', 'output_audio', 'input_text', 'input_audio']),
      text: z.string().optional(),
      audio: z.string().optional(),
      transcript: z.string().nullable().optional(),
    }),
  ),
});

const functionItem = {
  id,
  object: z.literal('realtime.item'),
  status,
  call_id: id,
};
/** `RealtimeConversationItem`. */
const item = z.discriminatedUnion('type', [
  message,
  z.strictObject({
    ...functionItem,
    type: z.literal('function_call'),
    name: z.string(),
    arguments: z.string(),
  }),
  z.strictObject({ ...functionItem, type: z.literal('function_call_output'), output: z.string() }),
]);

const format = z.union([
  z.strictObject({ type: z.literal('audio/pcm'), rate: z.literal(24_000) }),
  z.strictObject({ type: z.enum(['audio/pcmu', 'audio/pcma']) }),
]);
const voice = z.union([z.string(), z.strictObject({ id })]);
const maxOutputTokens = z.union([z.int().positive(), z.literal('inf')]);
const kinds = { text_tokens: count, audio_tokens: count };

const usage = z.strictObject({
  total_tokens: count,
  input_tokens: count,
  output_tokens: count,
  input_token_details: z.strictObject({
    ...kinds,
    image_tokens: count,
    cached_tokens: count,
    cached_tokens_details: z.strictObject({ ...kinds, image_tokens: count }),
  }),
  output_token_details: z.strictObject(kinds),
});

const response = z.strictObject({
  id,
  object: z.literal('realtime.response'),
  status: z.enum(['completed', 'cancelled', 'failed', 'incomplete', 'in_progress']),
  status_details: z
    .strictObject({
      type: z.enum(['completed', 'cancelled', 'failed', 'incomplete']),
      reason: z.enum(['turn_detected', 'client_cancelled', 'max_output_tokens', 'content_filter']).optional(),
      error: z
        .strictObject({ type: z.string(), code: z.string(), message: z.string().optional() })
        .optional(),
    })
    .nullable(),
  output: z.array(item),
  metadata: z.record(z.string(), z.string()).nullable(),
  audio: z.strictObject({ output: z.strictObject({ format, voice }) }),
  usage: usage.nullable(),
  conversation_id: id,
  output_modalities: z.array(modality),
  max_output_tokens: maxOutputTokens,
});

const turnDetection = z.union([
  z.strictObject({
    type: z.literal('server_vad'),
    threshold: z.number().optional(),
    prefix_padding_ms: z.int().optional(),
    silence_duration_ms: z.int().optional(),
    create_response: z.boolean().optional(),
    interrupt_response: z.boolean().optional(),
    idle_timeout_ms: z.int().min(5_000).max(30_000).nullable().optional(),
  }),
  z.strictObject({
    type: z.literal('semantic_vad'),
    eagerness: z.enum(['low', 'medium', 'high', 'auto']).optional(),
    create_response: z.boolean().optional(),
    interrupt_response: z.boolean().optional(),
  }),
]);

/** `RealtimeSessionCreateResponseGA`. */
const session = z.strictObject({
  type: z.literal('realtime'),
  id: z.string().startsWith('sess_'),
  object: z.literal('realtime.session'),
  expires_at: z.int(),
  output_modalities: z.array(modality),
  model: z.string(),
  instructions: z.string(),
  audio: z.strictObject({
    input: z.strictObject({
      format,
      transcription: z.looseObject({}).nullable(),
      noise_reduction: z.strictObject({ type: z.enum(['near_field', 'far_field']) }).nullable(),
      turn_detection: turnDetection.nullable(),
    }),
    output: z.strictObject({ format, voice, speed: z.number().min(0.25).max(1.5) }),
  }),
  include: z.array(z.string()).nullable(),
  tracing: z.unknown(),
  tools: z.array(z.looseObject({ type: z.string() })),
  tool_choice: z.unknown(),
  parallel_tool_calls: z.boolean().optional(),
  reasoning: z.looseObject({}).optional(),
  max_output_tokens: maxOutputTokens,
  truncation: z.unknown(),
  prompt: z.null(),
});

const event = <Type extends string, Fields extends z.ZodRawShape>(type: Type, fields: Fields) =>
  z.strictObject({ event_id: id.max(512), type: z.literal(type), ...fields });
const functionPlace = { response_id: id, item_id: id, output_index: count, call_id: id };
const place = { response_id: id, item_id: id, output_index: count, content_index: count };
const part = z.strictObject({
  type: z.enum(['audio', 'text']),
  text: z.string().optional(),
  audio: z.string().optional(),
  transcript: z.string().optional(),
});
const afterItem = { previous_item_id: id.nullable() };

/** One server event. Throws for anything that OpenAI's specification does not describe. */
export const ServerEvent = z.discriminatedUnion('type', [
  event('session.created', { session }),
  event('session.updated', { session }),
  event('error', {
    error: z.strictObject({
      type: z.string(),
      code: z.string().nullable(),
      message: z.string(),
      param: z.string().nullable(),
      event_id: z.string().nullable(),
    }),
  }),
  event('input_audio_buffer.speech_started', { audio_start_ms: count, item_id: id }),
  event('input_audio_buffer.speech_stopped', { audio_end_ms: count, item_id: id }),
  event('input_audio_buffer.committed', { ...afterItem, item_id: id }),
  event('input_audio_buffer.cleared', {}),
  event('conversation.item.added', { ...afterItem, item }),
  event('conversation.item.done', { ...afterItem, item }),
  event('conversation.item.truncated', { item_id: id, content_index: count, audio_end_ms: count }),
  event('conversation.item.input_audio_transcription.delta', {
    item_id: id,
    content_index: count,
    delta: z.string(),
  }),
  event('conversation.item.input_audio_transcription.completed', {
    item_id: id,
    content_index: count,
    transcript: z.string(),
    usage: z.strictObject({
      type: z.literal('tokens'),
      total_tokens: count,
      input_tokens: count,
      input_token_details: z.strictObject(kinds),
      output_tokens: count,
    }),
  }),
  event('response.created', { response }),
  event('response.done', { response }),
  event('response.output_item.added', { response_id: id, output_index: count, item }),
  event('response.output_item.done', { response_id: id, output_index: count, item }),
  event('response.content_part.added', { ...place, part }),
  event('response.content_part.done', { ...place, part }),
  event('response.output_audio_transcript.delta', { ...place, delta: z.string() }),
  event('response.output_audio_transcript.done', { ...place, transcript: z.string() }),
  event('response.output_audio.done', place),
  event('response.function_call_arguments.delta', { ...functionPlace, delta: z.string() }),
  event('response.function_call_arguments.done', {
    ...functionPlace,
    name: z.string(),
    arguments: z.string(),
  }),
  event('output_audio_buffer.started', { response_id: id }),
  event('output_audio_buffer.stopped', { response_id: id }),
  event('output_audio_buffer.cleared', { response_id: id }),
  event('rate_limits.updated', {
    rate_limits: z.array(
      z.strictObject({
        name: z.enum(['requests', 'tokens']),
        limit: count,
        remaining: count,
        reset_seconds: z.number(),
      }),
    ),
  }),
]);
