/** The parts of an asynchronous `Invoke` that Lambda checks. */
export interface InvokeRequest {
  readonly method: string;
  readonly path: string;
  readonly invocationType: string | undefined;
  readonly payload: string;
}

export interface InvokeRule {
  readonly name: string;
  readonly source: string;
  readonly status: number;
  readonly error: string;
  readonly refuses: (request: InvokeRequest) => boolean;
}

const API = 'https://docs.aws.amazon.com/lambda/latest/api/API_Invoke.html';
const QUOTAS = 'https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html';

/** Of an asynchronous invocation, bytes. */
const MAX_PAYLOAD_BYTES = 1_048_576;

export const INVOKE_PATH = /^\/2015-03-31\/functions\/([A-Za-z0-9-_]{1,64})\/invocations$/;

export const INVOKE_RULES: readonly InvokeRule[] = [
  {
    name: 'An invocation is a POST to the path of its function.',
    source: API,
    status: 404,
    error: 'ResourceNotFoundException',
    refuses: ({ method, path }) => method !== 'POST' || !INVOKE_PATH.test(path),
  },
  {
    name: 'Only asynchronous invocations are known here.',
    source: API,
    status: 400,
    error: 'InvalidParameterValueException',
    refuses: ({ invocationType }) => invocationType !== 'Event',
  },
  {
    name: 'An asynchronous payload has at most 1 MB.',
    source: QUOTAS,
    status: 413,
    error: 'RequestTooLargeException',
    refuses: ({ payload }) => Buffer.byteLength(payload) > MAX_PAYLOAD_BYTES,
  },
  {
    name: 'A payload is JSON.',
    source: API,
    status: 400,
    error: 'InvalidRequestContentException',
    refuses: ({ payload }) => !isJson(payload),
  },
];

const isJson = (text: string): boolean => {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
};
