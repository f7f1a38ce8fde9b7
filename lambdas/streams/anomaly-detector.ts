import type { DynamoDBRecord } from 'aws-lambda';
import type { PlanNotice } from '../domain/plan-notice.ts';
import { framesOf, type Log } from '../http/log.ts';
import type { AnomalySubject } from '../use-cases/ports.ts';
import type { Sighting } from '../use-cases/watch-key-use.ts';
import type { StreamHandler } from './audit-projector.ts';

/** Sightings of one subject within a batch, in order, and the record that the first of them came from. */
interface Group {
  readonly subject: AnomalySubject;
  readonly sightings: Sighting[];
  readonly first: number;
}

/**
 * Watches the use of keys. One read and one write per key and batch, however many sessions it holds. When a key's part of a
 * batch fails, everything from its first record on is delivered again; what was counted already is not counted twice.
 */
export const anomalyDetector =
  (ports: {
    readonly sightingsOf: (record: DynamoDBRecord) => readonly Sighting[];
    /** A notice for the workspace's owners that the record tells of. */
    readonly noticeOf: (record: DynamoDBRecord) => PlanNotice | undefined;
    readonly announceNotice: (notice: PlanNotice) => Promise<void>;
    readonly watch: (subject: AnomalySubject, sightings: readonly Sighting[]) => Promise<void>;
    readonly log: Log;
  }): StreamHandler =>
  async ({ Records }) => {
    const groups = new Map<string, Group>();
    let unreadable: number | undefined;
    for (const [index, record] of Records.entries()) {
      try {
        const notice = ports.noticeOf(record);
        if (notice !== undefined) await ports.announceNotice(notice);
        for (const sighting of ports.sightingsOf(record)) addTo(groups, sighting, index);
      } catch (error) {
        logFailure(ports.log, record, error);
        unreadable = index;
        break;
      }
    }
    const failed = await Promise.all(
      [...groups.values()].map(async ({ subject, sightings, first }) => {
        try {
          await ports.watch(subject, sightings);
          return undefined;
        } catch (error) {
          logFailure(ports.log, Records[first], error);
          return first;
        }
      }),
    );
    const failures = [...failed, unreadable].filter((index) => index !== undefined);
    if (failures.length === 0) return { batchItemFailures: [] };
    const itemIdentifier = Records[Math.min(...failures)]?.dynamodb?.SequenceNumber ?? '';
    return { batchItemFailures: [{ itemIdentifier }] };
  };

const addTo = (groups: Map<string, Group>, sighting: Sighting, index: number): void => {
  const { workspaceId, subject } = sighting;
  const name = `${workspaceId}\n${subject}`;
  const group = groups.get(name) ?? { subject: { workspaceId, subject }, sightings: [], first: index };
  group.sightings.push(sighting);
  groups.set(name, group);
};

const logFailure = (log: Log, record: DynamoDBRecord | undefined, error: unknown): void =>
  log.error('anomaly record failed', {
    stream_event_id: record?.eventID,
    sequence_number: record?.dynamodb?.SequenceNumber,
    error_name: error instanceof Error ? error.name : typeof error,
    frames: error instanceof Error ? framesOf(error) : undefined,
  });
