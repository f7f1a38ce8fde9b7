import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { runOperatorCommand } from '../../support/operator-command.ts';
import { ROOT } from '../../support/source-files.ts';

/** Text that a command prints in a shell that has nothing of a deployment. */
const shown = (script: string, ...args: string[]): Promise<string> => shownWith({}, script, ...args);
const shownWith = async (
  variables: Readonly<Record<string, string>>,
  script: string,
  ...args: string[]
): Promise<string> => {
  const { code, stderr } = await runOperatorCommand(script, args, variables);
  if (code === 0) throw new Error(`${script} ended with status 0.`);
  return stderr;
};

describe('a command without the variables of a deployment', () => {
  test.each([
    ['mark-keys', []],
    ['rewrap-keys', []],
    ['rebuild-usage', []],
    ['reapply-deletions', []],
    ['verify-archive', []],
    ['model-check', []],
    ['platform-key', ['--state']],
    ['stop', ['--sessions']],
    ['set-plan', ['--workspace', '0123456789ab', '--plan', 'free']],
    ['restore', ['--from', 'restored', '--audit', 'archive']],
  ])('names them and their source: %s', async (script, args) => {
    const text = await shown(script, ...args);
    expect(text).toMatch(/^Not set: .*AWS_REGION.*\.$/m);
    expect(text).toMatch(/^Next: export the outputs of the stacks \(docs\/deploy\.md, "By hand"/m);
    expect(text).not.toMatch(/undefined|Invalid input/);
  });

  test('names an invalid variable, without its value', async () => {
    const text = await shownWith({ KEY_RETENTION_HOURS: 'secret-value' }, 'platform-key', '--state');
    expect(text).toMatch(/^KEY_RETENTION_HOURS is wrong: /m);
    expect(text).not.toContain('secret-value');
  });

  test('refers only to existing steps in docs/deploy.md', () => {
    const page = readFileSync(join(ROOT, 'docs/deploy.md'), 'utf8');
    const byHand = page.slice(page.indexOf('## By hand'));
    expect(byHand).toMatch(/### 2\. [\s\S]*out\(\) \{[\s\S]*### 4\. [\s\S]*export TENANCY_TABLE=/);
  });
});

describe('a command without its input file', () => {
  test.each([
    ['reconcile-cloudtrail', [], 'Give the files or folders with .json or .json.gz to read (see --help).'],
    ['upload-dashboard', ['none.json'], 'none.json is not an outputs file. cdk deploy --all'],
  ])('names the file to give: %s', async (script, args, sentence) => {
    expect(await shown(script, ...args)).toContain(sentence);
  });
});
