import type { APIGatewayProxyEventV2 } from 'aws-lambda';
import { parse } from 'lossless-json';
import type * as z from 'zod';
import type { Route } from '../contract/routes.ts';
import { BrokerError, type BrokerErrorDetail } from '../domain/broker-error.ts';

/** The contract's limit on a body, bytes. API Gateway's own is 10 MB. */
const MAX_BODY_BYTES = 65_536;

/** A body can have thousands of faults: the first of them are enough to mend it, and the answer stays small. */
const MAX_DETAILS = 20;

const invalid = (...details: BrokerErrorDetail[]): BrokerError =>
  new BrokerError('invalid_request', { details: details.slice(0, MAX_DETAILS) });

/**
 * The body of a request as its route's schema has it, or `invalid_request` naming each faulty field. A route without a
 * body takes none, or `{}`.
 */
export const parseBody = (route: Route, event: APIGatewayProxyEventV2): unknown => {
  const text = bodyText(event);
  if (route.body === undefined) {
    if (text.trim() !== '' && text.trim() !== '{}')
      throw invalid({ path: 'body', message: 'This route takes no body.' });
    return undefined;
  }
  if (route.optionalBody === true && text.trim() === '') return parseWith(route.body, {}, 'body');
  // Also what forces a browser into a preflight: a form or text/plain post would be sent without one.
  const mediaType = (event.headers['content-type'] ?? '').split(';')[0]?.trim().toLowerCase();
  const beacon = route.signed === true && mediaType === 'text/plain';
  if (mediaType !== 'application/json' && !beacon)
    throw invalid({ path: 'content-type', message: 'Must be application/json.' });
  return parseWith(route.body, parseJson(text), 'body');
};

export const parseQuery = (route: Route, event: APIGatewayProxyEventV2): unknown => {
  const given = event.queryStringParameters ?? {};
  if (route.query !== undefined) return parseWith(route.query, given, 'query');
  if (Object.keys(given).length > 0)
    throw invalid({ path: 'query', message: 'This route takes no query parameters.' });
  return undefined;
};

/** The body as it was sent, or `invalid_request` for one that is too long or is no text. */
export const bodyText = ({ body = '', isBase64Encoded }: APIGatewayProxyEventV2): string => {
  if (Buffer.byteLength(body, isBase64Encoded ? 'base64' : 'utf8') > MAX_BODY_BYTES)
    throw invalid({ path: 'body', message: `Must be at most ${MAX_BODY_BYTES} bytes.` });
  if (!isBase64Encoded) return body;
  // A separate buffer, zeroed at once: Buffer.from would leave a pasted key in the shared pool.
  const bytes = Buffer.alloc(Buffer.byteLength(body, 'base64'));
  try {
    return UTF_8.decode(bytes.subarray(0, bytes.write(body, 'base64')));
  } catch {
    // Fail instead of substituting U+FFFD: two different bodies must not decode to the same text.
    throw invalid({ path: 'body', message: 'Must be valid UTF-8.' });
  } finally {
    bytes.fill(0);
  }
};

/** A mark in front is no part of JSON: it stays, and is refused. */
const UTF_8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** JSON.parse would take the last of two equal keys, and another reader the first. */
const parseJson = (text: string): unknown => {
  try {
    return parse(text, null, {
      parseNumber: Number,
      onDuplicateKey: ({ key }) => {
        throw invalid({ path: namedPath([key], 'body'), message: 'Duplicate field.' });
      },
    });
  } catch (error) {
    if (error instanceof BrokerError) throw error;
    throw invalid({ path: 'body', message: 'Must be valid JSON.' });
  }
};

const parseWith = (schema: z.ZodType, value: unknown, where: 'body' | 'query'): unknown => {
  const parsed = schema.safeParse(value, { error: sentenceOf });
  if (parsed.success) return parsed.data;
  throw invalid(
    ...parsed.error.issues.flatMap((issue) =>
      issue.code === 'unrecognized_keys'
        ? issue.keys.map((key) => ({
            path: namedPath([...issue.path, key], where),
            message: 'Unknown field.',
          }))
        : [{ path: namedPath(issue.path, where), message: issue.message }],
    ),
  );
};

/** In place of zod's own words for a wrong type, which speak of `undefined` and `NaN`. */
const sentenceOf: z.core.$ZodErrorMap = (issue) => {
  if (issue.code !== 'invalid_type') return undefined;
  return issue.input === undefined ? 'Required.' : `Must be of type ${issue.expected}.`;
};

/** Only names that look like ours are repeated: a field name is as much the caller's text as a value is. */
const namedPath = (path: readonly PropertyKey[], fallback: string): string => {
  const names = path.map(String);
  const ours = names.length > 0 && names.every((name) => /^(?:[a-z_]{1,40}|\d{1,4})$/.test(name));
  return ours ? names.join('.') : fallback;
};
