import { execFile } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { gzipSync } from 'node:zlib';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { parseArchivedRows } from '../../../lambdas/adapters/aws/audit/archived-rows.ts';
import { parseCloudTrail } from '../../../lambdas/adapters/aws/audit/cloudtrail-records.ts';
import { kmsChainKeys } from '../../../lambdas/adapters/aws/audit/kms-chain-keys.ts';
import { kmsClient } from '../../../lambdas/adapters/aws/clients.ts';
import { kmsDerivationKeys } from '../../../lambdas/adapters/aws/kms-derivation-keys.ts';
import { ENVIRONMENTS, parseEnvironment } from '../../../lambdas/contract/environment.ts';
import {
  type AuditEventType,
  type AuditFacts,
  type AuditRow,
  chainRow,
  emptyChain,
} from '../../../lambdas/domain/audit/audit-record.ts';
import { aboutSealedKeys } from '../../../lambdas/domain/audit/decrypt-call.ts';
import { isInWindow, type Reconciliation, reconcile } from '../../../lambdas/domain/audit/reconcile.ts';
import { encryptionContextOf, type KeyBinding } from '../../../lambdas/domain/keys/sealed-key.ts';
import { archiveLineOf } from '../../../lambdas/streams/audit-archiver.ts';
import { verifyArchivedRows } from '../../../lambdas/use-cases/audit/verify-archived-rows.ts';
import type { KmsCall } from '../../../local/kms/server.ts';
import { ROOT } from '../../support/source-files.ts';
import { startTestStack, type TestStack } from '../../support/stack.ts';
import { fakeKey, makeTenant, mint, putSiteKey, putWorkspaceKey } from '../../support/tenant.ts';

const MASTER_KEY = 'arn:aws:kms:us-east-1:000000000000:key/master';
const AT = '2026-11-05T12:00:00.000Z';

interface TrailRecord {
  readonly requestID?: string | null;
  readonly encryptionContext?: Readonly<Record<string, string>> | undefined;
  readonly errorCode?: string | undefined;
  readonly keyArn?: string | undefined;
  readonly eventName?: string;
  readonly eventSource?: string;
  readonly eventTime?: string;
}

/** A record as CloudTrail writes one for a KMS call. A refused call has neither resources nor, often, parameters. */
const trailRecord = ({ requestID, encryptionContext, errorCode, keyArn, ...event }: TrailRecord) => ({
  eventVersion: '1.11',
  userIdentity: {
    type: 'AssumedRole',
    arn: 'arn:aws:sts::000000000000:assumed-role/spelo-byok-token/session',
    accountId: '000000000000',
  },
  eventTime: AT,
  eventSource: 'kms.amazonaws.com',
  eventName: 'Decrypt',
  awsRegion: 'us-east-1',
  requestParameters:
    encryptionContext === undefined ? null : { encryptionContext, encryptionAlgorithm: 'SYMMETRIC_DEFAULT' },
  responseElements: null,
  requestID,
  eventID: randomUUID(),
  readOnly: true,
  resources:
    keyArn === undefined ? null : [{ accountId: '000000000000', type: 'AWS::KMS::Key', ARN: keyArn }],
  eventType: 'AwsApiCall',
  managementEvent: true,
  ...(errorCode !== undefined && { errorCode, errorMessage: 'Refused.' }),
  ...event,
});

type Trail = ReturnType<typeof trailRecord>[];

/** The two records of `count` sessions that agree, for a test to take apart. */
const agreeing = (
  count: number,
): { trail: Trail; rows: AuditRow[]; session(index: number): SessionRecords } => {
  const sessions = Array.from({ length: count }, (_, index) => sessionRecords(index));
  return {
    trail: sessions.map(({ call }) => call),
    rows: sessions.flatMap(({ reserved, outcome }) => [reserved, outcome]),
    session: (index) => {
      const found = sessions[index];
      if (found === undefined) throw new Error('There is no such session.');
      return found;
    },
  };
};

