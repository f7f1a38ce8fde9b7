import { describe, expect, it } from '@jest/globals';
import type { APIGatewayProxyEventV2 } from 'aws-lambda';
import fc from 'fast-check';
import * as z from 'zod';
import { ROUTES, type Route } from '../../lambdas/contract/routes.ts';
import { BrokerError } from '../../lambdas/domain/broker-error.ts';
import { bodyText, parseBody, parseQuery } from '../../lambdas/http/parse-request.ts';

const MAX_BODY_BYTES = 65_536;

const withBody = (body: string | undefined, facts: Partial<APIGatewayProxyEventV2> = {}) =>
  ({
    headers: { 'content-type': 'application/json' },
    isBase64Encoded: false,
    ...(body !== undefined && { body }),
    ...facts,
  }) as unknown as APIGatewayProxyEventV2;

const inBase64 = (bytes: Uint8Array | string) =>
  withBody(Buffer.from(bytes).toString('base64'), { isBase64Encoded: true });

/** A route with a schema of our own: the rules below are the same for each of them. */
const routeWith = (facts: Partial<Route>): Route => {
  const { body: _body, optionalBody: _optional, query: _query, ...rest } = ROUTES.createWorkspace as Route;
  return { ...rest, ...facts };
};
const person = routeWith({
  body: z.strictObject({ name: z.string(), age: z.int().optional(), tags: z.array(z.string()).optional() }),
});

/** Path and message of each fault that a caller is shown. Throws if the request is accepted. */
const faultsOf = (parse: () => unknown): readonly (readonly [string, string])[] => {
  try {
    parse();
  } catch (error) {
    if (!(error instanceof BrokerError) || error.code !== 'invalid_request') throw error;
    return error.details.map(({ path, message }) => [path, message]);
  }
  throw new Error('The request was accepted.');
};
const bodyFaults = (body: string | undefined, facts?: Partial<APIGatewayProxyEventV2>, route = person) =>
  faultsOf(() => parseBody(route, withBody(body, facts)));

describe('the size limit of a body', () => {
  it.each([
    ['ASCII', 'a'.repeat(MAX_BODY_BYTES)],
    ['characters of two bytes', 'ü'.repeat(MAX_BODY_BYTES / 2)],
    ['characters of four bytes', '😀'.repeat(MAX_BODY_BYTES / 4)],
  ])('is 65536 bytes of %s, sent as text or in base64', (_, text) => {
    expect(bodyText(withBody(text))).toBe(text);
    expect(bodyText(inBase64(text))).toBe(text);
    const tooLong = [['body', 'Must be at most 65536 bytes.']];
    expect(faultsOf(() => bodyText(withBody(`${text}a`)))).toEqual(tooLong);
    expect(faultsOf(() => bodyText(inBase64(`${text}a`)))).toEqual(tooLong);
  });

  it('accepts a request without a body', () => {
    expect(bodyText(withBody(undefined))).toBe('');
  });
});

describe('a base64 body', () => {
  it('is decoded to the original text, whatever this contains', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        expect(bodyText(inBase64(text.toWellFormed()))).toBe(text.toWellFormed());
      }),
    );
  });

  it.each([
    ['a lone continuation byte', [0x80]],
    ['an overlong slash', [0xc0, 0xaf]],
    ['half of a character', [0xc3]],
    ['an encoded surrogate', [0xed, 0xa0, 0x80]],
    ['a byte that UTF-8 never has', [0x7b, 0xff, 0x7d]],
  ])('is refused with %s, because two bodies must not decode to the same text', (_, bytes) => {
    expect(faultsOf(() => bodyText(inBase64(Uint8Array.from(bytes))))).toEqual([
      ['body', 'Must be valid UTF-8.'],
    ]);
  });

  it('keeps a byte order mark, which is not JSON', () => {
    const mark = inBase64('\uFEFF{"name":"a"}');
    expect(bodyText(mark)).toBe('\uFEFF{"name":"a"}');
    expect(faultsOf(() => parseBody(person, mark))).toEqual([['body', 'Must be valid JSON.']]);
  });
});

describe('a route without a body', () => {
  const bodiless = routeWith({});

  it.each([undefined, '', ' \r\n', '{}', ' {} '])('accepts %j', (body) => {
    expect(parseBody(bodiless, withBody(body, { headers: {} }))).toBeUndefined();
  });

  it.each(['{"a":1}', '[]', 'null', 'x', '{ }'])('refuses %j', (body) => {
    expect(bodyFaults(body, {}, bodiless)).toEqual([['body', 'This route takes no body.']]);
  });
});

describe('a route with an optional body', () => {
  const optional = routeWith({
    body: z.strictObject({ calls: z.string().default('end') }),
    optionalBody: true,
  });

  it('uses its defaults for an empty body, which needs no media type', () => {
    for (const body of [undefined, '', ' \n'])
      expect(parseBody(optional, withBody(body, { headers: {} }))).toEqual({ calls: 'end' });
  });

  it('reads a body that is present, and checks its media type', () => {
    expect(parseBody(optional, withBody('{"calls":"keep"}'))).toEqual({ calls: 'keep' });
    expect(bodyFaults('{"calls":"keep"}', { headers: {} }, optional)).toEqual([
      ['content-type', 'Must be application/json.'],
    ]);
  });
});

