import { expect } from '@jest/globals';
import { BUNDLED, type TestAnswer } from './stack.ts';

const ERROR_FIELDS = new Set(['code', 'message', 'request_id', 'retry_after', 'details']);

/** Checks the headers that the contract requires on every answer, also on a refusal. */
export const expectCommonHeaders = ({ headers }: TestAnswer): void => {
  expect(headers.get('cache-control')).toBe('no-store');
  expect(headers.get('x-content-type-options')).toBe('nosniff');
  expect(headers.get('x-request-id')).toMatch(/^[\w-]{8,64}$/);
};

/** `data` of a success in the contract's envelope. */
export const expectSuccess = (answer: TestAnswer, status = 200): TestAnswer['data'] => {
  expect({ status: answer.status, error: answer.error }).toEqual({ status, error: undefined });
  expectCommonHeaders(answer);
  expect(JSON.parse(answer.text)).toEqual({ success: true, data: answer.data });
  return answer.data;
};

/** A refusal in the contract's envelope, with every required header. */
export const expectRefusal = (answer: TestAnswer, status: number, code: string): void => {
  if (BUNDLED && status === 401 && answer.error === undefined) {
    expectGatewayRefusal(answer);
    return;
  }
  expect({ status: answer.status, code: answer.error?.code }).toEqual({ status, code });
  expectCommonHeaders(answer);
  const { error } = answer;
  expect(JSON.parse(answer.text)).toEqual({ success: false, error });
  expect(Object.keys(error).filter((name) => !ERROR_FIELDS.has(name))).toEqual([]);
  expect(error.message).toMatch(/^[A-Z].{10,}\.$/);
  expect(error.request_id).toBe(answer.headers.get('x-request-id'));
  const retryAfter = answer.headers.get('retry-after');
  if (status === 429 || status === 503) expect(retryAfter).toMatch(/^[1-9]\d*$/);
  expect(retryAfter).toBe(error.retry_after === undefined ? null : String(error.retry_after));
};

/** API Gateway's own refusal of an access token, before our code runs. */
const expectGatewayRefusal = ({ status, text, headers }: TestAnswer): void => {
  expect({ status, text }).toEqual({ status: 401, text: '{"message":"Unauthorized"}' });
  expect(headers.get('www-authenticate')).toBe('Bearer');
};

/** The `path` of each detail of a refusal. */
export const detailPaths = ({ error }: TestAnswer): readonly string[] =>
  (error.details ?? []).map(({ path }) => path);
