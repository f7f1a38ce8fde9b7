import { z } from 'zod';

/** What a browser may send on the data channel, as far as the stand-in acts on it. */
const ClientEvent = z.discriminatedUnion('type', [
  z.object({ type: z.literal('session.update'), session: z.record(z.string(), z.unknown()) }),
  z.object({ type: z.literal('response.create') }),
  z.object({ type: z.literal('response.cancel') }),
  z.object({ type: z.literal('input_audio_buffer.clear') }),
  z.object({ type: z.literal('input_audio_buffer.commit') }),
  z.object({ type: z.literal('output_audio_buffer.clear') }),
  z.object({
    type: z.literal('conversation.item.create'),
    item: z.object({
      type: z.literal('message'),
      role: z.enum(['user', 'assistant', 'system']),
      content: z.array(z.looseObject({ type: z.string(), text: z.string() })).min(1),
    }),
  }),
]);
export type ClientEvent = z.infer<typeof ClientEvent>;

/** An error of the data channel: the session goes on. */
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

/** Reads one message of the data channel, or says what is wrong with it as OpenAI does. */
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
  const named = z.object({ event_id: z.string() }).safeParse(value);
  const param = parsed.error.issues[0]?.path.join('.') ?? '';
  return {
    error: clientError('invalid_value', `Invalid value: '${param}'.`, {
      param,
      event_id: named.success ? named.data.event_id : null,
    }),
  };
}
