import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeEach, describe, expect, it } from '@jest/globals';
import { isBreakGlass, shownIdentity } from '../../../tools/operator/identity.ts';
import { startAwsAccount } from '../../support/aws-account.ts';
import { tablesAt } from '../../support/key-tables.ts';
import { asOwner } from '../../support/keyed-tenant.ts';
import { LOCAL_CREDENTIALS, runOperatorCommand } from '../../support/operator-command.ts';
import { ROOT } from '../../support/source-files.ts';
import { startTestStack } from '../../support/stack.ts';
import { makeTenant, type Tenant } from '../../support/tenant.ts';

const stack = await startTestStack({ audited: false });
const tables = tablesAt(stack.dynamoDb.endpoint);
const aws = await startAwsAccount();
const folder = mkdtempSync(join(tmpdir(), 'spelo-identity-'));
const archive = join(folder, 'rows.ndjson');
writeFileSync(archive, '');
afterAll(async () => {
  rmSync(folder, { recursive: true });
  tables.close();
  await aws.close();
  await stack.close();
});
beforeEach(() => {
  aws.state.refusals.clear();
});

/** A command as an operator runs it. Its tables are those of the test; with STS it is the one of the account. */
const run = (
  name: string,
  given: readonly string[],
  variables: Readonly<Record<string, string | undefined>>,
) => runOperatorCommand(name, given, { ...stack.variables, ...LOCAL_CREDENTIALS, ...variables });

const withSts = { AWS_ENDPOINT_URL_STS: aws.url };

const setPlan = (tenant: Tenant, variables: Readonly<Record<string, string>> = {}) =>
  run('set-plan', ['--workspace', tenant.workspaceId, '--plan', 'pro'], variables);

const actorsOf = async (tenant: Tenant): Promise<readonly string[]> => {
  await stack.streams.drain();
  const { items } = await asOwner(
    stack,
    tenant,
    'GET',
    `/v1/workspaces/${tenant.workspaceId}/audit?type=workspace.plan_changed`,
  );
  return items.map(({ actor }: { actor: string }) => actor);
};

describe('the actor in an audit event of a command', () => {
  it('is the ARN of the credentials with the session name', async () => {
    const tenant = await makeTenant(stack);
    expect(await setPlan(tenant, withSts)).toMatchObject({ code: 0, stderr: '' });
    expect(await actorsOf(tenant)).toEqual([`operator:${aws.state.caller}`]);
  });

  it('can be found by its complete name, which the API accepts as a filter', async () => {
    const tenant = await makeTenant(stack);
    expect(await setPlan(tenant, withSts)).toMatchObject({ code: 0 });
    await stack.streams.drain();
    const actor = encodeURIComponent(`operator:${aws.state.caller}`);
    const { items } = await asOwner(
      stack,
      tenant,
      'GET',
      `/v1/workspaces/${tenant.workspaceId}/audit?actor=${actor}`,
    );
    expect(items).toHaveLength(1);
  });

  it('is the user of the machine in a local run without STS', async () => {
    const tenant = await makeTenant(stack);
    expect(await setPlan(tenant)).toMatchObject({ code: 0 });
    expect(await actorsOf(tenant)).toEqual([`operator:local:${userInfo().username}`]);
  });

  it('has at most 200 printable characters, and keeps the account and the name of the person', () => {
    const arn = (path: string): string => `arn:aws:iam::123456789012:user/${path}ada`;
    expect(shownIdentity(arn('ops/'))).toBe(arn('ops/'));
    const long = shownIdentity(arn('a/'.repeat(256)));
    expect(long).toHaveLength(200);
    expect(long).toMatch(/^arn:aws:iam::123456789012:user\/a\/.*\.\.\.a?\/.*\/ada$/);
    expect(shownIdentity('ada\u001b[2J\n\u202eevil')).toBe('ada?[2J??evil');
  });
});

