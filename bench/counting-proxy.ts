import { TABLES, type TableDefinition } from '../lambdas/contract/tables.ts';
import { type Relay, startRelay } from './relay.ts';

/** The units that DynamoDB would charge, counted from requests and answers on the wire. */
export interface Counts {
  readonly calls: number;
  /** Items put, updated, deleted; each item of a transaction is one. */
  readonly writes: number;
  /** Bytes of the items after those writes, as DynamoDB measures items. */
  readonly bytesWritten: number;
  /** 1 for each begun KiB of an item, twice that in a transaction; one for an index whose keys change. */
  readonly writeUnits: number;
  /** 1 for each begun 4 KiB, strongly consistent; an item that is read by its key is taken to have no more. */
  readonly readUnits: number;
}

/** Of one table. */
export type Units = Pick<Counts, 'writeUnits' | 'readUnits'>;

export interface CountingProxy extends Relay {
  /** Since the start. */
  counts(): Counts;
  /** The units of it by table. */
  units(): Readonly<Record<string, Units>>;
  /** Requests that DynamoDB's rules refused, each with its message. Our code must never send one. */
  refusals(): readonly string[];
}

type Json = Readonly<Record<string, unknown>>;

/**
 * Size of an item: https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/CapacityUnitCalculations.html
 * A number is taken as half a byte for each digit and one more.
 */
const valueSize = (value: Json): number => {
  const [[type, content] = ['NULL', true]] = Object.entries(value);
  if (type === 'S') return Buffer.byteLength(String(content));
  if (type === 'N') return Math.ceil(String(content).length / 2) + 1;
  if (type === 'B') return Buffer.byteLength(String(content), 'base64');
  if (type === 'M') return 3 + itemSize(content as Json) + Object.keys(content as Json).length;
  if (type === 'L') return (content as Json[]).reduce((sum, each) => sum + valueSize(each) + 1, 3);
  return 1;
};

const itemSize = (item: Json): number =>
  Object.entries(item).reduce(
    (sum, [name, value]) => sum + Buffer.byteLength(name) + valueSize(value as Json),
    0,
  );

/** The keys of a table's index; none of a table without one. */
const indexKeysOf = (table: unknown): readonly string[] => {
  const { index } = Object.values<TableDefinition>(TABLES).find(({ name }) => name === table) ?? {};
  return index === undefined ? [] : [index.partitionKey, index.sortKey];
};

/** Passes every call on and counts it. */
export const startCountingProxy = async (): Promise<CountingProxy> => {
  const counts = { calls: 0, writes: 0, bytesWritten: 0, writeUnits: 0, readUnits: 0 };
  const tables: Record<string, { writeUnits: number; readUnits: number }> = {};
  const charge = (table: unknown, units: Units): void => {
    counts.writeUnits += units.writeUnits;
    counts.readUnits += units.readUnits;
    tables[String(table)] ??= { writeUnits: 0, readUnits: 0 };
    const of = tables[String(table)] ?? { writeUnits: 0, readUnits: 0 };
    of.writeUnits += units.writeUnits;
    of.readUnits += units.readUnits;
  };
  /** The known size of each item, so that an update is measured by the whole item. */
  const items = new Map<string, { size: number; index: string }>();

  const write = (kind: string, request: Json, times: 1 | 2): void => {
    const given = (request['Item'] ?? request['Key']) as Json;
    const id = JSON.stringify([request['TableName'], given['pk'], given['sk']]);
    const before = items.get(id) ?? { size: 0, index: '' };
    const values = (request['ExpressionAttributeValues'] ?? {}) as Json;
    const put = kind === 'Put';
    const indexKeys = put ? indexKeysOf(request['TableName']).map((name) => given[name]) : [];
    const index = put ? (indexKeys[0] === undefined ? '' : JSON.stringify(indexKeys)) : before.index;
    // Assumes that an update adds all its values once, which is an overestimate if the update fails.
    const size =
      kind === 'Delete'
        ? 0
        : put
          ? itemSize(given)
          : Math.max(before.size, itemSize(given) + itemSize(values));
    const ofIndex = index === before.index ? 0 : index !== '' && before.index !== '' ? 2 : 1;
    items.set(id, { size, index });
    counts.writes += 1;
    counts.bytesWritten += size;
    const ofItem = times * Math.max(1, Math.ceil(Math.max(size, before.size) / 1_024));
    charge(request['TableName'], { writeUnits: ofItem + ofIndex, readUnits: 0 });
  };

  const countRequest = (operation: string, body: Json): void => {
    counts.calls += 1;
    const single = /^(Put|Update|Delete)Item$/.exec(operation)?.[1];
    if (single !== undefined) write(single, body, 1);
    if (operation === 'TransactWriteItems')
      for (const part of body['TransactItems'] as Json[])
        for (const [kind, each] of Object.entries(part)) write(kind, each as Json, 2);
    if (operation === 'BatchGetItem')
      for (const [table, { Keys, ConsistentRead }] of Object.entries(
        body['RequestItems'] as Readonly<Record<string, { Keys: Json[]; ConsistentRead?: boolean }>>,
      ))
        charge(table, { writeUnits: 0, readUnits: Keys.length * (ConsistentRead === true ? 1 : 0.5) });
    if (operation === 'GetItem') charge(body['TableName'], { writeUnits: 0, readUnits: 1 });
  };

  const refusals: string[] = [];
  const countAnswer = (operation: string, request: string, answer: string): void => {
    if (answer.includes('#ValidationException"'))
      refusals.push(`${operation}: ${(JSON.parse(answer) as { message?: string }).message}`);
    if (operation !== 'Query') return;
    const { Items = [] } = JSON.parse(answer) as { Items?: Json[] };
    const size = Items.reduce((sum, item) => sum + itemSize(item), 0);
    const { TableName, ConsistentRead } = JSON.parse(request) as Json;
    // An eventually consistent read costs half.
    const perBlock = ConsistentRead === true ? 1 : 0.5;
    charge(TableName, { writeUnits: 0, readUnits: perBlock * Math.max(1, Math.ceil(size / 4_096)) });
  };

  const relay = await startRelay({
    arrived: ({ operation, text }) => countRequest(operation, JSON.parse(text)),
    answered: ({ operation, text }, answer) => countAnswer(operation, text, answer),
  });
  return {
    ...relay,
    counts: () => ({ ...counts }),
    units: () => structuredClone(tables),
    refusals: () => refusals,
  };
};
