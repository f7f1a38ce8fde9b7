import type { DynamoDBRecord } from 'aws-lambda';
import type { AnomalySubject } from '../domain/anomalies/anomaly-record.ts';
import type { KeyUsageEvent } from '../domain/anomalies/key-usage-event.ts';
import type { KeyUsed } from '../domain/keys/key-used.ts';
import type { Notice } from '../domain/notices/notice.ts';
import type { SiteNotice } from '../domain/notices/site-notice.ts';
import type { PlanNotice } from '../domain/tenancy/plan-notice.ts';
import { framesOf, type Log } from '../telemetry/log.ts';
import type { StreamHandler } from './stream-handler.ts';

/** Sightings of one subject within a batch, in order, and the record that the first of them came from. */
interface Group {
  readonly subject: AnomalySubject;
  readonly usageEvents: KeyUsageEvent[];
  readonly first: number;
}

/** The latest use of one key within a batch, and the record that its first use came from. */
interface Use {
  readonly used: KeyUsed;
  readonly first: number;
}

/**
 * Watches the use of keys, and notes when each was last used. One read and one write per key and batch, however many
 * sessions it holds. When a key's part of a batch fails, everything from its first record on is delivered again; what was
 * counted already is not counted twice.
 */
export const anomalyDetector =
  (ports: {
    readonly sightingsOf: (record: DynamoDBRecord) => readonly KeyUsageEvent[];
    /** A notice for the workspace's owners that the record reports. */
    readonly noticeOf: (record: DynamoDBRecord) => PlanNotice | SiteNotice | undefined;
    readonly announceNotice: (notice: PlanNotice | SiteNotice) => Promise<void>;
    /** A notice for the webhooks of the workspace. */
    readonly webhookNoticeOf: (record: DynamoDBRecord) => Notice | undefined;
    readonly sendNotice: (notice: Notice) => Promise<void>;
    /** Looks for changes that the product did not make. */
    readonly examine: (record: DynamoDBRecord) => Promise<void>;
    readonly watch: (subject: AnomalySubject, usageEvents: readonly KeyUsageEvent[]) => Promise<void>;
    readonly keyUsedOf: (record: DynamoDBRecord) => KeyUsed | undefined;
    readonly noteKeyUse: (used: KeyUsed) => Promise<void>;
    readonly log: Log;
  }): StreamHandler =>
  async ({ Records }) => {
    const groups = new Map<string, Group>();
    const uses = new Map<string, Use>();
    let unreadable: number | undefined;
    for (const [index, record] of Records.entries()) {
      try {
        const notice = ports.noticeOf(record);
        if (notice !== undefined) await ports.announceNotice(notice);
        const webhookNotice = ports.webhookNoticeOf(record);
        if (webhookNotice !== undefined) await ports.sendNotice(webhookNotice);
        await ports.examine(record);
        for (const usageEvent of ports.sightingsOf(record)) addTo(groups, usageEvent, index);
        const used = ports.keyUsedOf(record);
        if (used !== undefined) addUse(uses, used, index);
      } catch (error) {
        logFailure(ports.log, record, error);
        unreadable = index;
        break;
      }
    }
    const attempt = async (first: number, work: () => Promise<void>): Promise<number | undefined> => {
      try {
        await work();
        return undefined;
      } catch (error) {
        logFailure(ports.log, Records[first], error);
        return first;
      }
    };
    const failed = await Promise.all([
      ...[...groups.values()].map(({ subject, usageEvents, first }) =>
        attempt(first, () => ports.watch(subject, usageEvents)),
      ),
      ...[...uses.values()].map(({ used, first }) => attempt(first, () => ports.noteKeyUse(used))),
    ]);
    const failures = [...failed, unreadable].filter((index) => index !== undefined);
    if (failures.length === 0) return { batchItemFailures: [] };
    const itemIdentifier = Records[Math.min(...failures)]?.dynamodb?.SequenceNumber ?? '';
    return { batchItemFailures: [{ itemIdentifier }] };
  };

const addTo = (groups: Map<string, Group>, usageEvent: KeyUsageEvent, index: number): void => {
  const { workspaceId, subject } = usageEvent;
  const name = `${workspaceId}\n${subject}`;
  const group = groups.get(name) ?? { subject: { workspaceId, subject }, usageEvents: [], first: index };
  group.usageEvents.push(usageEvent);
  groups.set(name, group);
};

const addUse = (uses: Map<string, Use>, used: KeyUsed, index: number): void => {
  const { scope, scopeId } = used.address;
  const name = `${scope}\n${scopeId}`;
  const before = uses.get(name);
  const isLatest = before === undefined || Date.parse(used.at) > Date.parse(before.used.at);
  uses.set(name, { used: isLatest ? used : before.used, first: before?.first ?? index });
};

const logFailure = (log: Log, record: DynamoDBRecord | undefined, error: unknown): void =>
  log.error('anomaly record failed', {
    stream_event_id: record?.eventID,
    sequence_number: record?.dynamodb?.SequenceNumber,
    error_name: error instanceof Error ? error.name : typeof error,
    frames: error instanceof Error ? framesOf(error) : undefined,
  });
