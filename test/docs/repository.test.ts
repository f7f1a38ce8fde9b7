import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { sectionOf } from '../../tools/developer/release-notes.ts';
import { ROOT } from '../support/source-files.ts';

const read = (path: string): string => readFileSync(join(ROOT, path), 'utf8');
const { scripts, version } = JSON.parse(read('package.json'));
const WORKFLOWS = readdirSync(join(ROOT, '.github/workflows')).map((file) => `.github/workflows/${file}`);

describe('the workflows', () => {
  it.each(WORKFLOWS)('include %s, which pins every action to a commit and names its version', (path) => {
    const uses = [...read(path).matchAll(/uses: (.+)/g)].map(([, action]) => action);
    expect(uses.length).toBeGreaterThan(0);
    expect(
      uses.filter((action) => !/^[\w-]+\/[\w-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+$/.test(action ?? '')),
    ).toEqual([]);
  });

  it.each(WORKFLOWS)('include %s, which is read-only by default and gives every job a time limit', (path) => {
    const text = read(path);
    expect(text).toContain('\npermissions:\n  contents: read\n');
    expect(text.match(/runs-on:/g)?.length).toBe(text.match(/timeout-minutes:/g)?.length);
  });

  it.each(['.github/workflows/ci.yml', '.github/workflows/nightly.yml'])(
    'include %s, which names the browsers of the runner for the browser tests',
    (path) => {
      for (const variable of ['CHROMIUM', 'FIREFOX'])
        expect(read(path)).toMatch(new RegExp(`^  ${variable}: /usr/bin/`, 'm'));
    },
  );

  it.each(WORKFLOWS)('include %s, which calls only npm scripts that exist', (path) => {
    const text = read(path);
    const projects = [...text.matchAll(/- project: (\w+)/g)].map(([, project]) => `test:${project}`);
    const names = [...text.matchAll(/npm run (?:--silent )?([\w:-]+)/g)]
      .map(([, name = '']) => name)
      .filter((name) => name !== 'test:');
    expect([...names, ...projects].filter((name) => !(name in scripts))).toEqual([]);
  });
});

it.each(['.ci/run', '.ci/nightly', 'docs/guides/pipeline/deploy.yml'])(
  '%s calls only npm scripts that exist',
  (path) => {
    const names = [...read(path).matchAll(/npm run (?:--silent |-s )?([\w:-]+)/g)].map(
      ([, name = '']) => name,
    );
    expect(names.length).toBeGreaterThan(1);
    expect(names.filter((name) => !(name in scripts))).toEqual([]);
  },
);

it('Renovate also updates the actions in the pipeline workflow', () => {
  const { 'github-actions': actions } = JSON.parse(read('renovate.json'));
  const [pattern] = actions.managerFilePatterns.map((text: string) => new RegExp(text.slice(1, -1)));
  expect('docs/guides/pipeline/deploy.yml').toMatch(pattern);
  expect(existsSync(join(ROOT, 'docs/guides/pipeline/deploy.yml'))).toBe(true);
});

it('CODEOWNERS names only paths that exist', () => {
  const paths = [...read('.github/CODEOWNERS').matchAll(/^(\/\S+)/gm)].map(([, path = '']) => path);
  expect(paths.length).toBeGreaterThan(10);
  expect(paths.filter((path) => !existsSync(join(ROOT, path)))).toEqual([]);
});

describe('the changelog', () => {
  it('has a section for unreleased changes and one for the version in package.json', () => {
    const headings = [...read('CHANGELOG.md').matchAll(/^## (\[[^\]]+\])/gm)].map(([, heading]) => heading);
    expect(headings[0]).toBe('[Unreleased]');
    expect(headings).toContain(`[${version}]`);
  });

  it('gives a release exactly the section of its version', () => {
    const changelog =
      '# C\n\n## [Unreleased]\n\n- a\n\n## [1.1.0] - 2026-12-01\n\n- b\n- c\n\n## [1.0.0] - x\n\n- d\n';
    expect(sectionOf(changelog, '1.1.0')).toBe('- b\n- c');
    expect(sectionOf(changelog, '1.0.0')).toBe('- d');
  });

  it('fails for a release whose section is missing or empty', () => {
    expect(() => sectionOf('## [1.0.0] - x\n\n## [0.9.0]\n\n- a\n', '1.0.0')).toThrow('no entries');
    expect(() => sectionOf('## [1.0.0]\n\n- a\n', '1.0')).toThrow('no entries');
  });
});