interface SessionRecords {
  readonly call: Trail[number];
  readonly reserved: AuditRow;
  readonly outcome: AuditRow;
}

/** At workspace, site and platform scope in turn. */
const sessionRecords = (index: number): SessionRecords => {
  const workspaceId = `workspace${index}`;
  const siteId = `${workspaceId}site`;
  const scope = (['workspace', 'site', 'platform'] as const)[index % 3] ?? 'workspace';
  const binding: KeyBinding = {
    scope,
    scopeId: { workspace: workspaceId, site: siteId, platform: 'platform' }[scope],
    workspaceId: scope === 'platform' ? 'platform' : workspaceId,
    version: index + 1,
  };
  const requestId = randomUUID();
  const facts = { key_scope: scope, key_version: index + 1 };
  const reserved = rowAfter(undefined, 'session.reserved', workspaceId, siteId, facts);
  return {
    call: trailRecord({
      requestID: requestId,
      encryptionContext: encryptionContextOf(binding),
      keyArn: MASTER_KEY,
    }),
    reserved,
    outcome: rowAfter(reserved, 'session.issued', workspaceId, siteId, {
      ...facts,
      kms_request_id: requestId,
    }),
  };
};

const rowAfter = (
  before: AuditRow | undefined,
  type: AuditEventType,
  workspaceId: string,
  siteId: string,
  facts: AuditFacts,
): AuditRow =>
  chainRow(
    {
      eventId: `${workspaceId}:${type}`,
      workspaceId,
      type,
      at: AT,
      actor: 'visitor',
      siteId,
      sessionId: `ses_${workspaceId}`,
      ipHash: 'hash',
      facts,
    },
    before ?? emptyChain(workspaceId),
    Buffer.alloc(32),
  );

const judged = (trail: Trail, rows: readonly AuditRow[], window = {}): Reconciliation =>
  reconcile(
    {
      decrypts: aboutSealedKeys(parseCloudTrail(JSON.stringify({ Records: trail })), [MASTER_KEY]),
      rows: parseArchivedRows(rows.map(archiveLineOf).join('\n')),
    },
    isInWindow(window),
  );

const without = <Item>(items: readonly Item[], item: Item): Item[] => items.filter((each) => each !== item);
const exchanged = <Item>(items: readonly Item[], before: Item, after: Item): Item[] =>
  items.map((each) => (each === before ? after : each));
const kindsOf = ({ findings }: Reconciliation): string[] => findings.map(({ kind }) => kind).sort();

