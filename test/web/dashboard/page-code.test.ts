import { expect, it } from '@jest/globals';
import { pageCode } from '../../../web/dashboard/src/functions/schema-text.ts';

/** The functions that a page offers with this code, by their names. */
const offeredBy = (code: string): object => {
  const element: { tools?: object } = {};
  // The dashboard shows the code to an owner, who pastes it into a page: it has to be a program.
  new Function('document', `'use strict';${code}`)({ querySelector: () => element });
  return element.tools ?? {};
};

const aTool = (name: string, ...names: readonly string[]) => ({
  name,
  description: '',
  parameters: { type: 'object', properties: Object.fromEntries(names.map((each) => [each, {}])) },
});

it('the page code receives the arguments of a function by name', () => {
  const code = pageCode([aTool('find_order', 'order_id', 'e-mail')]);
  expect(code).toContain('find_order: async ({ order_id }) => {');
  expect(Object.keys(offeredBy(code))).toEqual(['find_order']);
});

it.each(['class', 'default', 'new', 'await', 'arguments', 'eval', 'static', 'yield', 'let', 'enum', 'true'])(
  'the page code is valid if an argument and a function are named %s',
  (word) => {
    expect(Object.keys(offeredBy(pageCode([aTool(word, word, 'size')])))).toEqual([word]);
  },
);

it.each(['__proto__', 'constructor', 'get-price', '7'])(
  'the page code offers a function named %s',
  (name) => {
    expect(Object.keys(offeredBy(pageCode([aTool(name)])))).toEqual([name]);
  },
);
