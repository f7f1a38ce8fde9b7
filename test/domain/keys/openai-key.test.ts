import { randomBytes } from 'node:crypto';
import { inspect } from 'node:util';
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { parseOpenAiKey } from '../../../lambdas/domain/keys/openai-key.ts';
import type { PastedKeyFault } from '../../../lambdas/domain/keys/pasted-key.ts';
import { fakeLegacyKey, fakeOpenAiKey, keyCharacters } from './fake-openai-key.ts';

const accepted = (pasted: string): { text: string; masked: string } => {
  const parsed = parseOpenAiKey(pasted);
  if ('fault' in parsed) throw new Error(`Refused as ${parsed.fault}.`);
  const text = parsed.key.secret.bytes().toString();
  parsed.key.secret.destroy();
  return { text, masked: parsed.key.masked };
};

const faultOf = (pasted: string): PastedKeyFault | undefined => {
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
  it.each(Object.entries(KINDS))('of the %s kind is accepted unchanged', (_kind, { make }) => {
    const key = make();
    expect(accepted(key).text).toBe(key);
  });

  it.each(Object.entries(KINDS))(
    'of the %s kind is masked to its prefix and its last four characters',
    (_kind, { make, mask }) => {
      const key = make();
      expect(accepted(key).masked).toBe(`${mask}${key.slice(-4)}`);
    },
  );

  it('shows at most four characters after its prefix when masked', () => {
    fc.assert(
      fc.property(fc.string({ unit: alphabet, minLength: 20, maxLength: 300 }), (body) => {
        fc.pre(!body.startsWith('admin-'));
        const { masked } = accepted(`sk-${body}`);
        return /^sk-(proj-|svcacct-|service-)?\.\.\..{4}$/.test(masked) && masked.endsWith(body.slice(-4));
      }),
    );
  });

  it.each([' ', '\n', '\r\n', '\t', '\u00a0', '\ufeff', '\u2028'])(
    'is accepted without %j at both ends',
    (space) => {
      const key = fakeOpenAiKey();
      expect(accepted(`${space}${key}${space}`).text).toBe(key);
    },
  );

  it('is accepted with 20 to 300 characters after its prefix, and with no other length', () => {
    const withLength = (length: number): string =>
      `sk-${keyCharacters(300).replaceAll('-', 'x')}`.slice(0, length + 3);
    expect(accepted(withLength(20)).text).toHaveLength(23);
    expect(accepted(`sk-${'a'.repeat(300)}`).text).toHaveLength(303);
    expect(faultOf(withLength(19))).toBe('cut_off');
    expect(faultOf(`sk-${'a'.repeat(301)}`)).toBe('not_an_openai_key');
    expect(faultOf(`sk-${'a'.repeat(5_000_000)}`)).toBe('not_an_openai_key');
  });
});