describe('the reconciliation', () => {
  it('finds nothing where both records agree, at every scope', () => {
    const { trail, rows } = agreeing(6);
    expect(judged(trail, rows)).toEqual({ decrypts: 6, rows: 6, matched: 6, findings: [] });
  });

  it('takes records that are there twice once', () => {
    const { trail, rows } = agreeing(3);
    expect(judged([...trail, ...trail], [...rows, ...rows])).toMatchObject({ matched: 3, findings: [] });
  });

  it('leaves calls of others and other calls alone', () => {
    const { trail, rows } = agreeing(1);
    const foreign = [
      trailRecord({ requestID: 'a', eventName: 'GenerateDataKey', keyArn: MASTER_KEY }),
      trailRecord({
        requestID: 'b',
        keyArn: 'arn:other',
        encryptionContext: { 'aws:dynamodb:tableName': 'keys' },
      }),
      trailRecord({ requestID: 'c', eventSource: 'secretsmanager.amazonaws.com' }),
    ];
    expect(judged([...trail, ...foreign], rows)).toMatchObject({ decrypts: 1, matched: 1, findings: [] });
  });

  it('names a decrypt without a row', () => {
    const { trail, rows, session } = agreeing(3);
    const extra = trailRecord({
      requestID: 'extra',
      encryptionContext: session(0).call.requestParameters?.encryptionContext,
      keyArn: MASTER_KEY,
    });
    const result = judged([...trail, extra], rows);
    expect(result).toMatchObject({ decrypts: 4, rows: 3, matched: 3 });
    expect(result.findings).toEqual([
      expect.objectContaining({
        kind: 'decrypt_without_row',
        kms_request_id: 'extra',
        cloudtrail_event_id: extra.eventID,
      }),
    ]);
  });

  it('names a decrypt on the master key that carries no context at all', () => {
    const { trail, rows } = agreeing(1);
    const bare = trailRecord({ requestID: 'bare', keyArn: MASTER_KEY });
    expect(kindsOf(judged([...trail, bare], rows))).toEqual(['decrypt_without_row']);
  });

  it('names a row without a decrypt', () => {
    const { trail, rows, session } = agreeing(3);
    const { call, outcome } = session(1);
    const result = judged(without(trail, call), rows);
    expect(result.findings).toEqual([
      {
        kind: 'row_without_decrypt',
        at: AT,
        kms_request_id: call.requestID,
        workspace_id: outcome.workspaceId,
        sequence: 2,
        session_id: outcome.sessionId,
      },
    ]);
  });

  it.each(['spelo:workspace_id', 'spelo:scope', 'spelo:scope_id', 'spelo:key_version', 'spelo:extra'])(
    'names a pair that disagrees on %s',
    (name) => {
      const { trail, rows, session } = agreeing(3);
      for (const index of [0, 1, 2]) {
        const { call } = session(index);
        const context = { ...call.requestParameters?.encryptionContext, [name]: 'other' };
        const changed = {
          ...call,
          requestParameters: { encryptionContext: context, encryptionAlgorithm: '' },
        };
        const result = judged(exchanged(trail, call, changed), rows);
        expect(result.matched).toBe(2);
        expect(result.findings).toEqual([
          expect.objectContaining({
            kind: 'context_mismatch',
            kms_request_id: call.requestID,
            detail: expect.stringContaining(`${name}: KMS other`),
          }),
        ]);
      }
    },
  );

  it('names a failed decrypt, with its row and without', () => {
    const { trail, rows, session } = agreeing(2);
    const { call } = session(0);
    const failed = { ...call, errorCode: 'InvalidCiphertextException' };
    expect(kindsOf(judged(exchanged(trail, call, failed), rows))).toEqual(['failed_decrypt']);
    const denied = trailRecord({ requestID: 'denied', errorCode: 'AccessDenied', keyArn: MASTER_KEY });
    const result = judged([...trail, denied], rows);
    expect(kindsOf(result)).toEqual(['failed_decrypt']);
    expect(result.findings[0]?.detail).toContain('assumed-role/spelo-byok-token');
  });

  it('names an intent without an outcome, and an outcome without an intent', () => {
    const { trail, rows, session } = agreeing(2);
    const { call, reserved, outcome } = session(0);
    expect(kindsOf(judged(without(trail, call), without(rows, outcome)))).toEqual(['intent_without_outcome']);
    // KMS had decrypted for it: the crash came later.
    expect(kindsOf(judged(trail, without(rows, outcome)))).toEqual([
      'decrypt_without_row',
      'intent_without_outcome',
    ]);
    expect(kindsOf(judged(trail, without(rows, reserved)))).toEqual(['outcome_without_intent']);
  });

  it('names a request id that two rows, or two calls, claim', () => {
    const { trail, rows, session } = agreeing(2);
    const [first, second] = [session(0), session(1)];
    const claiming = {
      ...second.outcome,
      facts: { ...second.outcome.facts, kms_request_id: String(first.call.requestID) },
    };
    expect(kindsOf(judged(trail, exchanged(rows, second.outcome, claiming)))).toEqual([
      'decrypt_without_row',
      'request_id_repeated',
    ]);
    const again = { ...first.call, eventID: randomUUID() };
    expect(kindsOf(judged([...trail, again], rows))).toEqual(['request_id_repeated', 'request_id_repeated']);
  });

  it('names two different rows at one place', () => {
    const { trail, rows, session } = agreeing(1);
    const other = { ...session(0).outcome, actor: 'somebody else' };
    expect(kindsOf(judged(trail, [...rows, other]))).toEqual(['conflicting_rows']);
  });

  it('judges only what lies in the window, and joins with what lies outside', () => {
    const { trail, rows, session } = agreeing(2);
    const { call } = session(0);
    const late = { ...call, eventTime: '2026-11-05T13:00:00Z' };
    const stray = trailRecord({ requestID: 'x', keyArn: MASTER_KEY, eventTime: '2026-11-05T14:00:00Z' });
    const window = { from: '2026-11-05T12:00:00Z', to: '2026-11-05T13:00:00Z' };
    expect(judged([...exchanged(trail, call, late), stray], rows, window)).toEqual({
      decrypts: 1,
      rows: 2,
      matched: 1,
      findings: [],
    });
  });

  it('refuses what it cannot read instead of passing it over', () => {
    expect(() =>
      parseCloudTrail('{"Records":[{"eventSource":"kms.amazonaws.com","eventName":"Decrypt"}]}'),
    ).toThrow();
    expect(() => parseCloudTrail('{}')).toThrow();
    const [row] = agreeing(1).rows;
    if (row === undefined) throw new Error('There is no row.');
    expect(() => parseArchivedRows(`${archiveLineOf(row)}\n{"sequence":1}`)).toThrow(
      'Line 2 is not an audit row.',
    );
  });
});

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
  return promisify(execFile)(
    process.execPath,
    ['tools/operator/reconcile-cloudtrail.ts', ...paths, ...given],
    {
      cwd: ROOT,
    },
  ).then(
    ({ stdout, stderr }) => ({ code: 0, stdout, stderr }),
    (error: { code: number; stdout: string; stderr: string }) => error,
  );
};

