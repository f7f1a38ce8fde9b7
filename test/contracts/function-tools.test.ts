import { describe, expect, it } from '@jest/globals';
import { functionTools } from '../../lambdas/contract/function-tools.ts';
import { changeSiteRequest } from '../../lambdas/contract/tenancy.ts';

const TOOL = { name: 'get_order', description: 'Looks an order up.', parameters: { type: 'object' } };
const faultsOf = (tools: unknown): readonly string[] =>
  functionTools.safeParse(tools).error?.issues.map(({ path, message }) => `${path.join('.')}: ${message}`) ??
  [];
const nested = (depth: number): unknown => (depth === 0 ? 1 : { a: nested(depth - 1) });

describe('the functions of a site', () => {
  it('have a description and parameters by default', () => {
    expect(functionTools.parse([{ name: 'open_cart' }])).toEqual([
      { name: 'open_cart', description: '', parameters: { type: 'object', properties: {} } },
    ]);
  });

  it.each<[string, unknown, RegExp]>([
    ['a name with a space', [{ ...TOOL, name: 'get order' }], /^0\.name: Must be 1 to 64/],
    ['a name of 65 letters', [{ ...TOOL, name: 'a'.repeat(65) }], /^0\.name: Must be 1 to 64/],
    ['the same name twice', [TOOL, TOOL], /^1\.name: Another function has this name\.$/],
    [
      'a schema of a list',
      [{ ...TOOL, parameters: { type: 'array' } }],
      /^0\.parameters: Must be a JSON Schema/,
    ],
    ['a schema without a type', [{ ...TOOL, parameters: {} }], /^0\.parameters: Must be a JSON Schema/],
    [
      '13 levels',
      [{ ...TOOL, parameters: { type: 'object', a: nested(12) } }],
      /^0\.parameters: Must be JSON of/,
    ],
    [
      'an infinite number',
      [{ ...TOOL, parameters: { type: 'object', maximum: Number.POSITIVE_INFINITY } }],
      /^0\.parameters: Must be JSON/,
    ],
    ['half a character', [{ ...TOOL, description: '\ud800' }], /^0\.description: Must be valid Unicode\.$/],
    [
      'half a character in a schema',
      [{ ...TOOL, parameters: { type: 'object', title: '\udc00' } }],
      /^0\.parameters: Must be JSON of at most 12 levels, in valid Unicode\.$/,
    ],
    ['another field', [{ ...TOOL, type: 'mcp' }], /^0: /],
    ['17 functions', Array.from({ length: 17 }, (_, index) => ({ name: `f${index}` })), /^: Too big/],
    [
      'more than 8,000 characters',
      [{ ...TOOL, parameters: { type: 'object', description: 'x'.repeat(8_000) } }],
      /^: All functions together/,
    ],
  ])('are refused with %s', (_, tools, fault) => {
    expect(faultsOf(tools)).toEqual([expect.stringMatching(fault)]);
  });

  it('are refused without exhausting the stack if they are nested 5,000 levels deep', () => {
    expect(faultsOf([{ ...TOOL, parameters: { type: 'object', a: nested(5_000) } }])).toHaveLength(1);
  });

  it('are unchanged by a change that does not name them', () => {
    expect(changeSiteRequest.parse({ name: 'Shop' })).toEqual({ name: 'Shop' });
  });
});
