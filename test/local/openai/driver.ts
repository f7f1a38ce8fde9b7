import { randomBytes } from 'node:crypto';
import { z } from 'zod';
import { type LocalOpenAi, makeFakeKey } from '../../../local/openai/server.ts';

/** A key made for this run that plays the failure, or works without one. */
export function fakeKey(suffix?: string): string {
  return makeFakeKey(randomBytes, suffix);
}

export const goodSession = {
  type: 'realtime',
  model: 'gpt-realtime-2.1',
  instructions: 'Answer briefly.',
  audio: { output: { voice: 'marin' } },
};

export const goodMint = { expires_after: { anchor: 'created_at', seconds: 60 }, session: goodSession };

export async function mint(
  openAi: LocalOpenAi,
  key: string | undefined,
  body: unknown = goodMint,
  init: { readonly headers?: Record<string, string>; readonly signal?: AbortSignal } = {},
): Promise<Response> {
  return fetch(`${openAi.baseUrl}/realtime/client_secrets`, {
    method: 'POST',
    headers: {
      ...(key === undefined ? {} : { authorization: `Bearer ${key}` }),
      'content-type': 'application/json',
      ...init.headers,
    },
    body: typeof body === 'string' ? body : JSON.stringify(body),
    redirect: 'manual',
    ...(init.signal === undefined ? {} : { signal: init.signal }),
  });
}

export async function models(openAi: LocalOpenAi, key: string, id = ''): Promise<Response> {
  const path = id === '' ? '/models' : `/models/${id}`;
  return fetch(`${openAi.baseUrl}${path}`, {
    headers: { authorization: `Bearer ${key}` },
    redirect: 'manual',
  });
}

const RefusalSchema = z.object({ error: z.record(z.string(), z.unknown()) });
const SecretSchema = z.looseObject({ value: z.string(), expires_at: z.number() });
const ModelListSchema = z.object({
  object: z.literal('list'),
  data: z.array(z.looseObject({ id: z.string() })),
});

/** Status and error of an answer in OpenAI's error shape. */
export async function refusalOf(response: Response): Promise<Record<string, unknown>> {
  const { error } = RefusalSchema.parse(await response.json());
  return { status: response.status, ...error };
}

export async function secretOf(response: Response): Promise<z.infer<typeof SecretSchema>> {
  return SecretSchema.parse(await response.json());
}

export async function listOf(response: Response): Promise<z.infer<typeof ModelListSchema>['data']> {
  return ModelListSchema.parse(await response.json()).data;
}