describe('pasted text that is not a usable key', () => {
  it.each(['', ' ', '\n\t\r\n', '\u00a0'])('is reported as empty: %j', (pasted) => {
    expect(faultOf(pasted)).toBe('empty');
  });

  it('is reported as an admin key, whatever follows the prefix', () => {
    for (const pasted of [fakeOpenAiKey('sk-admin-'), 'sk-admin-', ` ${fakeOpenAiKey('sk-admin-')}\n`])
      expect(faultOf(pasted)).toBe('admin_key');
  });

  it('is reported as a client secret', () => {
    for (const pasted of [`ek_${'0'.repeat(32)}`, 'ek_', ` ek_${keyCharacters(20)} `])
      expect(faultOf(pasted)).toBe('client_secret');
  });

  const inside = fakeOpenAiKey();
  const future = `sk-next-${keyCharacters(60)}`;
  const refused: Readonly<Record<string, readonly [string, PastedKeyFault]>> = {
    'another product': [`pk-${keyCharacters(40)}`, 'not_an_openai_key'],
    'upper-case prefix': [future.replace('sk-', 'SK-'), 'not_an_openai_key'],
    'no prefix': [keyCharacters(60), 'not_an_openai_key'],
    'an underscore after sk': [`sk_${keyCharacters(40)}!`, 'not_an_openai_key'],
    'two keys': [`${inside}\n${fakeOpenAiKey()}`, 'several_keys'],
    'two keys of a kind yet unknown': [`${future} sk-next-${keyCharacters(60)}`, 'several_keys'],
    'an ellipsis, as copied from a masked view': ['sk-proj-...AbCd', 'masked'],
    'one character for the dots': ['sk-proj-…AbCd', 'masked'],
    'dots at the end': [`sk-proj-${keyCharacters(30)}...`, 'masked'],
    asterisks: [`sk-proj-${'*'.repeat(40)}`, 'masked'],
    'asterisks and the last four': [`sk-${'*'.repeat(44)}AbCd`, 'masked'],
    bullets: [`sk-proj-${'•'.repeat(40)}`, 'masked'],
    'a placeholder of x': [`sk-proj-${'x'.repeat(40)}`, 'masked'],
    'a placeholder in words': ['sk-your-openai-api-key-goes-here', 'masked'],
    'a Cyrillic letter': [`${future}\u0430`, 'foreign_character'],
    'a Cyrillic letter in front': [`\u0455${future.slice(1)}`, 'foreign_character'],
    'hyphens that do not break': [future.replaceAll('-', '\u2011'), 'foreign_character'],
    'full-width letters in front': [`\uff53\uff4b${future.slice(2)}`, 'foreign_character'],
    'a sentence in another alphabet': ['ключ', 'not_an_openai_key'],
    'a long dash': [future.replace('sk-next-', 'sk-next–'), 'foreign_character'],
    'a NUL inside': [`${future.slice(0, 30)}\0${future.slice(30)}`, 'invisible_character'],
    'a header injection': [`${future}\r\nX-Other: 1`, 'foreign_character'],
    'the prefix alone': ['sk-', 'cut_off'],
    'the project prefix alone': ['sk-proj-', 'cut_off'],
    'an Anthropic key': [`sk-ant-api03-${keyCharacters(60)}`, 'another_vendor'],
  };
  it.each(Object.entries(refused))('is reported as not an OpenAI key: %s', (_what, [pasted, fault]) => {
    expect(faultOf(pasted)).toBe(fault);
  });

  const hex = (length: number): string => randomBytes(length).toString('hex').slice(0, length);
  const letters = (length: number): string =>
    keyCharacters(length * 3)
      .replace(/[-_]/g, '')
      .slice(0, length);
  const OTHERS: Readonly<Record<string, readonly string[]>> = {
    Anthropic: [`sk-ant-api03-${keyCharacters(90)}`, `sk-ant-admin01-${keyCharacters(90)}`, 'sk-ant-'],
    OpenRouter: [`sk-or-v1-${hex(64)}`],
    DeepSeek: [`sk-${hex(32)}`],
    'Moonshot AI': [`sk-kimi-${letters(64)}`],
    Helicone: [`sk-helicone-${letters(32)}`],
    Groq: [`gsk_${letters(52)}`],
    Google: [`AIza${keyCharacters(35)}`, `ya29.${keyCharacters(60)}`],
    xAI: [`xai-${letters(80)}`],
    'Hugging Face': [`hf_${letters(34)}`],
    Perplexity: [`pplx-${letters(48)}`],
    Mistral: [`${letters(31)}Z`],
    AWS: [`AKIA${hex(16).toUpperCase()}`, `ASIA${hex(16).toUpperCase()}`],
    GitHub: [`ghp_${letters(36)}`, `github_pat_${letters(22)}_${letters(59)}`, `gho_${letters(36)}`],
    Stripe: [`sk_live_${letters(24)}`, `sk_test_${letters(24)}`, `rk_live_${letters(24)}`],
    ElevenLabs: [`sk_${hex(48)}`],
    Azure: [hex(32), `${letters(50)}AzureOpenAI${letters(10)}`],
    Replicate: [`r8_${letters(37)}`],
    NVIDIA: [`nvapi-${keyCharacters(64)}`],
    Slack: [`xoxb-${hex(12)}-${letters(24)}`],
    GitLab: [`glpat-${letters(20)}`],
  };
  it.each(Object.entries(OTHERS))('is reported as a key of %s', (vendor, keys) => {
    for (const key of keys)
      for (const pasted of [
        key,
        ` ${key}\n`,
        `"${key}"`,
        `API_KEY=${key}`,
        `Bearer ${key}`,
        `\u200b${key}`,
      ]) {
        const parsed = parseOpenAiKey(pasted);
        expect(parsed).toEqual({ fault: 'another_vendor', message: expect.stringContaining(vendor) });
        if (key.length > 12) expect(JSON.stringify(parsed)).not.toContain(key.slice(-10));
      }
  });

  it('is refused with a sentence for each fault, which repeats nothing of the text', () => {
    for (const [pasted] of Object.values(refused)) {
      const parsed = parseOpenAiKey(pasted);
      expect(Object.keys(parsed).sort()).toEqual(['fault', 'message']);
      for (const word of pasted.split(/[\s=".]+/).filter(({ length }) => length > 12))
        expect(inspect(parsed)).not.toContain(word.slice(-12));
    }
  });
});

describe('the text around a pasted key', () => {
  const inside = fakeOpenAiKey();
  const wrapped = (key: string): string => (key.match(/.{1,40}/g) ?? []).join('\n');
  const AROUND: Readonly<Record<string, (key: string) => string>> = {
    'a zero-width space': (key) => `${key}\u200b`,
    'zero-width spaces inside': (key) => [...key].join('\u200b'),
    'a byte order mark': (key) => `\ufeff${key}`,
    'a soft hyphen inside': (key) => `${key.slice(0, 30)}\u00ad${key.slice(30)}`,
    'a word joiner': (key) => `${key.slice(0, 30)}\u2060${key.slice(30)}`,
    'right-to-left marks': (key) => `\u202e${key}\u202c\u200f`,
    'a Hangul filler': (key) => `\u3164${key}`,
    'a line wrap inside': wrapped,
    'line wraps of Windows': (key) => wrapped(key).replaceAll('\n', '\r\n'),
    'line wraps with indents': (key) => wrapped(key).replaceAll('\n', '\n    '),
    'line wraps of a shell': (key) => wrapped(key).replaceAll('\n', '\\\n'),
    'a space inside': (key) => `${key.slice(0, 40)} ${key.slice(40)}`,
    'a no-break space inside': (key) => `${key.slice(0, 40)}\u00a0${key.slice(40)}`,
    quotes: (key) => `"${key}"`,
    'single quotes': (key) => `'${key}'`,
    'typographic quotes': (key) => `“${key}”`,
    'German quotes': (key) => `„${key}“`,
    backticks: (key) => `\`${key}\``,
    'a code fence': (key) => `\`\`\`\n${key}\n\`\`\``,
    'angle brackets': (key) => `<${key}>`,
    'a header value': (key) => `Bearer ${key}`,
    'a header': (key) => `Authorization: Bearer ${key}`,
    'a header of curl': (key) => `-H "Authorization: Bearer ${key}" \\`,
    'an assignment': (key) => `OPENAI_API_KEY=${key}`,
    'a quoted assignment': (key) => `OPENAI_API_KEY="${key}"`,
    'an exported variable': (key) => `export OPENAI_API_KEY='${key}'`,
    'a variable of PowerShell': (key) => `$env:OPENAI_API_KEY = "${key}"`,
    'a variable of cmd': (key) => `set OPENAI_API_KEY=${key}`,
    setx: (key) => `setx OPENAI_API_KEY "${key}"`,
    'a line of JavaScript': (key) => `const apiKey = '${key}';`,
    'a field of JSON': (key) => `"OPENAI_API_KEY": "${key}",`,
    'a JSON object': (key) => `{"api_key":"${key}"}`,
    'a JSON object on lines': (key) => `{\n  "api_key": "${key}"\n}`,
    'a line of YAML': (key) => `openai_api_key: ${key}`,
    'a list of YAML': (key) => `- OPENAI_API_KEY: "${key}"`,
    'a comment': (key) => `OPENAI_API_KEY=${key} # production`,
    'a full stop': (key) => `${key}.`,
    'a comma': (key) => `${key},`,
    'a semicolon': (key) => `${key};`,
    'a label': (key) => `OpenAI key: ${key}`,
    'all of it at once': (key) => `\ufeff export OPENAI_API_KEY="\u200bBearer ${wrapped(key)}";\r\n`,
  };

  it.each(Object.entries(AROUND))('is removed: %s', (_what, around) => {
    for (const key of [
      inside,
      fakeOpenAiKey('sk-svcacct-'),
      fakeLegacyKey(),
      `sk-next-${keyCharacters(60)}Z`,
    ])
      expect(accepted(around(key)).text).toBe(key);
  });

  it('is removed if a shell command with a space in its key ends with two full stops', () => {
    const split = `${inside.slice(0, 40)} ${inside.slice(40)}`;
    expect(accepted(`-H "Authorization: Bearer ${split}" \\..`).text).toBe(inside);
  });

  it('is removed in any order and number', () => {
    const isInside = (what: string): boolean => /inside|line wraps/.test(what);
    // A comment and `setx` end or begin a line; within other text they are words.
    const ofAny = Object.entries(AROUND).filter(([what]) => !/comment|setx|all of it/.test(what));
    const inner = ofAny.filter(([what]) => isInside(what)).map(([, around]) => around);
    const outer = ofAny.filter(([what]) => !isInside(what)).map(([, around]) => around);
    const some = fc.tuple(
      fc.option(fc.constantFrom(...inner), { nil: (key: string) => key }),
      fc.array(fc.constantFrom(...outer), { maxLength: 3 }),
    );
    fc.assert(
      fc.property(some, ([within, arounds]) => {
        const pasted = arounds.reduce((text, around) => around(text), within(inside));
        expect(accepted(pasted).text).toBe(inside);
      }),
      { numRuns: 1_000 },
    );
  });

  it('never becomes part of the key: the parser accepts the whole key or nothing', () => {
    const anything = fc.string({ unit: 'binary', maxLength: 60 });
    fc.assert(
      fc.property(anything, anything, (before, after) => {
        const parsed = parseOpenAiKey(`${before} ${inside} ${after}`);
        if ('key' in parsed) expect(parsed.key.secret.bytes().toString()).toBe(inside);
      }),
      { numRuns: 2_000 },
    );
    expect(accepted(`The key is ${inside}, do not lose it`).text).toBe(inside);
    expect(accepted(`A=1\nOPENAI_API_KEY=${inside}\nB=2`).text).toBe(inside);
  });

  it('never makes the parser throw, or accept anything but `sk-` and 20 to 300 characters of the alphabet', () => {
    const nearly = fc.tuple(
      fc.constantFrom('', ' ', 'sk-', 'sk-admin-', 'sk-proj-', 'ek_', 'SK-', 'KEY=', '"'),
      fc.oneof(fc.string({ unit: alphabet, maxLength: 310 }), fc.string({ unit: 'binary', maxLength: 40 })),
    );
    fc.assert(
      fc.property(nearly, ([prefix, rest]) => {
        const parsed = parseOpenAiKey(`${prefix}${rest}`);
        if ('key' in parsed)
          expect(parsed.key.secret.bytes().toString()).toMatch(/^sk-(?!admin-)[A-Za-z0-9_-]{20,300}$/);
      }),
      { numRuns: 1_000 },
    );
  });

  it('never slows the parser down, however long and repetitive it is', () => {
    for (const text of [' ', '"', '.', 'A=', 'Bearer ', '- ', '\u200b', 'sk-', 'a ', '# '])
      expect(faultOf(text.repeat(100_000))).toBeDefined();
  });
});
