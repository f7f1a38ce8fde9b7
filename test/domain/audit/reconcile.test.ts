import { randomUUID } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import { parseArchivedRows } from '../../../lambdas/adapters/aws/audit/archived-rows.ts';
import { parseCloudTrail } from '../../../lambdas/adapters/aws/audit/cloudtrail-records.ts';
import type { AuditRow } from '../../../lambdas/domain/audit/audit-record.ts';
import { aboutSealedKeys } from '../../../lambdas/domain/audit/decrypt-call.ts';
import { archiveLineOf } from '../../../lambdas/streams/audit-archiver.ts';
import { verifyArchivedRows } from '../../../lambdas/use-cases/audit/verify-archived-rows.ts';
import {
  AT,
  agreeing,
  exchanged,
  judged,
  kindsOf,
  MASTER_KEY,
  trailRecord,
  without,
} from '../../support/reconciliation.ts';

describe('the reconciliation of CloudTrail and the audit trail', () => {
  it('finds nothing if both records agree at every scope', () => {
    const { trail, rows } = agreeing(6);
    expect(judged(trail, rows)).toEqual({ decrypts: 6, rows: 6, matched: 6, findings: [] });
  });

  it('counts duplicate records once', () => {
    const { trail, rows } = agreeing(3);
    expect(judged([...trail, ...trail], [...rows, ...rows])).toMatchObject({ matched: 3, findings: [] });
  });

  it('ignores calls of other keys, operations and services', () => {
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

  it('reports a decrypt without an audit row', () => {
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

  it('reports a decrypt on the master key without an encryption context', () => {
    const { trail, rows } = agreeing(1);
    const bare = trailRecord({ requestID: 'bare', keyArn: MASTER_KEY });
    expect(kindsOf(judged([...trail, bare], rows))).toEqual(['decrypt_without_row']);
  });

  it('reports an audit row without a decrypt', () => {
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
    'reports a pair that disagrees on %s',
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

  it('reports a failed decrypt, with and without an audit row', () => {
    const { trail, rows, session } = agreeing(2);
    const { call } = session(0);
    const failed = { ...call, errorCode: 'InvalidCiphertextException' };
    expect(kindsOf(judged(exchanged(trail, call, failed), rows))).toEqual(['failed_decrypt']);
    const denied = trailRecord({ requestID: 'denied', errorCode: 'AccessDenied', keyArn: MASTER_KEY });
    const result = judged([...trail, denied], rows);
    expect(kindsOf(result)).toEqual(['failed_decrypt']);
    expect(result.findings[0]?.detail).toContain('assumed-role/spelo-byok-token');
  });

  it('reports an intent without an outcome, and an outcome without an intent', () => {
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

  it('reports a request ID that appears in two rows or two calls', () => {
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

  it('reports two different rows with the same sequence', () => {
    const { trail, rows, session } = agreeing(1);
    const other = { ...session(0).outcome, actor: 'somebody else' };
    expect(kindsOf(judged(trail, [...rows, other]))).toEqual(['conflicting_rows']);
  });

  it('reports only records in the window, but matches them with records outside', () => {
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

  it('refuses records that it cannot read', () => {
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

describe('the chain in the audit archive', () => {
  const chainKeys = { keyOf: async () => Buffer.alloc(32) };
  const verdictOn = async (rows: readonly AuditRow[]) => {
    const [verdict] = (await verifyArchivedRows(rows, chainKeys)).values();
    return verdict;
  };
  const chain = (): AuditRow[] => agreeing(1).rows;

  it('verifies in any order and with duplicate rows', async () => {
    const rows = chain();
    expect(await verdictOn([...rows, ...rows].reverse())).toMatchObject({ intact: true, rows: 2 });
  });

  it.each([
    ['altered', (rows: AuditRow[]) => rows.map((row) => ({ ...row, actor: 'somebody else' })), 1],
    ['missing', (rows: AuditRow[]) => rows.slice(1), 1],
    ['out_of_order', (rows: AuditRow[]) => rows.flatMap((row) => [row, { ...row, actor: 'x' }]), 1],
  ] as const)('reports a row that is %s', async (fault, damage, sequence) => {
    expect((await verdictOn(damage(chain())))?.broken).toEqual({ sequence, fault });
  });
});

describe('a KMS Decrypt call', () => {
  const call = (keyArn: string) => ({
    requestId: 'request',
    eventId: 'event',
    at: AT,
    keyArns: [keyArn],
    encryptionContext: {},
    errorCode: undefined,
    principal: undefined,
  });
  const replicated = (region: string, id = 'mrk-1234abcd12ab34cd56ef1234567890ab') =>
    `arn:aws:kms:${region}:000000000000:key/${id}`;

  it('on a replica of a master key in another region counts as a use of sealed keys', () => {
    expect(aboutSealedKeys([call(replicated('eu-west-1'))], [replicated('us-east-1')])).toHaveLength(1);
  });

  it('on another key, or on a single-region key with the same ID elsewhere, does not count as a use of sealed keys', () => {
    expect(aboutSealedKeys([call(replicated('us-east-1', 'mrk-ffff'))], [replicated('us-east-1')])).toEqual(
      [],
    );
    expect(
      aboutSealedKeys([call(replicated('eu-west-1', 'plain'))], [replicated('us-east-1', 'plain')]),
    ).toEqual([]);
  });
});
