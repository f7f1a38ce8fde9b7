import { describe, expect, it } from '@jest/globals';
import type { APIGatewayProxyEventV2 } from 'aws-lambda';
import { parse } from 'csv-parse/sync';
import fc from 'fast-check';
import * as z from 'zod';
import { csvFileName, csvOf, prefersCsv } from '../../lambdas/http/csv.ts';
import { csvResponse } from '../../lambdas/http/csv-response.ts';

const table = {
  name: 'texts',
  list: 'items',
  record: z.object({ text: z.string(), nested: z.object({ list: z.array(z.string()), number: z.number() }) }),
} as const;

const csvOfText = (text: string): string =>
  csvOf(table, { items: [{ text, nested: { list: ['a', 'b'], number: -1 } }] });

const textOf = (csv: string): string | undefined => {
  const [record]: Record<string, string>[] = parse(csv, { columns: true, record_delimiter: '\r\n' });
  return record?.['text'];
};

describe('a CSV cell', () => {
  it.each(['=1+1', '+1', '-1', '@SUM(A1)', '\t=1', '\r=1', '＝1', '＋1', '－1', '＠1'])(
    'that begins with %j gets an apostrophe, so that it is not a formula',
    (text) => {
      expect(textOf(csvOfText(text))).toBe(`'${text}`);
    },
  );

  it('of any text reads back unchanged, except for the apostrophe before a possible formula', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme', maxLength: 40 }), (text) => {
        const expected = /^[=+\-@\t\r＝＋－＠]/u.test(text) ? `'${text}` : text;
        expect(textOf(csvOfText(text))).toBe(expected);
      }),
    );
  });

  it('with quotes, commas or line ends is quoted as RFC 4180 requires', () => {
    expect(csvOfText('a "b", c\r\nd')).toBe('text,nested_list,nested_number\r\n"a ""b"", c\r\nd",a b,-1\r\n');
  });
});

describe('a CSV row', () => {
  const plain = {
    name: 'rows',
    list: 'rows',
    record: z.object({ yes: z.boolean(), none: z.null(), facts: z.record(z.string(), z.number()) }),
  } as const;

  it('has true and false as words, null as an empty cell, an object as JSON, and only the listed columns', () => {
    const row = { yes: false, none: null, facts: { a: 1 }, secret: 'hidden' };
    expect(csvOf(plain, { rows: [row] })).toBe('yes,none,facts\r\nfalse,,"{""a"":1}"\r\n');
  });

  it('follows a header, which is present even without rows', () => {
    expect(csvOf(plain, { rows: [] })).toBe('yes,none,facts\r\n');
  });

  it('is never made from an answer without a list', () => {
    for (const answer of [undefined, null, [], {}, { rows: {} }])
      expect(() => csvOf(plain, answer)).toThrow();
  });
});

describe('the choice between CSV and JSON', () => {
  it.each([
    'text/csv',
    'TEXT/CSV',
    'text/csv; charset=utf-8',
    'text/csv, application/json;q=0.9',
    'application/json;q=0.5, text/csv;q=0.6',
    'text/*',
  ])('is CSV for %j', (accept) => {
    expect(prefersCsv(accept)).toBe(true);
  });

  it.each([
    undefined,
    '',
    '*/*',
    'application/json',
    'application/json, text/csv',
    'text/csv;q=0.1, application/json',
    'text/csv;q=0',
    'text/html, */*;q=0.8',
    'nonsense',
    ',;=',
  ])('is JSON for %j', (accept) => {
    expect(prefersCsv(accept)).toBe(false);
  });
});

describe('the name of a CSV file', () => {
  it('contains the given IDs and days', () => {
    expect(csvFileName(table, ['0123456789ab', '2026-11-01', '2026-11-30'])).toBe(
      'texts-0123456789ab-2026-11-01-2026-11-30.csv',
    );
    expect(csvFileName(table, [undefined, undefined])).toBe('texts.csv');
  });

  it.each(['"; x="', '../etc', 'A', 'a b', 'a\r\nb: c', 'ü', ''])(
    'omits %j, which could break out of the header',
    (part) => {
      expect(csvFileName(table, [part, '2026-11-01'])).toBe('texts-2026-11-01.csv');
    },
  );
});

describe('a CSV answer', () => {
  const answerTo = (data: object, facts: object = {}) =>
    csvResponse(table, { items: [{ text: 'a', nested: { list: [], number: 1 } }], ...data }, {
      rawPath: '/v1/x',
      ...facts,
    } as unknown as APIGatewayProxyEventV2);

  it('is a file with a header, named after the site or workspace and the days', () => {
    const days = { from: '2026-11-01', to: '2026-11-30' };
    const ofSite = answerTo(days, { pathParameters: { siteId: 'site1', workspaceId: 'workspace1' } });
    expect(ofSite).toEqual({
      statusCode: 200,
      headers: {
        'content-type': 'text/csv; charset=utf-8; header=present',
        'content-disposition': 'attachment; filename="texts-site1-2026-11-01-2026-11-30.csv"',
      },
      body: 'text,nested_list,nested_number\r\na,,1\r\n',
    });
    const ofWorkspace = answerTo({}, { pathParameters: { workspaceId: 'workspace1' } });
    expect(ofWorkspace.headers?.['content-disposition']).toContain('"texts-workspace1.csv"');
  });

  it('links to its next page with the same filters, and to none after the last one', () => {
    const query = { mode: 'byok', cursor: 'old', 'a&b': '<x>' };
    const { headers } = answerTo({ next_cursor: 'new+1' }, { queryStringParameters: query });
    expect(headers?.['link']).toBe('</v1/x?mode=byok&cursor=new%2B1&a%26b=%3Cx%3E>; rel="next"');
    for (const data of [{}, { next_cursor: null }, { next_cursor: '' }])
      expect(answerTo(data).headers).not.toHaveProperty('link');
  });
});
