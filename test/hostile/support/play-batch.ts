import type { DynamoDBRecord } from 'aws-lambda';
import { auditRowOf } from '../../../lambdas/adapters/aws/audit/audit-row-of-record.ts';
import { auditEventOf } from '../../../lambdas/adapters/aws/audit/stream-events.ts';
import type { StreamHandler } from '../../../lambdas/streams/stream-handler.ts';
import type { BatchCase, Templates } from './stream-cases.ts';
import type { HostileWorld } from './world.ts';

interface Delivered {
  readonly deadLetters: readonly DynamoDBRecord[];
  readonly faults: readonly string[];
}

const numberOf = (record: DynamoDBRecord | undefined): string => record?.dynamodb?.SequenceNumber ?? '';

/**
 * Delivers a batch as an event source mapping does: again from the failed record, and a record that fails at the head
 * of a batch is set aside, which is the effect of bisection.
 */
const deliver = async (handler: StreamHandler, records: readonly DynamoDBRecord[]): Promise<Delivered> => {
  const faults: string[] = [];
  const deadLetters: DynamoDBRecord[] = [];
  let rest = records;
  while (rest.length > 0) {
    const answer = await handler({ Records: [...rest] }).catch((error: unknown) => {
      faults.push(`the function throws ${error instanceof Error ? error.name : typeof error}`);
      return undefined;
    });
    if (answer === undefined) break;
    const [failure, ...more] = answer.batchItemFailures;
    if (more.length > 0) faults.push('more than one record is reported');
    if (failure === undefined) break;
    const at = rest.findIndex((record) => numberOf(record) === failure.itemIdentifier);
    if (at === -1) {
      faults.push(`reports a record that was not in the batch: ${failure.itemIdentifier}`);
      break;
    }
    if (at === 0) deadLetters.push(...rest.slice(0, 1));
    rest = rest.slice(Math.max(1, at));
  }
  return { deadLetters, faults };
};

/** Plays a batch at every function behind its stream. No good record may be lost or set aside because of a bad one. */
export const playBatch = async (
  world: HostileWorld,
  templates: Templates,
  given: BatchCase,
): Promise<string[]> => {
  const { recording, watching } = world.functions;
  const { records, good } = templates.recordsOf(given);
  const isGood = (record: DynamoDBRecord): boolean => good.has(numberOf(record));
  const bucket = world.stack.variables['ARCHIVE_BUCKET'] ?? '';
  const archivedBefore = new Set(world.stack.s3.keys(bucket));
  const faults: string[] = [];
  let setAside: ReadonlySet<DynamoDBRecord> = new Set();
  for (const [name, handler] of [
    ['recorder', recording[given.table]],
    ['detector', watching[given.table]],
  ] as const) {
    if (handler === undefined) continue;
    world.take();
    const delivered = await deliver(handler, records);
    const { lines } = world.take();
    if (name === 'recorder') setAside = new Set(delivered.deadLetters);
    faults.push(
      ...delivered.faults.map((fault) => `${name}: ${fault}`),
      ...delivered.deadLetters
        .filter(isGood)
        .map((record) => `${name}: a good record is set aside: ${record.eventID}`),
      ...lines.flatMap(lineFaults).map((fault) => `${name}: ${fault}`),
    );
    if (delivered.deadLetters.length > lines.filter((line) => line.includes('"ERROR"')).length)
      faults.push(`${name}: a record is set aside without a line in the log`);
  }
  const archived = world.stack.s3
    .keys(bucket)
    .filter((key) => !archivedBefore.has(key))
    .map((key) => world.stack.s3.read(bucket, key) ?? '')
    .join('\n');
  const expected = records.filter(isGood);
  const silent = unreadable(given, records).filter((record) => !setAside.has(record));
  return [
    ...faults,
    ...silent.map(({ eventID }) => `a record that cannot be read is passed over in silence: ${eventID}`),
    ...(given.table === 'audit' ? unarchived(expected, archived) : await unprojected(templates, expected)),
  ];
};

/** Records that should give a row and do not: reading them throws. */
const unreadable = ({ table }: BatchCase, records: readonly DynamoDBRecord[]): DynamoDBRecord[] =>
  records.filter((record) => {
    try {
      if (table === 'audit') auditRowOf(record);
      else auditEventOf(record);
      return false;
    } catch {
      return true;
    }
  });

const unarchived = (good: readonly DynamoDBRecord[], archived: string): string[] =>
  good
    .flatMap((record) => auditRowOf(record) ?? [])
    .filter(({ eventId }) => !archived.includes(eventId))
    .map(({ eventId }) => `a good row is not in the archive: ${eventId}`);

const unprojected = async ({ isOnTrail }: Templates, good: readonly DynamoDBRecord[]): Promise<string[]> => {
  const events = good.flatMap((record) => auditEventOf(record) ?? []);
  const missing = await Promise.all(
    events.map(async ({ workspaceId, eventId }) =>
      (await isOnTrail(workspaceId, eventId)) ? [] : [eventId],
    ),
  );
  return missing.flat().map((eventId) => `a good event is not on the trail: ${eventId}`);
};

const FIELDS = new Set([
  'level',
  'message',
  'timestamp',
  'stream_event_id',
  'sequence_number',
  'error_name',
  'frames',
  'workspace_id',
  'incidents',
  'incident_id',
  'kind',
]);

/** One line of JSON for each failure, which says where and never what stood in the record. */
const lineFaults = (line: string): string[] => {
  if (/[\p{Cc}\p{Zl}\p{Zp}]/u.test(line)) return [`a line with control characters: ${JSON.stringify(line)}`];
  const entry = JSON.parse(line) as Readonly<Record<string, unknown>>;
  const strangers = Object.keys(entry).filter((name) => !FIELDS.has(name));
  const talkative = Object.values(entry).some((value) => String(value).length > 2_000);
  return [
    ...strangers.map((name) => `the log says ${name}`),
    ...(talkative ? [`a long line: ${line.slice(0, 300)}`] : []),
  ];
};
