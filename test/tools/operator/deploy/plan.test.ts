import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from '@jest/globals';
import { startAwsAccount } from '../../../support/aws-account.ts';
import { runOperatorCommand } from '../../../support/operator-command.ts';
import { ROOT } from '../../../support/source-files.ts';

const aws = await startAwsAccount();
afterAll(() => aws.close());

const temporary = mkdtempSync(join(tmpdir(), 'spelo-byok-plan-test-'));
afterAll(() => rmSync(temporary, { recursive: true, force: true }));

const command = (...args: string[]) => commandIn({}, ...args);
const commandIn = async (
  variables: Readonly<Record<string, string>>,
  ...args: string[]
): Promise<{ readonly status: number | null; readonly text: string }> => {
  const { code, stdout, stderr } = await runOperatorCommand('deploy', args, {
    HOME: process.env['HOME'],
    AWS_ENDPOINT_URL: aws.url,
    AWS_ACCESS_KEY_ID: 'AKIAOPERATOR',
    AWS_SECRET_ACCESS_KEY: 'operator-secret',
    AWS_REGION: 'eu-central-1',
    AWS_MAX_ATTEMPTS: '1',
    TMPDIR: temporary,
    ...variables,
  });
  return { status: code, text: code === 0 ? stdout : `${stdout}${stderr}` };
};

describe('npm run deploy', () => {
  const planned = command('--stage', 'dev', '--plan');

  test("with --plan shows the stage dev of cdk.json with this project's CDK, and changes nothing", async () => {
    const { status, text } = await planned;
    expect({ status, text }).toEqual({ status: 0, text: expect.stringContaining('Nothing was changed.') });
    expect(text).toMatch(/2\. bootstrap the CDK in us-east-1/);
    expect(text).toMatch(/3\. spelo-byok-dev-data: create \(6 tables, \d+ KMS keys, 1 user pool/);
    expect(text).toMatch(/4\. spelo-byok-dev-api: create \(\d+ functions/);
    expect(text).toMatch(/spelo-byok-dev-changes-us-east-1 in us-east-1: create \(1 alarm/);
    expect(aws.requests.map(({ operation }) => operation)).not.toContainEqual(
      expect.stringMatching(/^(?:Create|Update|Delete|Put|Execute|Admin)/),
    );
  });

  test('prints in an empty account what docs/deploy.md shows', async () => {
    const page = readFileSync(join(ROOT, 'docs/deploy.md'), 'utf8');
    const sample = /plan\.test\.ts -->\n```\n([\s\S]*?)```/.exec(page)?.[1] ?? 'no sample';
    const { text } = await planned;
    const pattern = sample.split('…').map((part) => part.replace(/[\\^$.*+?()[\]{}|]/g, '\\$&'));
    // Numbers and names, never a line that the page leaves out. The first line ends with the same character.
    expect(text).toMatch(new RegExp(`^${pattern.join('[^\\n]+')}$`));
  });

  test('leaves no temporary folder', () => {
    expect(readdirSync(temporary).filter((name) => name.startsWith('spelo-byok-deploy-'))).toEqual([]);
  });

  test('names the two dashes that npm needs if npm kept the options', async () => {
    const { status, text } = await commandIn({ npm_config_stage: 'true' }, 'dev');
    expect(status).toBe(2);
    expect(text).toContain('Put -- before the options, for example: npm run deploy -- --stage dev');
  });

  test('refuses the shipped stage prod of cdk.json, and names each placeholder', async () => {
    const { status, text } = await command('--stage', 'prod', '--plan');
    expect(status).toBe(1);
    expect(text).toContain('stages.prod.domain.name is still a name under example.com');
    expect(text).toContain('stages.prod.edge.acceptedDigests.0 is still the digest of zeros');
  });

  test.each([
    [['--plan'], 'Give --stage, for example --stage dev.'],
    [['--stage', 'elsewhere'], 'The stage elsewhere is not among the stages of cdk.json (dev, prod).'],
    [['--stage', 'dev', '--tier', '6'], '--tier must be a number from 1 to 5.'],
    [['--stage', 'dev', '--owner', 'ada'], '--owner must be an email address.'],
    [['--stage', 'dev', '--origin', 'shop.test/page'], '--origin must be an origin, for example'],
    [['--stage', 'dev', '--key', 'sk-secret'], '--key must be own, platform or none.'],
  ])('refuses the arguments %j with status 2', async (args, sentence) => {
    const { status, text } = await command(...args);
    expect(status).toBe(2);
    expect(text).toContain(sentence);
  });
});
