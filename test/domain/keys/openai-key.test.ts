import { inspect } from 'node:util';
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import {
  type OpenAiKeyFault,
  openAiKeyFaultMessages,
  parseOpenAiKey,
} from '../../../lambdas/domain/keys/openai-key.ts';
import { fakeLegacyKey, fakeOpenAiKey, keyCharacters } from './fake-openai-key.ts';

const accepted = (pasted: string): { text: string; masked: string } => {
  const parsed = parseOpenAiKey(pasted);
  if ('fault' in parsed) throw new Error(`Refused as ${parsed.fault}.`);
  const text = parsed.key.secret.bytes().toString();
  parsed.key.secret.destroy();
  return { text, masked: parsed.key.masked };
};

const faultOf = (pasted: string): OpenAiKeyFault | undefined => {
  const parsed = parseOpenAiKey(pasted);
  return 'fault' in parsed ? parsed.fault : undefined;
};

const KINDS: Record<string, { make: () => string; mask: string }> = {
  project: { make: () => fakeOpenAiKey('sk-proj-'), mask: 'sk-proj-...' },
  'service account': { make: () => fakeOpenAiKey('sk-svcacct-'), mask: 'sk-svcacct-...' },
  service: { make: () => fakeOpenAiKey('sk-service-'), mask: 'sk-service-...' },
  'legacy user': { make: fakeLegacyKey, mask: 'sk-...' },
  'kind yet unknown': { make: () => fakeOpenAiKey('sk-future-'), mask: 'sk-...' },
};

const alphabet = fc.constantFrom(...'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-');

describe('a pasted OpenAI key', () => {
  it.each(Object.entries(KINDS))('of the %s kind is accepted as it is', (_kind, { make }) => {
    const key = make();
    expect(accepted(key).text).toBe(key);
  });

  it.each(Object.entries(KINDS))(
    'of the %s kind is masked to its kind and last four',
    (_kind, { make, mask }) => {
      const key = make();
      expect(accepted(key).masked).toBe(`${mask}${key.slice(-4)}`);
    },
  );

  it('shows no more of itself than four characters beyond its prefix', () => {
    fc.assert(
      fc.property(fc.string({ unit: alphabet, minLength: 20, maxLength: 300 }), (body) => {
        fc.pre(!body.startsWith('admin-'));
        const { masked } = accepted(`sk-${body}`);
        return /^sk-(proj-|svcacct-|service-)?\.\.\..{4}$/.test(masked) && masked.endsWith(body.slice(-4));
      }),
    );
  });

  it.each([' ', '\n', '\r\n', '\t', '\u00a0', '\ufeff', '\u2028'])(
    'is trimmed of %j on both sides',
    (space) => {
      const key = fakeOpenAiKey();
      expect(accepted(`${space}${key}${space}`).text).toBe(key);
    },
  );

  it('is accepted from 20 to 300 characters after its prefix, and not beside', () => {
    const withLength = (length: number): string =>
      `sk-${keyCharacters(300).replaceAll('-', 'x')}`.slice(0, length + 3);
    expect(accepted(withLength(20)).text).toHaveLength(23);
    expect(accepted(`sk-${'a'.repeat(300)}`).text).toHaveLength(303);
    expect(faultOf(withLength(19))).toBe('not_an_openai_key');
    expect(faultOf(`sk-${'a'.repeat(301)}`)).toBe('not_an_openai_key');
    expect(faultOf(`sk-${'a'.repeat(5_000_000)}`)).toBe('not_an_openai_key');
  });
});

describe('a pasted text that is no usable key', () => {
  it.each(['', ' ', '\n\t\r\n', '\u00a0'])('is empty: %j', (pasted) => {
    expect(faultOf(pasted)).toBe('empty');
  });

  it('is an admin key, whatever follows the prefix', () => {
    for (const pasted of [fakeOpenAiKey('sk-admin-'), 'sk-admin-', ` ${fakeOpenAiKey('sk-admin-')}\n`])
      expect(faultOf(pasted)).toBe('admin_key');
  });

  it('is a client secret', () => {
    for (const pasted of [`ek_${'0'.repeat(32)}`, 'ek_', ` ek_${keyCharacters(20)} `])
      expect(faultOf(pasted)).toBe('client_secret');
  });

  const inside = fakeOpenAiKey();
  const refused: Record<string, string> = {
    'another product': `pk-${keyCharacters(40)}`,
    'upper-case prefix': inside.replace('sk-', 'SK-'),
    'no prefix': keyCharacters(60),
    'an underscore after sk': `sk_${keyCharacters(40)}`,
    'a space inside': `${inside.slice(0, 40)} ${inside.slice(40)}`,
    'a line break inside': `${inside.slice(0, 40)}\n${inside.slice(40)}`,
    'a second line': `${inside}\n${inside}`,
    'quotes around': `"${inside}"`,
    'a header name before': `Bearer ${inside}`,
    'a variable name before': `OPENAI_API_KEY=${inside}`,
    'a trailing full stop': `${inside}.`,
    'an ellipsis, as copied from a masked view': 'sk-proj-...AbCd',
    'a zero-width space': `${inside}\u200b`,
    'a Cyrillic letter': `${inside}а`,
    'a NUL': `${inside}\0`,
    'a header injection': `${inside}\r\nX-Other: 1`,
    'the prefix alone': 'sk-',
    'the project prefix alone': 'sk-proj-',
    asterisks: `sk-proj-${'*'.repeat(40)}`,
  };
  it.each(Object.entries(refused))('is not an OpenAI key: %s', (_what, pasted) => {
    expect(faultOf(pasted)).toBe('not_an_openai_key');
  });

  it('is refused without being repeated: every fault has one fixed sentence and carries nothing else', () => {
    for (const pasted of [...Object.values(refused), fakeOpenAiKey('sk-admin-'), `ek_${keyCharacters(32)}`]) {
      const parsed = parseOpenAiKey(pasted);
      expect(Object.keys(parsed)).toEqual(['fault']);
      const fault = faultOf(pasted);
      const said = fault === undefined ? '' : openAiKeyFaultMessages[fault];
      expect(said).not.toBe('');
      for (const word of pasted.split(/[\s=".]+/).filter(({ length }) => length > 12))
        expect(said + inspect(parsed)).not.toContain(word.slice(0, 12));
    }
  });

  it('never makes the parser throw, and is accepted only if it is `sk-`, 20 to 300 of the alphabet and no admin key', () => {
    const nearly = fc.tuple(
      fc.constantFrom('', ' ', 'sk-', 'sk-admin-', 'sk-proj-', 'ek_', 'SK-'),
      fc.oneof(fc.string({ unit: alphabet, maxLength: 310 }), fc.string({ unit: 'binary', maxLength: 40 })),
    );
    fc.assert(
      fc.property(nearly, ([prefix, rest]) => {
        const pasted = `${prefix}${rest}`;
        const text = pasted.trim();
        const isKey =
          text.startsWith('sk-') &&
          !text.startsWith('sk-admin-') &&
          text.length >= 23 &&
          text.length <= 303 &&
          [...text].every((character) => /^[A-Za-z0-9_-]$/.test(character));
        return (faultOf(pasted) === undefined) === isKey;
      }),
      { numRuns: 1_000 },
    );
  });
});
