import { describe, expect, it } from '@jest/globals';
import { changeSiteRequest } from '../../lambdas/contract/tenancy.ts';

const faultsOf = (text: string): readonly string[] =>
  changeSiteRequest
    .safeParse({ conversation: { first_message: { type: 'text', text } } })
    .error?.issues.map(({ path, message }) => `${path.join('.')}: ${message}`)
    .filter((fault) => fault.startsWith('conversation.first_message')) ?? [];

describe('the first message of a site', () => {
  it.each(['Hello, how can I help you?', 'مرحبا', '👋🏽'])('can be %p', (text) => {
    expect(faultsOf(text)).toEqual([]);
  });

  it.each([
    ['half a character', 'Hello \ud800', /valid Unicode/],
    ['invisible characters alone', '\u200b\u2060', /visible character/],
    ['a placeholder', 'Hello {{name}}', /placeholders/],
  ])('is refused with %s', (_, text, fault) => {
    expect(faultsOf(text)).toEqual([expect.stringMatching(fault)]);
  });
});
