import { z } from 'zod';
import { type Answer, refusal } from './answers.ts';

// The GA session shape of openai/openai-openapi, `RealtimeSessionCreateRequestGA`. Strict at every level: the real
// endpoint refuses a field that it does not know, and so reports a mistake in ours.
const voices = [
  'alloy',
  'ash',
  'ballad',
  'coral',
  'echo',
  'sage',
  'shimmer',
  'verse',
  'marin',
  'cedar',
] as const;

const AudioFormat = z.union([
  z.strictObject({ type: z.literal('audio/pcm'), rate: z.literal(24_000).optional() }),
  z.strictObject({ type: z.enum(['audio/pcmu', 'audio/pcma']) }),
]);

const TurnDetection = z.discriminatedUnion('type', [
  z.strictObject({
    type: z.literal('server_vad'),
    threshold: z.number().min(0).max(1).optional(),
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

const Audio = z.strictObject({
  input: z
    .strictObject({
      format: AudioFormat.optional(),
      noise_reduction: z
        .strictObject({ type: z.enum(['near_field', 'far_field']) })
        .nullable()
        .optional(),
      transcription: z
        .strictObject({
          model: z.string().optional(),
          language: z.string().optional(),
          prompt: z.string().optional(),
        })
        .nullable()
        .optional(),
      turn_detection: TurnDetection.nullable().optional(),
    })
    .optional(),
  output: z
    .strictObject({
      format: AudioFormat.optional(),
      voice: z.union([z.enum(voices), z.strictObject({ id: z.string().startsWith('voice_') })]).optional(),
      speed: z.number().min(0.25).max(1.5).optional(),
    })
    .optional(),
});

export const MaxOutputTokens = z.union([z.literal('inf'), z.int().min(1).max(4_096)]);

const Truncation = z.union([
  z.enum(['auto', 'disabled']),
  z.strictObject({
    type: z.literal('retention_ratio'),
    retention_ratio: z.number().min(0).max(1),
    token_limits: z.strictObject({ post_instructions: z.int().min(0).optional() }).optional(),
  }),
]);

/** `RealtimeFunctionTool` of OpenAI's OpenAPI document; the pattern of the name is from its guide to function calling. */
const FunctionTool = z.strictObject({
  type: z.literal('function'),
  name: z.string().regex(/^[a-zA-Z0-9_-]{1,64}$/),
  description: z.string().optional(),
  parameters: z.looseObject({ type: z.literal('object') }).optional(),
});

export const SessionSchema = z.strictObject({
  type: z.literal('realtime'),
  model: z.string().optional(),
  instructions: z.string().optional(),
  output_modalities: z.tuple([z.enum(['audio', 'text'])]).optional(),
  audio: Audio.optional(),
  include: z.array(z.string()).nullable().optional(),
  tracing: z
    .union([z.literal('auto'), z.record(z.string(), z.unknown())])
    .nullable()
    .optional(),
  tools: z.array(FunctionTool).optional(),
  tool_choice: z.union([z.string(), z.record(z.string(), z.unknown())]).optional(),
  parallel_tool_calls: z.boolean().optional(),
  reasoning: z
    .strictObject({ effort: z.enum(['minimal', 'low', 'medium', 'high', 'xhigh']).optional() })
    .optional(),
  max_output_tokens: MaxOutputTokens.optional(),
  truncation: Truncation.optional(),
});

const MintRequest = z.strictObject({
  expires_after: z
    .strictObject({
      anchor: z.literal('created_at').optional(),
      seconds: z.int().min(10).max(7_200).optional(),
    })
    .optional(),
  session: SessionSchema.optional(),
});

export type SessionRequest = z.infer<typeof SessionSchema>;
export type MintRequest = z.infer<typeof MintRequest>;

/** Reads the body of `POST /v1/realtime/client_secrets`, or returns the error that OpenAI would send. */
export function parseMintRequest(
  body: unknown,
): { readonly request: MintRequest } | { readonly refused: Answer } {
  const parsed = MintRequest.safeParse(body);
  if (parsed.success) return { request: parsed.data };
  return { refused: refusal(400, explainIssues(parsed.error.issues, body)) };
}

/** OpenAI's explanation of a value that has the wrong form. */
export type Explanation = { readonly message: string; readonly param: string; readonly code: string };

/** Explains the most helpful issue: an unknown field, otherwise the first issue. */
export function explainIssues(issues: readonly z.core.$ZodIssue[], body: unknown): Explanation {
  const issue = issues.find(({ code }) => code === 'unrecognized_keys') ?? issues[0];
  const path = issue?.path ?? [];
  if (issue?.code === 'unrecognized_keys') {
    const param = [...path, issue.keys[0]].join('.');
    return { message: `Unknown parameter: '${param}'.`, param, code: 'unknown_parameter' };
  }
  const param = path.join('.');
  if (valueAt(body, path) === undefined) {
    return {
      message: `Missing required parameter: '${param}'.`,
      param,
      code: 'missing_required_parameter',
    };
  }
  if ((issue?.code === 'too_small' || issue?.code === 'too_big') && issue.origin === 'number') {
    const kind = /\.(speed|threshold)$/.test(param) ? 'decimal' : 'integer';
    const bound = issue.code === 'too_small' ? 'below_min' : 'above_max';
    return {
      message: `Invalid '${param}': ${kind} ${bound.replace('_', ' ')} value.`,
      param,
      code: `${kind}_${bound}_value`,
    };
  }
  return { message: `Invalid value for '${param}'.`, param, code: 'invalid_value' };
}

function valueAt(body: unknown, path: readonly PropertyKey[]): unknown {
  return path.reduce<unknown>(
    (value, key) => (typeof value === 'object' && value !== null ? Reflect.get(value, key) : undefined),
    body,
  );
}
