import { describe, expect, it } from '@jest/globals';
import { parseAccessTokenRule } from '../../lambdas/domain/access-token-rule.ts';

describe('the access token rule', () => {
  it('is either "marked" or a scope with a name', () => {
    expect(parseAccessTokenRule('marked')).toEqual({ kind: 'marked' });
    expect(parseAccessTokenRule('scope:spelo')).toEqual({ kind: 'scope', scope: 'spelo' });
    expect(parseAccessTokenRule('scope:https://api.example/manage')).toEqual({
      kind: 'scope',
      scope: 'https://api.example/manage',
    });
  });

  it('accepts every character that RFC 6749 allows in a scope', () => {
    const allowed = Array.from({ length: 0x7e - 0x20 }, (_, index) => String.fromCharCode(0x21 + index))
      .filter((character) => character !== '"' && character !== '\\')
      .join('');
    expect(parseAccessTokenRule(`scope:${allowed}`)).toEqual({ kind: 'scope', scope: allowed });
  });

  // A setting with a slip must stop the deployment. It must not become a rule that every token meets.
  it.each(['', 'Marked', ' marked', 'marked\n', 'any', 'none', 'scope', 'scope:', 'scope: ', 'SCOPE:a'])(
    'is refused when the setting is %j',
    (text) => {
      expect(parseAccessTokenRule(text)).toBeUndefined();
    },
  );

  it.each(['a b', 'a"', 'a\\', 'a\n', 'ä', '\u007f', '\0'])('is refused for the scope %j', (scope) => {
    expect(parseAccessTokenRule(`scope:${scope}`)).toBeUndefined();
  });
});
