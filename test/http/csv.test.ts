import { describe, expect, it } from '@jest/globals';
import { parse } from 'csv-parse/sync';
import fc from 'fast-check';
import * as z from 'zod';
import { csvOf } from '../../lambdas/http/csv.ts';

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
    'that begins as %j does is no formula: an apostrophe stands before it',
    (text) => {
      expect(textOf(csvOfText(text))).toBe(`'${text}`);
    },
  );

  it('a CSV cell of any text reads back as it was, but for the apostrophe before what could be a formula', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme', maxLength: 40 }), (text) => {
        const expected = /^[=+\-@\t\r＝＋－＠]/u.test(text) ? `'${text}` : text;
        expect(textOf(csvOfText(text))).toBe(expected);
      }),
    );
  });

  it('a CSV cell with quotes, commas or line ends is quoted as RFC 4180 demands', () => {
    expect(csvOfText('a "b", c\r\nd')).toBe('text,nested_list,nested_number\r\n"a ""b"", c\r\nd",a b,-1\r\n');
  });
});
