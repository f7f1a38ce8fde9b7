import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { parseArchivedRows } from '../../../lambdas/adapters/aws/audit/archived-rows.ts';
import { kmsChainKeys } from '../../../lambdas/adapters/aws/audit/kms-chain-keys.ts';
import { kmsClient } from '../../../lambdas/adapters/aws/clients.ts';
import { kmsDerivationKeys } from '../../../lambdas/adapters/aws/kms-derivation-keys.ts';
import { ENVIRONMENTS, parseEnvironment } from '../../../lambdas/contract/environment.ts';
import type { AuditRow } from '../../../lambdas/domain/audit/audit-record.ts';
import { archiveLineOf } from '../../../lambdas/streams/audit-archiver.ts';
import { verifyArchivedRows } from '../../../lambdas/use-cases/audit/verify-archived-rows.ts';
import type { KmsCall } from '../../../local/kms/server.ts';
import { runOperatorCommand } from '../../support/operator-command.ts';
import { agreeing, MASTER_KEY, type Trail, trailRecord, without } from '../../support/reconciliation.ts';
import { startTestStack, type TestStack } from '../../support/stack.ts';
import { fakeKey, makeTenant, mint, putSiteKey, putWorkspaceKey } from '../../support/tenant.ts';

let dir = '';
beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), 'spelo-reconcile-'));
});
afterAll(() => {
  rmSync(dir, { recursive: true, force: true });
});

/** Runs the command over a log file, zipped, two folders down, and one audit file. */
const command = async (trail: Trail, audit: string, ...given: string[]) => {
  const folder = mkdtempSync(join(dir, 'run-'));
  const logs = join(folder, 'AWSLogs', 'CloudTrail');
  mkdirSync(join(folder, 'AWSLogs', 'CloudTrail-Digest'), { recursive: true });
  mkdirSync(logs, { recursive: true });
  writeFileSync(join(folder, 'AWSLogs', 'CloudTrail-Digest', 'digest.json'), '{"digestEndTime":""}');
  writeFileSync(join(logs, 'first.json.gz'), gzipSync(JSON.stringify({ Records: trail.slice(0, 1) })));
  writeFileSync(join(logs, 'second.json'), JSON.stringify({ Records: trail.slice(1) }));
  writeFileSync(join(folder, 'audit.ndjson'), audit);
  const paths = ['--cloudtrail', join(folder, 'AWSLogs'), '--audit', join(folder, 'audit.ndjson')];
  return runOperatorCommand('reconcile-cloudtrail', [...paths, ...given]);
};

describe('npm run reconcile', () => {
  const ndjson = (rows: readonly AuditRow[]): string => rows.map(archiveLineOf).join('\n');

  it('exits with 0 if both records agree, and with 1 and a table otherwise', async () => {
    const { trail, rows, session } = agreeing(3);
    const good = await command(trail, ndjson(rows));
    expect([good.code, good.stdout]).toEqual([0, expect.stringContaining('The two records agree.')]);
    const bad = await command(without(trail, session(1).call), ndjson(rows));
    expect(bad.code).toBe(1);
    expect(bad.stdout).toMatch(/row_without_decrypt {6}1/);
    const json = await command(without(trail, session(1).call), ndjson(rows), '--json');
    expect(JSON.parse(json.stdout)).toMatchObject({
      matched: 2,
      findings: [{ kind: 'row_without_decrypt' }],
    });
  });

  it('exits with 2 for a file that it cannot read, and names it', async () => {
    const result = await command(agreeing(1).trail, 'no row');
    expect(result.code).toBe(2);
    expect(result.stderr).toMatch(/audit\.ndjson could not be read\. Line 1/);
  });

  it('lets no foreign text begin a line or a terminal sequence', async () => {
    const { trail, rows } = agreeing(1);
    const evil = trailRecord({
      requestID: 'x\n\u001b[2Jy\u2028',
      encryptionContext: { 'spelo:scope': 'z' },
      keyArn: MASTER_KEY,
    });
    const { stdout } = await command([...trail, evil], ndjson(rows));
    expect(stdout).toContain('x??[2Jy?');
  });
});

describe('a run of the product', () => {
  let stack: TestStack | undefined;
  afterEach(async () => {
    await stack?.close();
  });

  it('has one audit row for each KMS decrypt, and none besides', async () => {
    stack = await startTestStack({ audited: false });
    const tenants = await Promise.all([makeTenant(stack), makeTenant(stack), makeTenant(stack)]);
    const [plain, own, failing] = tenants;
    await putWorkspaceKey(stack, plain, fakeKey());
    await putSiteKey(stack, own, fakeKey());
    await putWorkspaceKey(stack, failing, fakeKey());
    for (let i = 0; i < 10; i++) await mint(stack, i % 2 === 0 ? plain : own);
    stack.openAi?.inject({ status: 500, times: 3 });
    await mint(stack, failing);
    stack.openAi?.clearFaults();
    const path = `/v1/workspaces/${plain.workspaceId}/openai-key`;
    await stack.call('POST', `${path}/test`, { as: plain.owner });
    await stack.call('POST', `${path}/rotate`, { as: plain.owner });
    await mint(stack, plain);
    await mint(stack, plain, {}, 'https://elsewhere.example');
    await stack.streams.drain();

    const decrypts = stack.kms.calls.filter(({ operation }) => operation === 'Decrypt');
    const bucket = stack.variables['ARCHIVE_BUCKET'] ?? '';
    const objects = stack.s3.keys(bucket).map((key) => stack?.s3.read(bucket, key) ?? '');
    const result = await command(decrypts.map(asCloudTrail), objects.join(''), '--json');

    expect(JSON.parse(result.stdout)).toEqual({
      decrypts: decrypts.length,
      rows: decrypts.length,
      matched: decrypts.length,
      findings: [],
    });
    expect(decrypts.length).toBe(14);
    expect(result.code).toBe(0);

    const keys = kmsDerivationKeys(
      kmsClient(parseEnvironment(ENVIRONMENTS.audit, stack.variables)),
      stack.kms.keyArn('alias/spelo-byok/audit'),
    );
    const verdicts = await verifyArchivedRows(objects.flatMap(parseArchivedRows), kmsChainKeys(keys));
    expect([...verdicts.values()].map(({ intact }) => intact)).toEqual([true, true, true]);
  });
});

const asCloudTrail = ({ requestId, encryptionContext, errorName, keyArn, at, operation }: KmsCall) =>
  trailRecord({
    requestID: requestId,
    encryptionContext,
    errorCode: errorName,
    keyArn,
    eventTime: at,
    eventName: operation,
  });
