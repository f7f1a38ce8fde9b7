import { randomUUID } from 'node:crypto';
import { parseArchivedRows } from '../../lambdas/adapters/aws/audit/archived-rows.ts';
import { parseCloudTrail } from '../../lambdas/adapters/aws/audit/cloudtrail-records.ts';
import {
  type AuditEventType,
  type AuditFacts,
  type AuditRow,
  chainRow,
  emptyChain,
} from '../../lambdas/domain/audit/audit-record.ts';
import { aboutSealedKeys } from '../../lambdas/domain/audit/decrypt-call.ts';
import { isInWindow, type Reconciliation, reconcile } from '../../lambdas/domain/audit/reconcile.ts';
import { encryptionContextOf, type KeyBinding } from '../../lambdas/domain/keys/sealed-key.ts';
import { archiveLineOf } from '../../lambdas/streams/audit-archiver.ts';

/** CloudTrail records and audit rows of sessions, as text, and the result of their reconciliation. */

export const MASTER_KEY = 'arn:aws:kms:us-east-1:000000000000:key/master';
export const AT = '2026-11-05T12:00:00.000Z';

interface TrailRecord {
  readonly requestID?: string | null;
  readonly encryptionContext?: Readonly<Record<string, string>> | undefined;
  readonly errorCode?: string | undefined;
  readonly keyArn?: string | undefined;
  readonly eventName?: string;
  readonly eventSource?: string;
  readonly eventTime?: string;
}

/** A CloudTrail record of a KMS call. A refused call has neither resources nor, often, parameters. */
export const trailRecord = ({ requestID, encryptionContext, errorCode, keyArn, ...event }: TrailRecord) => ({
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

export type Trail = ReturnType<typeof trailRecord>[];

/** The two records of `count` sessions that agree, for a test to take apart. */
export const agreeing = (
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

export const judged = (trail: Trail, rows: readonly AuditRow[], window = {}): Reconciliation =>
  reconcile(
    {
      decrypts: aboutSealedKeys(parseCloudTrail(JSON.stringify({ Records: trail })), [MASTER_KEY]),
      rows: parseArchivedRows(rows.map(archiveLineOf).join('\n')),
    },
    isInWindow(window),
  );

export const without = <Item>(items: readonly Item[], item: Item): Item[] =>
  items.filter((each) => each !== item);
export const exchanged = <Item>(items: readonly Item[], before: Item, after: Item): Item[] =>
  items.map((each) => (each === before ? after : each));
export const kindsOf = ({ findings }: Reconciliation): string[] => findings.map(({ kind }) => kind).sort();
