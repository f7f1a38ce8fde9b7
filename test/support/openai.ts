import { createHash } from 'node:crypto';
import type { Fault, LocalOpenAi, RecordedRequest } from '../../local/openai/server.ts';
import type { TestStack } from './stack.ts';

export const CALLS_PATH = '/v1/realtime/calls';
export const MINT_PATH = '/v1/realtime/client_secrets';

/** The stand-in of a stack that has one. */
export const openAiOf = ({ openAi }: TestStack): LocalOpenAi => {
  if (openAi === undefined) throw new Error('This stack calls another OpenAI.');
  return openAi;
};

/** The mints that reached OpenAI since its log was cleared. */
export const mintRequests = (stack: TestStack): readonly RecordedRequest[] =>
  openAiOf(stack).requests.filter(({ path }) => path === MINT_PATH);

/** The calls that the broker created at OpenAI since its log was cleared. */
export const callRequests = (stack: TestStack): readonly RecordedRequest[] =>
  openAiOf(stack).requests.filter(({ path }) => path === CALLS_PATH);

/** How the stand-in's log names the key of a request. */
export const openAiFingerprint = (key: string): string =>
  createHash('sha256').update(key).digest('hex').slice(0, 16);

/** A refused mint in OpenAI's error shape. */
export const mintRefused = (
  status: number,
  error: { readonly message: string; readonly type?: string; readonly code?: string | null },
  headers: Readonly<Record<string, string>> = {},
): Fault => ({
  path: MINT_PATH,
  status,
  headers: { ...headers },
  body: { error: { type: 'invalid_request_error', param: null, code: null, ...error } },
});

/** A mint that OpenAI answers with any `body`. */
export const mintAnswered = (
  body: unknown,
  status = 200,
  headers: Readonly<Record<string, string>> = {},
): Fault => ({
  path: MINT_PATH,
  status,
  body,
  headers: { 'content-type': 'application/json', ...headers },
});
