import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { anchorsOf, markdownFiles } from '../support/markdown.ts';
import { ROOT } from '../support/source-files.ts';

const read = (path: string): string => readFileSync(join(ROOT, path), 'utf8');
const tracked = execFileSync('git', ['ls-files', '-z'], { cwd: ROOT, encoding: 'utf8' })
  .split('\0')
  .filter((path) => path !== '' && existsSync(join(ROOT, path)));
const scripts: Readonly<Record<string, string>> = JSON.parse(read('package.json')).scripts;
const documents = markdownFiles().filter(
  ({ path }) => path !== 'CHANGELOG.md' && !path.startsWith('docs/decisions/0'),
);
/** Everything that a person reads outside of the documents: messages, comments, workflows. */
const sources = tracked
  .filter((path) => /\.(?:ts|tsx|mjs|yml|sh|json)$|^\.ci\//.test(path))
  .filter((path) => !/^(?:package-lock\.json|docs\/openapi\.json|test\/)/.test(path))
  .map((path) => ({ path, text: read(path) }));

const headingsOf = (path: string): readonly string[] =>
  [...read(path).matchAll(/^#+ (?:\d+\. )?(.+)$/gm)].map(([, heading = '']) => heading);

describe('references in the code to documents', () => {
  const found = sources.flatMap(({ path, text }) =>
    [...text.matchAll(/\b(docs\/[\w./-]+\.md)(?:#([\w-]+)|, "([^"$]+)")?/g)].map(
      ([, document = '', anchor, heading]) => ({ path, document, anchor, heading }),
    ),
  );

  it('name only documents that exist', () => {
    expect(found.length).toBeGreaterThan(100);
    expect(found.filter(({ document }) => !existsSync(join(ROOT, document)))).toEqual([]);
  });

  it('name only sections that exist, also in quotes before the document', () => {
    const sections = sources.flatMap(({ path, text }) =>
      [...text.matchAll(/"([A-Z][^"$]+)" in (docs\/[\w./-]+\.md)/g)].map(
        ([, heading = '', document = '']) => ({
          path,
          document,
          heading,
        }),
      ),
    );
    expect(sections.length).toBeGreaterThan(2);
    expect(sections.filter(({ document, heading }) => !headingsOf(document).includes(heading))).toEqual([]);
  });

  it('name only headings that exist', () => {
    const named = found.filter(({ anchor, heading }) => anchor !== undefined || heading !== undefined);
    expect(named.length).toBeGreaterThan(5);
    const isMissing = ({ document, anchor, heading }: (typeof found)[number]): boolean =>
      (anchor !== undefined && !anchorsOf(read(document)).has(anchor)) ||
      (heading !== undefined && !headingsOf(document).includes(heading));
    expect(named.filter(isMissing)).toEqual([]);
  });
});

it('documents name only existing sections of other documents in quotes', () => {
  const named = documents.flatMap(({ path, text }) =>
    [...text.matchAll(/\]\(([\w./-]+\.md)\),\s+"([^"]+)"/g)].map(([, target = '', heading = '']) => ({
      path,
      target: join(dirname(path), target),
      heading,
    })),
  );
  expect(named.length).toBeGreaterThan(0);
  expect(named.filter(({ target, heading }) => !headingsOf(target).includes(heading))).toEqual([]);
});

/** The program behind a script, also behind its second name; undefined for scripts of tools from npm. */
const programOf = (name: string): string | undefined => {
  const script = scripts[name] ?? '';
  const [, other] = /^npm run (?:-s )?([\w:-]+)/.exec(script) ?? [];
  if (other !== undefined) return programOf(other);
  return /\bnode (?:--\S+ )*((?:tools|local|bench|web)\/\S+\.ts)/.exec(script)?.[1];
};

it('documents and messages name only existing options of a command', () => {
  const named = [...documents, ...sources].flatMap(({ path, text }) =>
    [...text.matchAll(/\bnpm (?:run (?:-s |--silent )?([\w:-]+)|start) -- ((?:[^\n`"]|\\\n)*)/g)].flatMap(
      ([, name = 'start', rest = '']) =>
        [...rest.matchAll(/(?<![\w-])--([a-z][\w-]+)/g)].map(([, option = '']) => ({ path, name, option })),
    ),
  );
  expect(named.length).toBeGreaterThan(60);
  const isUnknown = ({ name, option }: (typeof named)[number]): boolean => {
    const program = programOf(name);
    return program !== undefined && option !== 'help' && !read(program).includes(`--${option}`);
  };
  expect(named.filter(isUnknown)).toEqual([]);
});

it('CONTRIBUTING.md names every script of the groups build, bench, check, docs, ops and test', () => {
  const contributing = read('CONTRIBUTING.md');
  const grouped = Object.keys(scripts).filter((name) => /^(?:build|bench|check|docs|ops|test):/.test(name));
  expect(grouped.length).toBeGreaterThan(40);
  expect(
    grouped.filter(
      (name) =>
        !contributing.includes(name) && !contributing.includes(`\`${name.split(':').slice(1).join(':')}\``),
    ),
  ).toEqual([]);
});

describe('the README of each folder', () => {
  const readmes = tracked.filter(
    (path) => /^[a-z]+(?:\/[a-z]+)?\/README\.md$/.test(path) && !path.startsWith('docs/'),
  );

  it('exists for every folder of code', () => {
    expect(readmes.length).toBeGreaterThan(9);
  });

  it.each(readmes)('in %s names every subfolder', (path) => {
    const folder = dirname(path);
    const folders = new Set(
      tracked
        .filter((file) => file.startsWith(`${folder}/`))
        .map((file) => file.slice(folder.length + 1).split('/'))
        .filter(({ length }) => length > 1)
        .map(([name = '']) => name),
    );
    expect([...folders].filter((name) => !read(path).includes(name))).toEqual([]);
  });
});
