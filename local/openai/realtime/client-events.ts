import { z } from 'zod';
import { explainIssues, MaxOutputTokens, SessionSchema } from '../session-schema.ts';

const named = { event_id: z.string().max(512).optional() };

const ResponseParamsSchema = z.strictObject({
  output_modalities: z.array(z.enum(['text', 'audio'])).optional(),
  instructions: z.string().optional(),
  audio: z.record(z.string(), z.unknown()).optional(),
  tools: z.array(z.record(z.string(), z.unknown())).optional(),
  tool_choice: z.union([z.string(), z.record(z.string(), z.unknown())]).optional(),
  parallel_tool_calls: z.boolean().optional(),
  reasoning: z.record(z.string(), z.unknown()).optional(),
  max_output_tokens: MaxOutputTokens.optional(),
  conversation: z.string().optional(),
  metadata: z.record(z.string(), z.string()).nullable().optional(),
  input: z.array(z.record(z.string(), z.unknown())).optional(),
});
/** Settings that `response.create` may give for one response. */
export type ResponseParams = z.infer<typeof ResponseParamsSchema>;

/** Events that a data channel or a sideband may send, as far as the stand-in supports them. */
const ClientEvent = z.discriminatedUnion('type', [
  z.strictObject({ ...named, type: z.literal('session.update'), session: SessionSchema }),
  z.strictObject({ ...named, type: z.literal('response.create'), response: ResponseParamsSchema.optional() }),
  z.strictObject({ ...named, type: z.literal('response.cancel'), response_id: z.string().optional() }),
  z.strictObject({ ...named, type: z.literal('input_audio_buffer.clear') }),
  z.strictObject({ ...named, type: z.literal('input_audio_buffer.commit') }),
  z.strictObject({ ...named, type: z.literal('output_audio_buffer.clear') }),
  z.strictObject({
    ...named,
    type: z.literal('conversation.item.create'),
    previous_item_id: z.string().optional(),
    item: z.discriminatedUnion('type', [
      z.object({
        id: z.string().optional(),
        type: z.literal('message'),
        role: z.enum(['user', 'assistant', 'system']),
        content: z.array(z.looseObject({ type: z.string(), text: z.string() })).min(1),
      }),
      z.object({
        id: z.string().optional(),
        type: z.literal('function_call_output'),
        call_id: z.string(),
        output: z.string(),
      }),
    ]),
  }),
]);
export type ClientEvent = z.infer<typeof ClientEvent>;

/** An error about one client event: the session continues. */
export type ClientError = {
  readonly type: 'invalid_request_error';
  readonly code: string;
  readonly message: string;
  readonly param: string | null;
  /** The `event_id` that the client gave, or null. */
  readonly event_id: string | null;
};

export const clientError = (code: string, message: string, more: Partial<ClientError> = {}): ClientError => ({
  type: 'invalid_request_error',
  code,
  message,
  param: null,
  event_id: null,
  ...more,
});

/** Reads one message of a client, or returns the error that OpenAI would send. */
export function parseClientEvent(
  text: string,
): { readonly event: ClientEvent } | { readonly error: ClientError } {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return { error: clientError('invalid_json', 'The event is not valid JSON.') };
  }
  const parsed = ClientEvent.safeParse(value);
  if (parsed.success) return { event: parsed.data };
  const withId = z.object({ event_id: z.string() }).safeParse(value);
  const { code, message, param } = explainIssues(parsed.error.issues, value);
  const event_id = withId.success ? withId.data.event_id : null;
  return { error: clientError(code, message, { param, event_id }) };
}