describe('the media type of a body', () => {
  const accepted = (type: string, route: Route = person): boolean => {
    const event = withBody('{"name":"a"}', { headers: { 'content-type': type } });
    try {
      parseBody(route, event);
      return true;
    } catch {
      return false;
    }
  };

  it.each([
    'application/json',
    'Application/JSON',
    'application/json; charset=utf-8',
    ' application/json ;x',
  ])('may be %j', (type) => {
    expect(accepted(type)).toBe(true);
  });

  // Other pages can send these without a preflight.
  it.each([
    '',
    'text/plain',
    'text/plain; application/json',
    'application/x-www-form-urlencoded',
    'text/json',
  ])('may not be %j', (type) => {
    expect(accepted(type)).toBe(false);
  });

  it('may be text/plain only on a signed route, because a beacon cannot use another type', () => {
    expect(accepted('text/plain;charset=UTF-8', { ...person, signed: true })).toBe(true);
    expect(accepted('application/x-www-form-urlencoded', { ...person, signed: true })).toBe(false);
  });

  it('is required', () => {
    expect(bodyFaults('{"name":"a"}', { headers: {} })).toEqual([
      ['content-type', 'Must be application/json.'],
    ]);
  });
});

describe('an invalid body', () => {
  it.each(['', '{', '{"name":"a"}x', "{'name':'a'}", '{"name":"a",}', '{"name":NaN}', '\0', '// x\n{}'])(
    'is refused as invalid JSON: %j',
    (body) => {
      expect(bodyFaults(body)).toEqual([['body', 'Must be valid JSON.']]);
    },
  );

  it.each(['null', '[]', '"text"', '7'])('is refused because it is not an object: %s', (body) => {
    expect(bodyFaults(body)).toEqual([['body', 'Must be of type object.']]);
  });

  it('is refused for a duplicate field at any depth, because readers could disagree about it', () => {
    expect(bodyFaults('{"name":"a","name":"b"}')).toEqual([['name', 'Duplicate field.']]);
    expect(bodyFaults('{"name":"a","n\\u0061me":"b"}')).toEqual([['name', 'Duplicate field.']]);
    expect(bodyFaults('{"name":{"age":1,"age":2}}')).toEqual([['age', 'Duplicate field.']]);
    expect(bodyFaults('{"Bearer x":1,"Bearer x":2}')).toEqual([['body', 'Duplicate field.']]);
  });

  it('is refused with one sentence for each invalid field', () => {
    expect(bodyFaults('{"age":"7","tags":["a",1]}')).toEqual([
      ['name', 'Required.'],
      ['age', 'Must be of type number.'],
      ['tags.1', 'Must be of type string.'],
    ]);
    expect(bodyFaults('{"name":"a","colour":1,"size":2}')).toEqual([
      ['colour', 'Unknown field.'],
      ['size', 'Unknown field.'],
    ]);
  });

  it.each(['sk-proj-abcdefgh', 'Name', 'a b', '<script>', 'ü', 'a'.repeat(41), ''])(
    'is described without any name that the caller invented: %j',
    (name) => {
      expect(bodyFaults(JSON.stringify({ name: 'a', [name]: 1 }))).toEqual([['body', 'Unknown field.']]);
    },
  );

  it('never changes the prototype of an object', () => {
    expect(bodyFaults('{"name":"a","__proto__":{"admin":true}}')).toHaveLength(1);
    expect(Object.hasOwn(Object.prototype, 'admin')).toBe(false);
  });

  it('is answered with at most twenty faults', () => {
    const unknown = Object.fromEntries(Array.from({ length: 5_000 }, (_, index) => [`f${index}`, 1]));
    expect(bodyFaults(JSON.stringify({ name: 'a', ...unknown }))).toHaveLength(20);
  });

  it('is refused without breaking the reader, whatever it contains', () => {
    const anyText = fc.oneof(fc.string({ unit: 'binary' }), fc.json());
    fc.assert(
      fc.property(anyText, (text) => {
        const event = withBody(text);
        try {
          expect(parseBody(person, event)).toHaveProperty('name');
        } catch (error) {
          expect(error).toBeInstanceOf(BrokerError);
        }
      }),
    );
  });
});

describe('the query of a request', () => {
  const withQuery = (query: Readonly<Record<string, string>> | undefined) =>
    ({ queryStringParameters: query }) as unknown as APIGatewayProxyEventV2;

  it('is refused on a route without a query', () => {
    const route = routeWith({});
    expect(parseQuery(route, withQuery(undefined))).toBeUndefined();
    expect(parseQuery(route, withQuery({}))).toBeUndefined();
    expect(faultsOf(() => parseQuery(route, withQuery({ limit: '1' })))).toEqual([
      ['query', 'This route takes no query parameters.'],
    ]);
  });

  it('has defaults, and its invalid values are named', () => {
    const route = routeWith({ query: z.strictObject({ limit: z.coerce.number().max(100).default(20) }) });
    expect(parseQuery(route, withQuery(undefined))).toEqual({ limit: 20 });
    expect(parseQuery(route, withQuery({ limit: '7' }))).toEqual({ limit: 7 });
    expect(faultsOf(() => parseQuery(route, withQuery({ limit: '7', 'Page!': '1' })))).toEqual([
      ['query', 'Unknown field.'],
    ]);
    expect(faultsOf(() => parseQuery(route, withQuery({ limit: '101' })))).toEqual([
      ['limit', expect.stringContaining('100')],
    ]);
  });
});
