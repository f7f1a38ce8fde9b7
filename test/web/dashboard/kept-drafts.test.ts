import { afterEach, beforeEach, expect, it } from '@jest/globals';

interface KeptDrafts {
  keepDrafts(): void;
  dropKeptDrafts(): void;
  onKeepDrafts(stored: object, of: string, draft: () => object): () => void;
  takeKeptDraft(stored: object, of: string, sub: string): unknown;
}
/** By a name that the compiler does not follow: tests are checked without the types of a browser. */
const FILE: string = '../../../web/dashboard/src/ui/kept-drafts.ts';
const { dropKeptDrafts, keepDrafts, onKeepDrafts, takeKeptDraft }: KeptDrafts = await import(FILE);

/** The storage of one tab, on the page of budgets. */
const tab = () => {
  const items = new Map<string, string>();
  return {
    location: { pathname: '/workspaces/w/budgets', search: '' },
    sessionStorage: {
      getItem: (name: string) => items.get(name) ?? null,
      setItem: (name: string, text: string) => void items.set(name, text),
      removeItem: (name: string) => void items.delete(name),
    },
  };
};

const BUDGET = { amount: '10', period: 'month' };
const EDITED = { sub: 'ada', edits: { amount: '500' }, bases: { amount: '10' } };
let before: unknown;

beforeEach(() => {
  before = Reflect.get(globalThis, 'window');
  Reflect.set(globalThis, 'window', tab());
});
afterEach(() => {
  dropKeptDrafts();
  Reflect.set(globalThis, 'window', before);
});

const keep = (of: string): void => {
  const forget = onKeepDrafts(BUDGET, of, () => EDITED);
  keepDrafts();
  forget();
};

it('the draft of a dialog is returned once, to the dialog about the same thing', () => {
  keep('site-1');
  expect(takeKeptDraft(BUDGET, 'site-1', 'ada')).toEqual(EDITED);
  expect(takeKeptDraft(BUDGET, 'site-1', 'ada')).toBeUndefined();
});

it.each(['site-2', ''])('the draft of one budget is never shown in the dialog of another: "%s"', (of) => {
  keep('site-1');
  expect(takeKeptDraft(BUDGET, of, 'ada')).toBeUndefined();
  expect(takeKeptDraft(BUDGET, 'site-1', 'ada')).toEqual(EDITED);
});

it('the draft of one person is never shown to another', () => {
  keep('site-1');
  expect(takeKeptDraft(BUDGET, 'site-1', 'eve')).toBeUndefined();
});
