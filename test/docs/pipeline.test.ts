import { execFileSync, spawnSync } from 'node:child_process';
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from '@jest/globals';
import { z } from 'zod';
import { ROOT } from '../support/source-files.ts';

const FOLDER = join(ROOT, 'docs/guides/pipeline');
const workflow = readFileSync(join(FOLDER, 'deploy.yml'), 'utf8');

const trust = z.object({
  Condition: z.strictObject({ StringEquals: z.record(z.string(), z.unknown()) }),
});
const plainStatement = z.object({ Action: z.string(), Resource: z.unknown() });
/** One that depends on a condition is taken as if the condition held. */
const statement = z.union([
  plainStatement,
  z
    .object({ 'Fn::If': z.tuple([z.string(), plainStatement, z.object({ Ref: z.literal('AWS::NoValue') })]) })
    .transform((value) => value['Fn::If'][1]),
]);
const role = z.object({
  Properties: z.object({
    AssumeRolePolicyDocument: z.object({ Statement: z.array(trust) }),
    Policies: z.array(
      z.object({
        PolicyDocument: z.object({
          Statement: z.array(statement),
        }),
      }),
    ),
  }),
});
const template = z.object({ Resources: z.record(z.string(), z.unknown()) });
const { Resources } = template.parse(JSON.parse(readFileSync(join(FOLDER, 'roles.json'), 'utf8')));

