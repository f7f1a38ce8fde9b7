import { describe, expect, it } from '@jest/globals';
import { findingsIn, fixed } from '../../../tools/developer/check-english.ts';

const found = (path: string, source: string): readonly string[] =>
  findingsIn(path, source).map(({ line, found }) => `${line} ${found}`);

describe('the check of English', () => {
  it.each([
    ['a docstring', '/** Is there for whoever asks. */\nexport const a = 1;', ['1 whoever']],
    ['a docstring that begins with What', '\n/** What the tables are. */\nexport const a = 1;', ['2 What']],
    ['a comment', 'const a = 1; // written anew', ['1 anew']],
    ['a phrase over two lines', '/**\n * It is as things\n * stand. */\nconst a = 1;', ['2 as things stand']],
    ['a text for people', "throw new Error('Somebody has changed it.');", ['1 Somebody']],
    ['a template', 'const a = `$' + '{n} keys are sealed anew by the command`;', ['1 anew']],
    [
      'the name of a test',
      "it('is as it was unless told otherwise', () => {});",
      ['1 unless told otherwise'],
    ],
    [
      'a text after letters of several bytes',
      "// é – ü\nconst a = 'Each has a key of its own.';",
      ['2 of its own'],
    ],
  ])('finds words to avoid in %s', (_, source, expected) => {
    expect(found('lib/a.ts', source)).toEqual(expected);
  });

  it.each([
    ['identifiers', 'const somebody = anew(whoever.of);'],
    ['values of one or two words', "const sub = 'somebody'; const b = 'somebody else';"],
    ['imports', "import a from './written/anew/by/somebody.ts';"],
    ['code between backticks', '// The variable `somebody` is there.'],
    ['regular expressions', 'const a = /sealed anew by somebody/;'],
  ])('ignores %s', (_, source) => {
    expect(found('lib/a.ts', source)).toEqual([]);
  });

  it('reads documents without their code, generated parts and link addresses', () => {
    const document = [
      'Somebody comes',
      'to a [page](docs/of-whoever.md) of `somebody`.',
      '```',
      'anew',
      '```',
      '<!-- generated:x -->',
      'anew',
      '<!-- /generated:x -->',
    ].join('\n');
    expect(found('docs/a.md', document)).toEqual(['1 Somebody', '1 comes to']);
  });

  it('--fix applies only replacements that are right in every sentence, and keeps capitals', () => {
    const source = '// Somebody seals it anew for whoever asks.\n';
    expect(fixed(source, findingsIn('lib/a.ts', source))).toBe(
      '// Someone seals it again for whoever asks.\n',
    );
  });
});
