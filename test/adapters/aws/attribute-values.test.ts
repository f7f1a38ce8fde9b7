import { marshall, unmarshall } from '@aws-sdk/util-dynamodb';
import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { type Attributes, toAttributes, toNative } from '../../../lambdas/adapters/aws/attribute-values.ts';
import { Secret } from '../../../lambdas/domain/secret.ts';

const scalar = fc.oneof(
  fc.string({ unit: 'binary' }),
  fc.maxSafeInteger(),
  fc.double({ min: -1e15, max: 1e15, noNaN: true }),
  fc.boolean(),
  fc.constant(null),
);
const { item } = fc.letrec((tie) => ({
  value: fc.oneof({ maxDepth: 4 }, scalar, fc.array(tie('value'), { maxLength: 4 }), tie('item')),
  item: fc.dictionary(fc.string({ minLength: 1, maxLength: 8 }), tie('value'), { maxKeys: 6 }),
}));

test("an item has the same attributes as with the SDK's marshaller", () => {
  fc.assert(
    fc.property(item, (native) => {
      const own = native as Record<string, unknown>;
      expect(toAttributes(own)).toEqual(marshall(own, { removeUndefinedValues: true }));
    }),
  );
});

test('attributes are read as the same item as with the SDK', () => {
  fc.assert(
    fc.property(item, (native) => {
      const own = native as Record<string, unknown>;
      const attributes = toAttributes(own);
      expect(toNative(JSON.parse(JSON.stringify(attributes)) as Attributes)).toEqual(
        unmarshall(marshall(own)),
      );
    }),
  );
});

test('bytes are base64 in JSON and are read back unchanged', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
      const attributes = toAttributes({ sealed: bytes, within: { list: [bytes] } });
      expect(attributes['sealed']).toEqual({ B: Buffer.from(bytes).toString('base64') });
      const read = toNative(attributes);
      expect(read['sealed']).toEqual(new Uint8Array(bytes));
      expect(read['within']).toEqual({ list: [new Uint8Array(bytes)] });
    }),
  );
});

test('undefined fields are omitted at every depth', () => {
  expect(toAttributes({ a: undefined, b: { c: undefined, d: [undefined, 1] } })).toEqual({
    b: { M: { d: { L: [{ N: '1' }] } } },
  });
});

test('a number too large to be exact is read as a bigint, and a bigint can be stored', () => {
  expect(toNative({ count: { N: '9007199254740993' } })).toEqual({ count: 9_007_199_254_740_993n });
  expect(toAttributes({ count: 9_007_199_254_740_993n })).toEqual({ count: { N: '9007199254740993' } });
});

test('a field named __proto__ stays a field and sets no prototype', () => {
  const named = JSON.parse('{"__proto__": {"admin": true}}') as Record<string, unknown>;
  const read = toNative(toAttributes(named));
  expect(Object.keys(read)).toEqual(['__proto__']);
  expect(Object.getPrototypeOf(read)).toBe(Object.prototype);
  expect('admin' in read).toBe(false);
});

test.each<readonly [string, unknown]>([
  ['a secret', Secret.fromText('a key')],
  ['a date', new Date(0)],
  ['a map', new Map([['a', 1]])],
  ['a set', new Set(['a'])],
  ['a function', () => 1],
  ['a symbol', Symbol('a')],
  ['NaN', Number.NaN],
  ['infinity', Number.POSITIVE_INFINITY],
  ['a number that has lost digits', 2 ** 53],
])('an item with %s is refused at the top level and below', (_, value) => {
  expect(() => toAttributes({ value })).toThrow('An item cannot hold this');
  expect(() => toAttributes({ a: { b: [value] } })).toThrow('An item cannot hold this');
});

test('an attribute of an unknown type is refused', () => {
  expect(() => toNative({ value: { X: 'a' } })).toThrow('no item of ours has');
  expect(() => toNative({ value: {} })).toThrow('no item of ours has');
});
