import { HARMLESS_IN_SESSION, meaningOfCode } from '../keys/openai-error-meanings.ts';
import {
  brokerErrorOfOpenAiFailure,
  explainOpenAiFailure,
  OpenAiFailure,
  type OpenAiFailureName,
} from '../openai-failure.ts';

/**
 * A browser's failure after a successful mint, in our words. The reported code is foreign text: it is only
 * compared, never stored.
 */

export const FAILURE_SOURCES = ['connect', 'response', 'media'] as const;
/** The place of the failure: the connection to OpenAI, an answer of OpenAI, or the visitor's microphone. */
export type FailureSource = (typeof FAILURE_SOURCES)[number];

const HARMLESS: ReadonlySet<string> = new Set(HARMLESS_IN_SESSION);

/** Failures that are not OpenAI refusals, each with the next step for the operator. */
const SENTENCES = {
  microphone_denied:
    'A visitor did not allow the microphone. No action needed. If it happens often, explain on the page why voice needs it.',
  microphone_missing: "A visitor's browser found no microphone. No action needed.",
  microphone_in_use: "A visitor's microphone was in use by another program. No action needed.",
  media_failed:
    "A visitor's browser could not use the microphone or play sound. No action needed unless it happens often.",
  client_secret_refused:
    'OpenAI refused the client secret: the visitor connected too late, or the key was revoked. If it happens again, press Test voice and increase the lifetime of the client secret.',
  connection_failed:
    "A visitor's browser could not connect to OpenAI. If it happens often, check that the page's Content-Security-Policy allows OpenAI: the Embed tab of the site lists the sources.",
  response_failed: 'OpenAI ended a response with an internal error. Try again, and check status.openai.com.',
  response_filtered:
    "OpenAI's content filter stopped a response. No action needed. If it happens often, change the instructions of the site.",
  response_cut:
    'A response reached its maximum length. If it happens often, increase max_output_tokens of the site, or ask for shorter answers in its instructions.',
  page_event_refused:
    'OpenAI refused an event that the page sent, and the session continued. Check the code of the page that sends events to OpenAI.',
} as const;

const OTHER_CODES: Readonly<Record<string, keyof typeof SENTENCES>> = {
  NotAllowedError: 'microphone_denied',
  SecurityError: 'microphone_denied',
  NotFoundError: 'microphone_missing',
  OverconstrainedError: 'microphone_missing',
  NotReadableError: 'microphone_in_use',
  AbortError: 'microphone_in_use',
  invalid_api_key: 'client_secret_refused',
  // `status_details.reason` of an incomplete response. Source: RealtimeResponse.
  content_filter: 'response_filtered',
  max_output_tokens: 'response_cut',
  // Codes and types with which OpenAI answers an event of the page. Sources: openai-openapi; published reports.
  invalid_request_error: 'page_event_refused',
  invalid_event: 'page_event_refused',
  invalid_value: 'page_event_refused',
  invalid_type: 'page_event_refused',
  unknown_parameter: 'page_event_refused',
  missing_required_parameter: 'page_event_refused',
};

const UNKNOWN: Readonly<Record<FailureSource, keyof typeof SENTENCES>> = {
  connect: 'connection_failed',
  response: 'response_failed',
  media: 'media_failed',
};

export interface ReportedFailure {
  readonly source: FailureSource;
  /** The visitor's refusal for it; undefined if it keeps nobody else from a session. */
  readonly refusal: string | undefined;
  readonly reason: string;
  /** One sentence and the next step, for the operator. */
  readonly message: string;
  /** Set if OpenAI could have returned it at the mint. */
  readonly openAiFailure: OpenAiFailureName | undefined;
}

const own = <Value>(table: Readonly<Record<string, Value>>, code: string | null): Value | undefined =>
  code !== null && Object.hasOwn(table, code) ? table[code] : undefined;

/**
 * Returns the failure in a report, classified by its source if the code is unknown, or undefined for harmless codes: races
 * within a session, and its regular end. OpenAI's codes mean the same as at the mint, except that the key that a session refuses
 * is its client secret.
 */
export const classifyReport = (source: FailureSource, code: string | null): ReportedFailure | undefined => {
  const isOpenAis = source !== 'media';
  if (isOpenAis && code !== null && HARMLESS.has(code)) return undefined;
  const openAiFailure = isOpenAis ? meaningOfCode(code ?? undefined, { vague: false }) : undefined;
  if (openAiFailure !== undefined) {
    const failure = new OpenAiFailure(openAiFailure);
    return {
      source,
      refusal: brokerErrorOfOpenAiFailure(failure).code,
      reason: openAiFailure,
      message: explainOpenAiFailure(failure).message,
      openAiFailure,
    };
  }
  const reason = own(OTHER_CODES, code) ?? UNKNOWN[source];
  return { source, refusal: undefined, reason, message: SENTENCES[reason], openAiFailure: undefined };
};