describe('npm run stop under the break-glass role', () => {
  it('writes its event with that role, so that the detector finds the stop explained', async () => {
    const tenant = await makeTenant(stack);
    const caller = 'arn:aws:sts::123456789012:assumed-role/spelo-byok-dev-break-glass-eu-central-1/emergency';
    const usual = aws.state.caller;
    aws.state.caller = caller;
    try {
      expect(await run('stop', ['--sessions', '--workspace', tenant.workspaceId], withSts)).toMatchObject({
        code: 0,
        stderr: '',
      });
    } finally {
      aws.state.caller = usual;
    }
    const events = (await tables.scan('tenancy')).filter(({ pk }) => String(pk).startsWith('EVENTS#'));
    expect(events.map(({ pk, type }) => [pk, type])).toContainEqual([
      `EVENTS#break-glass#${tenant.workspaceId}`,
      'service.stopped',
    ]);
    await stack.streams.drain();
    const path = `/v1/workspaces/${tenant.workspaceId}/audit`;
    const { items } = await asOwner(stack, tenant, 'GET', `${path}?type=service.stopped`);
    expect(items).toMatchObject([{ actor: `operator:${caller}` }]);
    expect((await asOwner(stack, tenant, 'GET', `${path}?type=tampering.detected`)).items).toEqual([]);
  });

  it.each([
    ['arn:aws:sts::123456789012:assumed-role/spelo-byok-dev-break-glass-ap-southeast-1/ada', true],
    ['arn:aws-us-gov:sts::123456789012:assumed-role/spelo-byok-prod-break-glass-us-gov-west-1/ada', true],
    ['arn:aws:sts::123456789012:assumed-role/spelo-byok-dev-stop-eu-central-1/ada', false],
    ['arn:aws:sts::123456789012:assumed-role/spelo-byok-break-glass-x-stop-eu-central-1/ada', false],
    ['arn:aws:iam::123456789012:user/spelo-byok-dev-break-glass-eu-central-1/ada', false],
  ])('recognises %s as the break-glass role: %p', (arn, expected) => {
    expect(isBreakGlass({ sub: `operator:${arn}`, sourceIp: '' })).toBe(expected);
  });
});

/** Arguments with which each command would change something. */
const COMMANDS: Readonly<Record<string, readonly string[]>> = {
  'mark-keys': ['--audit', archive, '--apply'],
  'platform-key': [],
  'reapply-deletions': ['--audit', archive, '--apply'],
  'rebuild-usage': ['--repair'],
  restore: ['--from', 'restored', '--audit', archive, '--apply', '--progress', join(folder, 'progress.json')],
  'rewrap-keys': [],
  'set-plan': ['--workspace', 'abcdefghijkl', '--plan', 'pro'],
  stop: ['--sessions'],
};

const writesEvents = (file: string): boolean =>
  readFileSync(join(ROOT, 'tools/operator', file), 'utf8').includes('auditEvents: operatorAuditEvents');

describe('a command without a readable identity', () => {
  it('is one of these commands, each of which writes audit events', () => {
    const files = readdirSync(join(ROOT, 'tools/operator')).filter((file) => file.endsWith('.ts'));
    expect(
      files
        .filter(writesEvents)
        .map((file) => file.replace('.ts', ''))
        .sort(),
    ).toEqual(Object.keys(COMMANDS).sort());
  });

  it.each(Object.entries(COMMANDS))(
    'stops before it uses a table, with a sentence and a next step: %s',
    async (name, given) => {
      aws.state.refusals.set('GetCallerIdentity', {
        status: 403,
        code: 'ExpiredToken',
        message: 'The security token included in the request is expired',
      });
      // Nothing listens there: a command that reaches for a table first fails with another sentence.
      const { code, stdout, stderr } = await run(name, given, {
        ...withSts,
        AWS_ENDPOINT_URL_DYNAMODB: 'http://127.0.0.1:9',
        AWS_ENDPOINT_URL_KMS: 'http://127.0.0.1:9',
      });
      expect([code !== 0 && code !== null, stdout]).toEqual([true, '']);
      expect(stderr).toBe(
        'Your AWS identity, which the audit trail records, cannot be read. The AWS credentials have expired. Nothing was changed. Sign in with the AWS CLI (aws login, or aws sso login --profile NAME), or set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY. Then run the command again.\n',
      );
    },
  );

  it('stops also if the tables are remote and no STS endpoint is set', async () => {
    const { code, stderr } = await run('stop', ['--sessions'], {
      AWS_ENDPOINT_URL_DYNAMODB: 'https://dynamodb.us-east-1.invalid',
      HTTPS_PROXY: undefined,
      AWS_ACCESS_KEY_ID: undefined,
      AWS_SECRET_ACCESS_KEY: undefined,
      AWS_EC2_METADATA_DISABLED: 'true',
      AWS_CONFIG_FILE: join(folder, 'none'),
      AWS_SHARED_CREDENTIALS_FILE: join(folder, 'none'),
    });
    expect(code).toBe(1);
    expect(stderr).toContain('No AWS credentials were found. Nothing was changed.');
  });
});
