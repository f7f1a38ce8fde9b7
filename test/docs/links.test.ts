import { existsSync, readFileSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { anchorsOf, markdownFiles, withoutCode } from '../support/markdown.ts';
import { ROOT } from '../support/source-files.ts';

const files = markdownFiles();
const scripts: Readonly<Record<string, string>> = JSON.parse(
  readFileSync(join(ROOT, 'package.json'), 'utf8'),
).scripts;

/** Links to other files and headings; addresses on the internet are not checked. */
const linksOf = (text: string): readonly string[] =>
  [...withoutCode(text).matchAll(/(?:\]\(|src="|srcset=")([^()\s"]+)[)"]/g)]
    .map(([, target = '']) => target)
    .filter((target) => !/^[a-z]+:/.test(target));

const isBroken = (path: string, link: string): boolean => {
  const [file = '', anchor] = link.split('#');
  const target = file === '' ? path : normalize(join(dirname(path), file));
  if (!existsSync(join(ROOT, target))) return true;
  if (anchor === undefined || !target.endsWith('.md')) return false;
  return !anchorsOf(readFileSync(join(ROOT, target), 'utf8')).has(anchor);
};

describe('the documents', () => {
  it('link only to files and headings that exist', () => {
    const links = files.flatMap(({ path, text }) => linksOf(text).map((link) => ({ path, link })));
    expect(links.length).toBeGreaterThan(200);
    expect(links.filter(({ path, link }) => isBroken(path, link))).toEqual([]);
  });

  it('name only npm scripts that exist', () => {
    // The changelog also names what a later version removed.
    const named = files
      .filter(({ path }) => path !== 'CHANGELOG.md')
      .flatMap(({ path, text }) =>
        [...text.matchAll(/npm run (?:--silent |-s )?([a-z][\w:-]*)/g)].map(([, name = '']) => ({
          path,
          name,
        })),
      )
      // `npm run ops:NAME` stands for a family.
      .filter(({ name }) => !/:[A-Z]+$/.test(name));
    expect(named.length).toBeGreaterThan(50);
    expect(named.filter(({ name }) => !(name in scripts))).toEqual([]);
  });

  it('name only files and folders that exist', () => {
    // A decision is a record of its day.
    const named = files
      .filter(({ path }) => path !== 'CHANGELOG.md' && !path.startsWith('docs/decisions/0'))
      .flatMap(({ path, text }) =>
        [...text.matchAll(/`((?:bench|bin|docs|lambdas|lib|local|test|tools|web)\/[\w./-]+)`/g)].map(
          ([, file = '']) => ({ path, file }),
        ),
      );
    expect(named.length).toBeGreaterThan(100);
    expect(
      named.filter(({ file }) => !existsSync(join(ROOT, file)) && !existsSync(join(ROOT, `${file}.test.ts`))),
    ).toEqual([]);
  });

  it('can all be reached from the README', () => {
    const reached = new Set(['README.md']);
    for (const path of reached) {
      const text = files.find((file) => file.path === path)?.text ?? '';
      for (const link of linksOf(text)) {
        const [file = ''] = link.split('#');
        const target = normalize(join(dirname(path), file));
        if (target.endsWith('.md')) reached.add(target);
        else if (existsSync(join(ROOT, target, 'README.md'))) reached.add(join(target, 'README.md'));
      }
    }
    const unreached = files.filter(({ path }) => !reached.has(path) && !path.startsWith('.github/'));
    expect(unreached.map(({ path }) => path)).toEqual([]);
  });
});
