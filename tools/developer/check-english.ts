import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { runCommand } from '../command.ts';
import { ALLOWED, AVOIDED, type Avoided, DOCSTRING_OPENING } from './plain-english.ts';
import { type Passage, proseOf } from './prose.ts';

const USAGE = `npm run check:english -- [--fix] [--summary] [PATH…]

Reports words and phrases of tools/developer/plain-english.ts in documents, comments, texts for people and names of
tests. Code, identifiers and text between backticks are left unchanged. Ends with 1 when something is found.

  PATH       only files whose path starts so: docs, lambdas/http
  --fix      puts replacements in place that are right in every sentence
  --summary  counts instead of lines
  --help     this text
`;

const FOLDERS = /^(?:docs|lambdas|lib|local|tools|web|bin|test|bench)\/|^[A-Z]+\.md$/;
const KINDS = /\.(?:md|ts|tsx)$/;
/** Historical records, and texts that a program writes. */
const LEFT_ALONE = /^(?:CHANGELOG\.md|docs\/fault-matrix\.md|docs\/permissions\.md)$/;

export interface Finding {
  readonly path: string;
  readonly line: number;
  readonly found: string;
  readonly avoided: Avoided;
  /** Offset and length in the file. */
  readonly start: number;
  readonly length: number;
}

const isAllowed = (path: string, text: string): boolean =>
  ALLOWED.some((allowed) => allowed.path.test(path) && allowed.text.test(text));

/** The pattern with any white space instead of a space, because a phrase may continue on the next line. */
const acrossLines = ({ source }: RegExp): RegExp => new RegExp(source.replaceAll(' ', String.raw`\s+`), 'gi');

/** Findings in the prose of one file. */
export const findingsIn = (path: string, source: string): readonly Finding[] => {
  const lineOf = (offset: number): number => source.slice(0, offset).split('\n').length;
  const inPassage = ({ kind, text, start }: Passage): readonly Finding[] => {
    const rules = kind === 'docstring' ? [...AVOIDED, DOCSTRING_OPENING] : AVOIDED;
    const taken = new Set<number>();
    return rules.flatMap((avoided) =>
      [...text.matchAll(acrossLines(avoided.pattern))].flatMap((match) => {
        if (taken.has(match.index)) return [];
        taken.add(match.index);
        const at = start + match.index + (match[0].length - match[0].trimStart().length);
        const original = match[0].trim();
        const found = original.replaceAll(/\s+/g, ' ');
        return [{ path, line: lineOf(at), found, avoided, start: at, length: original.length }];
      }),
    );
  };
  return proseOf(path, source)
    .filter(({ text }) => !isAllowed(path, text))
    .flatMap(inPassage);
};

const likeFirst = (original: string, replacement: string): string =>
  /^[A-Z]/.test(original) ? replacement.charAt(0).toUpperCase() + replacement.slice(1) : replacement;

/** The source with every safe replacement in place. */
export const fixed = (source: string, findings: readonly Finding[]): string =>
  findings
    .toSorted((a, b) => b.start - a.start)
    .reduce(
      (text, { start, length, found, avoided: { replacement } }) =>
        replacement === undefined
          ? text
          : text.slice(0, start) + likeFirst(found, replacement) + text.slice(start + length),
      source,
    );

if (import.meta.main)
  await runCommand({
    usage: USAGE,
    allowPositionals: true,
    options: {
      fix: { type: 'boolean', default: false },
      summary: { type: 'boolean', default: false },
    },
    run: (values, positionals) => {
      const paths = execFileSync('git', ['ls-files', '-z'], { encoding: 'utf8' })
        .split('\0')
        .filter((path) => FOLDERS.test(path) && KINDS.test(path) && !LEFT_ALONE.test(path))
        .filter((path) => positionals.length === 0 || positionals.some((start) => path.startsWith(start)));
      const all: Finding[] = [];
      for (const path of paths) {
        let source = readFileSync(path, 'utf8');
        let findings = findingsIn(path, source);
        if (values.fix && findings.some(({ avoided }) => avoided.replacement !== undefined)) {
          source = fixed(source, findings);
          writeFileSync(path, source);
          findings = findingsIn(path, source);
        }
        all.push(...findings);
      }
      if (values.summary) {
        const counts = Object.entries(Object.groupBy(all, ({ found }) => found.toLowerCase()));
        for (const [found, of = []] of counts.toSorted(([, a = []], [, b = []]) => b.length - a.length))
          process.stdout.write(`${String(of.length).padStart(5)}  ${found}\n`);
      } else
        for (const { path, line, found, avoided } of all)
          process.stderr.write(`${path}:${line}  "${found}": ${avoided.instead}\n`);
      process.stdout.write(`${paths.length} files, ${all.length} findings\n`);
      return all.length > 0 ? 1 : 0;
    },
  });
