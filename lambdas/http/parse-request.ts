import type { APIGatewayProxyEventV2 } from 'aws-lambda';
import { parse } from 'lossless-json';
import type * as z from 'zod';
import type { Route } from '../contract/routes.ts';
import { BrokerError, type BrokerErrorDetail } from '../domain/broker-error.ts';

/** The contract's limit on a body, bytes. API Gateway's own is 10 MB. */
const MAX_BODY_BYTES = 65_536;

/** A body can have thousands of faults. The first ones are enough to correct it, and the response stays small. */
const MAX_DETAILS = 20;

const invalid = (...details: BrokerErrorDetail[]): BrokerError =>
  new BrokerError('invalid_request', { details: details.slice(0, MAX_DETAILS) });

/**
 * The body of a request, parsed by the route's schema, or `invalid_request` with each faulty field. A route without a
 * body accepts no body or `{}`.
 */
export const parseBody = (route: Route, event: APIGatewayProxyEventV2): unknown => {
  const text = bodyText(event);
  if (route.body === undefined) {
    if (text.trim() !== '' && text.trim() !== '{}')
      throw invalid({ path: 'body', message: 'This route takes no body.' });
    return undefined;
  }
  if (route.optionalBody === true && text.trim() === '') return parseWith(route.body, {}, 'body');
  // This type also forces a browser to send a preflight, which it would not send for a form or for text/plain.
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

/** The body as it was sent, or `invalid_request` for one that is too long or not text. */
export const bodyText = ({ body = '', isBase64Encoded }: APIGatewayProxyEventV2): string => {
  if (Buffer.byteLength(body, isBase64Encoded ? 'base64' : 'utf8') > MAX_BODY_BYTES)
    throw invalid({ path: 'body', message: `Must be at most ${MAX_BODY_BYTES} bytes.` });
  if (!isBase64Encoded) return body;
  // A separate buffer that is zeroed immediately. Buffer.from would leave a pasted key in the shared pool.
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

/** A byte order mark is not valid JSON: it is kept and therefore refused. */
const UTF_8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** JSON.parse would use the last of two equal keys, and another parser the first. */
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

/** Replaces zod's own messages for a wrong type, which mention `undefined` and `NaN`. */
const sentenceOf: z.core.$ZodErrorMap = (issue) => {
  if (issue.code !== 'invalid_type') return undefined;
  return issue.input === undefined ? 'Required.' : `Must be of type ${issue.expected}.`;
};

/** Only names in our format are repeated, because a field name is the caller's text, like a value. */
const namedPath = (path: readonly PropertyKey[], fallback: string): string => {
  const names = path.map(String);
  const ours = names.length > 0 && names.every((name) => /^(?:[a-z_]{1,40}|\d{1,4})$/.test(name));
  return ours ? names.join('.') : fallback;
};
