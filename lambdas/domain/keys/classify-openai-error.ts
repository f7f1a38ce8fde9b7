import { blamed, OpenAiFailure, type OpenAiFailureName } from '../openai-failure.ts';
import type { OpenAiErrorBody } from './openai-error-body.ts';
import { meaningOfCode, meaningsOfMessage } from './openai-error-meanings.ts';

/** An answer that is not a success. */
export interface OpenAiErrorAnswer {
  readonly status: number;
  /** undefined: the body was empty, cut off, a page for people, or JSON without an error of OpenAI. */
  readonly error: OpenAiErrorBody | undefined;
  readonly requestId: string | undefined;
  readonly retryAfterSeconds: number | undefined;
}

const MISSING_SCOPES = /missing scopes?: *((?:[a-z_]{1,40}(?:\.[a-z_]{1,40}){1,4}(?:, ?)?){1,5})/i;
const REGIONAL_HOST = /(?<![a-z0-9.-])(?:([a-z]{2})\.)?api\.openai\.com(?![a-z0-9-])(?!\.[a-z0-9])/;
/** `1h2m3s`, `250ms`, `20 seconds`. Every repetition is bounded. */
const TRY_AGAIN =
  /try again in (?:(\d{1,9}) ?h(?:ours?)?,? ?)?(?:(\d{1,9}) ?m(?!s)(?:in(?:ute)?s?)?,? ?)?(?:([\d.]{1,12}) ?s(?:ec(?:ond)?s?)?)?(?:(\d{1,9}) ?ms)?/i;

/**
 * Total: every answer that is not a success becomes exactly one failure. Only an error object in OpenAI's own form, in an
 * answer of status 4xx, can blame a key. Errors about money are recognised under any status.
 */
export const classifyErrorAnswer = (answer: OpenAiErrorAnswer): OpenAiFailure => {
  const { status, requestId, error } = answer;
  const message = error?.message ?? '';
  const failure = meaningOfAnswer(status, error);
  if (MAY_PASS.has(failure))
    return new OpenAiFailure(failure, {
      status,
      requestId,
      retryAfterSeconds: usableWait(answer.retryAfterSeconds) ?? secondsFromMessage(message),
    });
  return new OpenAiFailure(failure, { status, requestId, subject: subjectOf(failure, message) });
};

/** Failures that end by themselves, for which OpenAI may name a wait. */
const MAY_PASS: ReadonlySet<OpenAiFailureName> = new Set([
  'rate_limited',
  'upstream_error',
  'unreadable_answer',
]);

const meaningOfAnswer = (status: number, error: OpenAiErrorBody | undefined): OpenAiFailureName => {
  const isRefusal = status >= 400 && status < 500;
  const byStatus = status >= 500 ? 'upstream_error' : 'unreadable_answer';
  if (error === undefined) return byStatus;
  const { form, code, type, message = '' } = error;
  const meanings = [
    meaningOfCode(code, { vague: false }),
    meaningOfCode(type),
    ...meaningsOfMessage(message),
    meaningOfCode(code),
  ];
  const isBelievable = (name: OpenAiFailureName): boolean => {
    const blames = blamed(name);
    return blames === 'account' || (form === 'object' && (isRefusal || blames === 'nobody'));
  };
  const meaning = meanings.find((name) => name !== undefined && isBelievable(name));
  // OpenAI also asks to slow down under 503, when it is overloaded.
  if (meaning === 'rate_limited' && status >= 500) return 'upstream_error';
  if (meaning !== undefined) return meaning;
  // Every error of OpenAI has a type; an error of a proxy often has none.
  return form === 'object' && isRefusal && type !== undefined ? meaningOfRefusal(status) : byStatus;
};

/** An error of OpenAI that no row knows. */
const meaningOfRefusal = (status: number): OpenAiFailureName => {
  switch (status) {
    case 401:
      return 'key_invalid';
    case 402:
      return 'quota_exhausted';
    case 403:
      return 'missing_permission';
    case 429:
      return 'rate_limited';
    default:
      return 'request_refused';
  }
};

/**
 * The part of the message that the operator needs: scopes, or the region that OpenAI names; `global` for the host
 * without one.
 */
const subjectOf = (failure: OpenAiFailureName, message: string): string | undefined => {
  if (failure === 'missing_permission') return MISSING_SCOPES.exec(message)?.[1]?.replace(/[\s,]+$/, '');
  if (failure !== 'wrong_region') return undefined;
  const [, asked = message] = /requests? to (.{1,80})/i.exec(message) ?? [];
  const host = REGIONAL_HOST.exec(asked);
  return host === null ? undefined : (host[1] ?? 'global');
};

/** OpenAI's longest window is a day; a longer wait is no information. */
const MAX_WAIT_SECONDS = 86_400;

const secondsFromMessage = (message: string): number | undefined => {
  const match = TRY_AGAIN.exec(message);
  if (match === null) return undefined;
  const [, hours = '0', minutes = '0', seconds = '0', milliseconds = '0'] = match;
  return usableWait(
    Number(hours) * 3_600 + Number(minutes) * 60 + Number(seconds) + Number(milliseconds) / 1_000,
  );
};

const usableWait = (seconds: number | undefined): number | undefined =>
  seconds !== undefined && seconds > 0 && seconds <= MAX_WAIT_SECONDS ? Math.ceil(seconds) : undefined;
