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
  /** 1 for each begun 4 KiB, strongly consistent; half eventually. */
  readonly readUnits: number;
}

/** The units of one item of one request, or of a query. */
export interface Charge {
  readonly operation: string;
  readonly table: string;
  readonly pk: string;
  readonly sk: string;
  /** As DynamoDB measures items; 0: there is none. */
  readonly bytes: number;
  readonly how: 'strong' | 'eventual' | 'single' | 'transaction' | 'index';
  readonly units: number;
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

/** Answers that wait to be counted: counting takes the processor that a measured request needs. */
const MOST_WAITING = 256;

/** Passes every call on and counts it. */
export const startCountingProxy = async (
  onCharge: (charge: Charge) => void = () => undefined,
): Promise<CountingProxy> => {
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

  const nameOf = (key: Json | undefined): { readonly pk: string; readonly sk: string } => ({
    pk: String((key?.['pk'] as Json | undefined)?.['S'] ?? ''),
    sk: String((key?.['sk'] as Json | undefined)?.['S'] ?? ''),
  });

  const write = (operation: string, kind: string, request: Json, times: 1 | 2): void => {
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
    const at = { operation: `${operation} ${kind}`, table: String(request['TableName']), ...nameOf(given) };
    onCharge({ ...at, bytes: size, how: times === 2 ? 'transaction' : 'single', units: ofItem });
    if (ofIndex > 0) onCharge({ ...at, bytes: size, how: 'index', units: ofIndex });
  };

  const countRequest = (operation: string, body: Json): void => {
    counts.calls += 1;
    const single = /^(Put|Update|Delete)Item$/.exec(operation)?.[1];
    if (single !== undefined) write(operation, single, body, 1);
    if (operation === 'TransactWriteItems')
      for (const part of body['TransactItems'] as Json[])
        for (const [kind, each] of Object.entries(part)) write(operation, kind, each as Json, 2);
  };

  const refusals: string[] = [];
  const countAnswer = (operation: string, request: string, answer: string): void => {
    if (answer.includes('#ValidationException"'))
      refusals.push(`${operation}: ${(JSON.parse(answer) as { message?: string }).message}`);
    const read = (table: unknown, key: Json | undefined, bytes: number, consistent: boolean): void => {
      // An eventually consistent read costs half.
      const units = (consistent ? 1 : 0.5) * Math.max(1, Math.ceil(bytes / 4_096));
      charge(table, { writeUnits: 0, readUnits: units });
      const how = consistent ? 'strong' : 'eventual';
      onCharge({ operation, table: String(table), ...nameOf(key), bytes, how, units });
    };
    if (!['Query', 'GetItem', 'BatchGetItem'].includes(operation)) return;
    const [asked, given] = [JSON.parse(request) as Json, JSON.parse(answer) as Json];
    if (operation === 'Query') {
      const values = (asked['ExpressionAttributeValues'] ?? {}) as Json;
      const bytes = ((given['Items'] ?? []) as Json[]).reduce((sum, item) => sum + itemSize(item), 0);
      read(asked['TableName'], { pk: values[':pk'] }, bytes, asked['ConsistentRead'] === true);
    }
    if (operation === 'GetItem') {
      const { Item } = given as { Item?: Json };
      read(
        asked['TableName'],
        asked['Key'] as Json,
        Item === undefined ? 0 : itemSize(Item),
        asked['ConsistentRead'] === true,
      );
    }
    if (operation === 'BatchGetItem')
      for (const [table, { Keys, ConsistentRead }] of Object.entries(
        asked['RequestItems'] as Readonly<Record<string, { Keys: Json[]; ConsistentRead?: boolean }>>,
      )) {
        const items = (
          (given['Responses'] as Readonly<Record<string, Json[]>> | undefined)?.[table] ?? []
        ).map((item) => ({ name: JSON.stringify(nameOf(item)), item }));
        for (const key of Keys) {
          const found = items.find(({ name }) => name === JSON.stringify(nameOf(key)));
          read(table, key, found === undefined ? 0 : itemSize(found.item), ConsistentRead === true);
        }
      }
  };

  let waiting: (() => void)[] = [];
  const countWaiting = (): void => {
    const all = waiting;
    waiting = [];
    for (const count of all) count();
  };

  const relay = await startRelay({
    arrived: ({ operation, text }) => countRequest(operation, JSON.parse(text)),
    answered: ({ operation, text }, answer) => {
      waiting.push(() => countAnswer(operation, text, answer));
      if (waiting.length >= MOST_WAITING) countWaiting();
    },
  });
  return {
    ...relay,
    counts: () => {
      countWaiting();
      return { ...counts };
    },
    units: () => {
      countWaiting();
      return structuredClone(tables);
    },
    refusals: () => {
      countWaiting();
      return refusals;
    },
  };
};