describe('npm run reconcile', () => {
  const ndjson = (rows: readonly AuditRow[]): string => rows.map(archiveLineOf).join('\n');

  it('exits with 0 when both agree and with 1 and a table when they do not', async () => {
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

  it('exits with 2 on a file that it cannot read, and names it', async () => {
    const result = await command(agreeing(1).trail, 'no row');
    expect(result.code).toBe(2);
    expect(result.stderr).toMatch(/audit\.ndjson could not be read\. Line 1/);
  });

  it('lets no text from outside start a line or a terminal sequence', async () => {
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

describe('the chain in the archive', () => {
  const chainKeys = { keyOf: async () => Buffer.alloc(32) };
  const verdictOn = async (rows: readonly AuditRow[]) => {
    const [verdict] = (await verifyArchivedRows(rows, chainKeys)).values();
    return verdict;
  };
  const chain = (): AuditRow[] => agreeing(1).rows;

  it('is whole in any order and with rows that are there twice', async () => {
    const rows = chain();
    expect(await verdictOn([...rows, ...rows].reverse())).toMatchObject({ intact: true, rows: 2 });
  });

  it.each([
    ['altered', (rows: AuditRow[]) => rows.map((row) => ({ ...row, actor: 'somebody else' })), 1],
    ['missing', (rows: AuditRow[]) => rows.slice(1), 1],
    ['out_of_order', (rows: AuditRow[]) => rows.flatMap((row) => [row, { ...row, actor: 'x' }]), 1],
  ] as const)('names a row that is %s', async (fault, damage, sequence) => {
    expect((await verdictOn(damage(chain())))?.broken).toEqual({ sequence, fault });
  });
});

describe('a run of the broker', () => {
  let stack: TestStack | undefined;
  afterEach(async () => {
    await stack?.close();
  });

  it('has one audit row for each decrypt in KMS, and nothing to add on either side', async () => {
    stack = await startTestStack();
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