describe('the pipeline workflow', () => {
  test('stores no credentials: it uses no secret, and only jobs may request a token', () => {
    expect(workflow).not.toMatch(/secrets\.|aws-access-key/);
    expect(/^permissions:\n( {2}.*\n)+/m.exec(workflow)?.[0]).toBe('permissions:\n  contents: read\n');
  });

  test('pins each action to a commit, not to a tag that can move', () => {
    const uses = [...workflow.matchAll(/uses: (.+)/g)].map(([, action]) => action);
    expect(uses.length).toBeGreaterThan(4);
    for (const action of uses) expect(action).toMatch(/^[\w-]+\/[\w-]+@[0-9a-f]{40} # v[\d.]+$/);
  });

  test('deploys prod only after the diff and in an environment with reviewers', () => {
    const prod = workflow.slice(workflow.indexOf('\n  prod:'));
    expect(prod).toContain('needs: prod-diff');
    expect(prod).toContain('environment: prod\n');
    expect(workflow.indexOf('gate.sh')).toBeLessThan(workflow.indexOf('cdk deploy'));
  });

  test('is never started by a pull request, whose code is not reviewed', () => {
    expect(workflow).not.toMatch(/pull_request|workflow_dispatch/);
  });
});

describe('the IAM roles of the pipeline', () => {
  test.each([
    ['DeployRole', `environment:\${Environment}`, ['deploy', 'file-publishing', 'lookup']],
    ['DiffRole', `environment:\${Environment}-diff`, ['lookup']],
  ])(
    'include %s, which trusts one environment of one repository and assumes only these CDK roles',
    (name, subject, roles) => {
      const { AssumeRolePolicyDocument, Policies } = role.parse(Resources[name]).Properties;
      expect(AssumeRolePolicyDocument.Statement.map(({ Condition }) => Condition.StringEquals)).toEqual([
        {
          'token.actions.githubusercontent.com:aud': 'sts.amazonaws.com',
          'token.actions.githubusercontent.com:sub': { 'Fn::Sub': `repo:\${Repository}:${subject}` },
        },
      ]);
      const statements = Policies.flatMap(({ PolicyDocument }) => PolicyDocument.Statement).filter(
        ({ Action }) => Action === 'sts:AssumeRole',
      );
      expect(statements).toHaveLength(1);
      const assumed = [...JSON.stringify(statements).matchAll(/role\/cdk-hnb659fds-([a-z-]+)-role-/g)];
      expect(assumed.map(([, kind]) => kind)).toEqual(roles);
    },
  );
});

describe('the dashboard upload in the pipeline', () => {
  const actionsOf = (name: string) =>
    role
      .parse(Resources[name])
      .Properties.Policies.flatMap(({ PolicyDocument }) => PolicyDocument.Statement)
      .filter(({ Action }) => Action !== 'sts:AssumeRole');

  test('needs one permission of the deploy role: to put objects in its folders', () => {
    expect(actionsOf('DeployRole')).toEqual([
      {
        Action: 's3:PutObject',
        Resource: ['dashboard', 'widget'].map((folder) => ({
          'Fn::Sub': `arn:\${AWS::Partition}:s3:::\${DashboardBucket}/${folder}/*`,
        })),
      },
    ]);
    expect(actionsOf('DiffRole')).toEqual([]);
    const source = readFileSync(join(ROOT, 'tools/operator/upload-dashboard.ts'), 'utf8');
    expect([...source.matchAll(/new (\w+)Command\(/g)].map(([, command]) => command)).toEqual(['PutObject']);
    expect(source).toMatch(
      /uploadsOf\(DASHBOARD_FOLDER, 'dashboard\/'\), \.\.\.uploadsOf\(WIDGET_FOLDER, 'widget\/'\)/,
    );
  });

  test('runs after the deployment, whose outputs it reads, and only if the stage has a dashboard', () => {
    const [script = ''] = /if jq[\s\S]*?fi\n/.exec(workflow) ?? [];
    expect(workflow.indexOf('--outputs-file outputs.json')).toBeGreaterThan(0);
    expect(workflow.indexOf('--outputs-file outputs.json')).toBeLessThan(workflow.indexOf(script));
    const folder = mkdtempSync(join(tmpdir(), 'upload-'));
    try {
      writeFileSync(join(folder, 'npm'), '#!/bin/sh\necho "npm $*"\n');
      chmodSync(join(folder, 'npm'), 0o755);
      const run = (outputs: unknown): string => {
        writeFileSync(join(folder, 'outputs.json'), JSON.stringify(outputs));
        return execFileSync('bash', ['-e', '-c', script], {
          cwd: folder,
          encoding: 'utf8',
          env: { PATH: `${folder}:${process.env['PATH'] ?? ''}`, STAGE: 'prod' },
        });
      };
      expect(run({ 'spelo-byok-prod-dashboard': { DashboardBucket: 'b' } })).toContain(
        'npm run upload-dashboard -- outputs.json',
      );
      expect(run({ 'spelo-byok-prod-api': {}, 'spelo-byok-dev-dashboard': {} })).not.toContain('npm run');
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });
});

describe('the pipeline gate', () => {
  const bin = mkdtempSync(join(tmpdir(), 'gate-'));
  afterAll(() => rmSync(bin, { recursive: true, force: true }));

  /** Status of the gate where `cdk diff` prints these lines. */
  const gate = (lines: string, status = 0): number | null => {
    writeFileSync(join(bin, 'npx'), `#!/bin/sh\ncat <<'END'\n${lines}\nEND\nexit ${status}\n`);
    chmodSync(join(bin, 'npx'), 0o755);
    return spawnSync('bash', [join(FOLDER, 'gate.sh'), 'prod'], {
      env: { ...process.env, PATH: `${bin}:${process.env['PATH'] ?? ''}` },
    }).status;
  };

  test.each([
    '[-] AWS::DynamoDB::Table KeysTable KeysTable0A destroy',
    '[-] AWS::KMS::Key MasterKey MasterKey0B orphan',
    '[~] AWS::DynamoDB::Table AuditTable AuditTable0C replace',
    '[~] AWS::Cognito::UserPool SignIn/Pool SignInPool0D may be replaced',
    '\u001b[31m[-]\u001b[39m \u001b[36mAWS::S3::Bucket\u001b[39m ArchiveBucket destroy',
  ])('stops if data would be lost: %s', (line) => {
    expect(gate(`Stack spelo-byok-prod-data\nResources\n${line}`)).toBe(1);
  });

  test.each([
    'There were no differences',
    '[~] AWS::DynamoDB::Table KeysTable KeysTable0A\n └─ [~] Tags',
    '[-] AWS::Lambda::Function Token TokenFunction0E destroy',
    '[+] AWS::KMS::Key NewKey NewKey0F',
    '[~] AWS::Lambda::Function Token TokenFunction0E replace',
  ])('allows other changes: %s', (line) => {
    expect(gate(`Stack spelo-byok-prod-api\n${line}`)).toBe(0);
  });

  test('stops if the diff could not be read', () => {
    expect(gate('AccessDenied', 1)).not.toBe(0);
  });

  test('is a valid bash script', () => {
    expect(execFileSync('bash', ['-n', join(FOLDER, 'gate.sh')], { encoding: 'utf8' })).toBe('');
  });
});
