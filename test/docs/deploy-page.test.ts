import { execFileSync } from 'node:child_process';
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { DEPLOYED_FUNCTION_NAMES } from '../../lib/deployed-functions.ts';
import { parseStageConfig } from '../../lib/stage-config.ts';
import { platformKeyEnvironment } from '../../tools/operator/platform-key-environment.ts';
import { ROOT } from '../support/source-files.ts';

const read = (file: string): string => readFileSync(join(ROOT, 'docs', file), 'utf8');
const page = read('deploy.md');
const section = (from: string, to: string): string => page.slice(page.indexOf(from), page.indexOf(to));
const shellOf = (text: string): string =>
  [...text.matchAll(/```sh\n([\s\S]*?)```/g)].map(([, code]) => code).join('\n');

describe('the deployment page', () => {
  test('states the handling of each function before a restore', () => {
    const step = section('**1. Stop the writers**', '**2. Restore');
    const missing = DEPLOYED_FUNCTION_NAMES.filter((name) => !new RegExp(`\\b${name}\\b`).test(step));
    expect(missing).toEqual([]);
  });

  test('names every function in the table of stacks, unless its stack is the API', () => {
    const table = section('| Stack | Holds |', 'A stack imports what');
    for (const name of ['hangup', 'watch', 'notices']) expect(table).toContain(name);
  });

  test.each(['deploy.md', 'guides/pipeline.md'])(
    'names the stage in each cdk deploy command of %s',
    (file) => {
      const commands = [...read(file).matchAll(/cdk (?:deploy|diff)[^`\n]*--(?:all|exclusively)[^`\n]*/g)];
      const without = commands
        .map(([command]) => command)
        .filter((command) => !command.includes('-c stage='));
      // The sentence about `--force` names no command to run.
      expect(without.filter((command) => command !== 'cdk deploy --all')).toEqual([]);
    },
  );

  test.each([
    ['deploy.md', "### 4. The platform's own key"],
    ['runbook.md', '## A call could not be hung up'],
  ])('exports every variable that the platform key needs in %s', (file, heading) => {
    const text = read(file);
    const step = text.slice(text.indexOf(heading), text.indexOf('\n## ', text.indexOf(heading) + 5));
    const exported = [...step.matchAll(/\b([A-Z_]+)=\$?\(?\w/g)].map(([, name]) => name);
    const optional = /^(?:AWS_|OPENAI_)/;
    for (const name of Object.keys(platformKeyEnvironment.shape))
      if (!optional.test(name)) expect(exported).toContain(name);
  });

  test('names every required setting of a stage, and each of its fields', () => {
    const settings = section('## Settings', '## prod, in this order');
    const required = settings.slice(settings.indexOf('Required are'), settings.indexOf('everything else'));
    const faultsOf = (stage: object): readonly string[] => {
      try {
        parseStageConfig('dev', { dev: stage });
        return [];
      } catch (error) {
        return [...String(error).matchAll(/stages\.dev\.([\w.]+) /g)].map(([, path = '']) => path);
      }
    };
    const top = faultsOf({});
    expect(top.length).toBeGreaterThan(5);
    expect([...required.matchAll(/`(\w+)`/g)].map(([, name = '']) => name).toSorted()).toEqual(
      top.toSorted(),
    );
    const nested = faultsOf({ evidence: {}, rateLimits: {}, throttling: { everyRoute: {} } })
      .flatMap((path) => path.split('.'))
      .filter((name) => !settings.includes(`\`${name}\``));
    expect(nested).toEqual([]);
  });

  test('uses only syntax of bash 3.2, the shell of a Mac', () => {
    expect(shellOf(page)).not.toMatch(/\$\{\w+(?:\^|,)|mapfile|declare -A/);
  });
});

describe('the shell function `as` of the deployment page', () => {
  const definition = /^as\(\) \(\n[\s\S]*?^\)$/m.exec(page)?.[0] ?? '';

  test('runs a command with the credentials of the role, and keeps those of the shell', () => {
    const bin = mkdtempSync(join(tmpdir(), 'as-'));
    try {
      writeFileSync(
        join(bin, 'aws'),
        `#!/bin/sh\necho "$@" >> "${bin}/calls"\necho '{"Credentials":{"AccessKeyId":"ASIAROLE","SecretAccessKey":"s","SessionToken":"t"}}'\n`,
      );
      chmodSync(join(bin, 'aws'), 0o755);
      const script = [
        'out() { echo "arn:$1:$2"; }',
        definition,
        `as RestoreOperator sh -c 'echo "$AWS_ACCESS_KEY_ID $1 [$AWS_PROFILE]"' - 'two words'`,
        'echo "$AWS_ACCESS_KEY_ID [$AWS_PROFILE]"',
      ].join('\n');
      const shown = execFileSync('bash', ['--norc', '-c', script], {
        encoding: 'utf8',
        env: {
          PATH: `${bin}${delimiter}${process.env['PATH'] ?? ''}`,
          AWS_ACCESS_KEY_ID: 'AKIAMINE',
          AWS_PROFILE: 'mine',
          OPERATOR: 'ada',
        },
      });
      expect(shown).toBe('ASIAROLE two words []\nAKIAMINE [mine]\n');
      expect(readFileSync(join(bin, 'calls'), 'utf8')).toContain(
        '--role-arn arn:data:RestoreOperatorArn --role-session-name ada',
      );
    } finally {
      rmSync(bin, { recursive: true, force: true });
    }
  });
});
