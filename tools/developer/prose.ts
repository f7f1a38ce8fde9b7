import { parseSync } from '@swc/core';

/** The parts of a file that people read. */
export interface Passage {
  readonly kind: 'docstring' | 'comment' | 'text' | 'document';
  /** The text of the file, with code between backticks blanked out. */
  readonly text: string;
  /** Offset of `text` in the file, in characters. */
  readonly start: number;
}

export const proseOf = (path: string, source: string): readonly Passage[] =>
  path.endsWith('.md') ? proseOfMarkdown(source) : proseOfTypeScript(path, source);

/** The same length, so that offsets stay right. */
const blank = (text: string): string => text.replaceAll(/[^\n]/g, ' ');

const withoutCode = (text: string): string => text.replaceAll(/`[^`\n]*`/g, blank);

const proseOfMarkdown = (source: string): readonly Passage[] => [
  {
    kind: 'document',
    text: withoutCode(
      source
        .replaceAll(/^(```|~~~)[\s\S]*?^\1/gm, blank)
        .replaceAll(/<!-- (?:bench|generated):[\s\S]*?<!-- \//g, blank)
        // The target of a link is not prose.
        .replaceAll(/\]\([^)]*\)/g, blank),
      // A phrase may continue on the next line.
    ).replaceAll('\n', ' '),
    start: 0,
  },
];

interface Node {
  readonly type: string;
  readonly span: { readonly start: number; readonly end: number };
}
const isNode = (value: unknown): value is Node =>
  typeof value === 'object' && value !== null && 'type' in value && 'span' in value;

/** Three words or more: shorter texts are names and values. */
const IS_SENTENCE = /\p{L}+[ ,]+\p{L}+[ ,]+\p{L}+/u;
const TEXTS = ['StringLiteral', 'TemplateElement', 'JSXText'];
const NO_COMMENT_INSIDE = [...TEXTS, 'RegExpLiteral', 'TemplateLiteral'];

/**
 * Comments, and texts that read as sentences: messages, names of tests. Identifiers and values are left out. Texts are found
 * in the syntax tree. After they are blanked out, comments are the remaining text between tokens.
 */
const proseOfTypeScript = (path: string, source: string): readonly Passage[] => {
  const tree: unknown = parseSync(source, {
    syntax: 'typescript',
    tsx: path.endsWith('.tsx'),
    target: 'es2024',
  });
  // swc counts bytes, from 1.
  const bytes = Buffer.from(source);
  const isPlain = bytes.length === source.length;
  const offsetOf = (position: number): number =>
    isPlain ? position - 1 : bytes.subarray(0, position - 1).toString().length;

  const texts: Passage[] = [];
  const hidden: [number, number][] = [];
  const visit = (value: unknown): void => {
    if (Array.isArray(value)) for (const item of value) visit(item);
    else if (typeof value === 'object' && value !== null) {
      if (isNode(value) && value.type === 'ImportDeclaration') return;
      if (isNode(value) && NO_COMMENT_INSIDE.includes(value.type)) {
        const [start, end] = [offsetOf(value.span.start), offsetOf(value.span.end)];
        hidden.push([start, end]);
        const text = source.slice(start, end);
        if (TEXTS.includes(value.type) && IS_SENTENCE.test(text))
          texts.push({
            kind: 'text',
            text: value.type === 'TemplateElement' ? text : withoutCode(text),
            start,
          });
      }
      for (const child of Object.values(value)) visit(child);
    }
  };
  visit(tree);

  let code = source;
  for (const [start, end] of hidden)
    code = code.slice(0, start) + blank(code.slice(start, end)) + code.slice(end);
  const comments = [...code.matchAll(/\/\*[\s\S]*?\*\/|\/\/[^\n]*/g)].map(({ 0: text, index }): Passage => {
    const isDocstring = text.startsWith('/**');
    const opening = isDocstring ? 3 : 2;
    return {
      kind: isDocstring ? 'docstring' : 'comment',
      // A line break in a comment counts as a space, so that a phrase may continue on the next line.
      text: withoutCode(text.slice(opening).replaceAll(/\n\s*(?:\*|\/\/)/g, (gap) => ' '.repeat(gap.length))),
      start: index + opening,
    };
  });
  return [...comments, ...texts];
};
