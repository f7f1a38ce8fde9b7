import { describe, expect, it } from '@jest/globals';
import { functionIn } from '../../../../local/openai/realtime/functions.ts';

const OFFERED = { tools: [{ type: 'function', name: 'get_order' }] };

describe('a typed message to the stand-in', () => {
  it.each([
    ['get_order {"id":"7"}', { name: 'get_order', arguments: '{"id":"7"}' }],
    ['get_order', { name: 'get_order', arguments: '{}' }],
    ['get_cart', undefined],
    ['Where is get_order?', undefined],
    ['', undefined],
  ])('%j calls %j', (typed, called) => {
    expect(functionIn(typed, OFFERED)).toEqual(called);
  });

  it('calls no function if tool_choice is none', () => {
    expect(functionIn('get_order', { ...OFFERED, tool_choice: 'none' })).toBeUndefined();
  });
});
