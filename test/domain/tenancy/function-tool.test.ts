import { describe, expect, it } from '@jest/globals';
import { isJsonWithin } from '../../../lambdas/domain/tenancy/function-tool.ts';

const nested = (depth: number): unknown => {
  let value: unknown = 1;
  for (let level = 0; level < depth; level++) value = level % 2 === 0 ? [value] : { value };
  return value;
};

describe('a JSON value of limited depth', () => {
  it.each([null, '', 'text', true, 0, -1.5, [], {}, [1, [2]], { a: { b: null } }])('can be %j', (value) => {
    expect(isJsonWithin(value, 3)).toBe(true);
  });

  it.each([[Number.POSITIVE_INFINITY], [Number.NaN], [undefined], [() => 1], [1n], [{ a: [Number.NaN] }]])(
    'cannot be %p, which JSON cannot express',
    (value) => {
      expect(isJsonWithin(value, 3)).toBe(false);
    },
  );

  it.each([['\ud800'], [{ a: ['\udc00 text'] }], [{ '\ud800': 1 }]])(
    'cannot be %j, which contains half a character',
    (value) => {
      expect(isJsonWithin(value, 3)).toBe(false);
    },
  );

  it('has at most the given number of levels', () => {
    expect(isJsonWithin(nested(12), 12)).toBe(true);
    expect(isJsonWithin(nested(13), 12)).toBe(false);
  });

  it('is checked without exhausting the stack', () => {
    expect(isJsonWithin(nested(100_000), 12)).toBe(false);
  });
});
