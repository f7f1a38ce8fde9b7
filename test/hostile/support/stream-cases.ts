import { type AttributeValue, DynamoDBClient, GetItemCommand, ScanCommand } from '@aws-sdk/client-dynamodb';
import type { DynamoDBRecord } from 'aws-lambda';
import fc from 'fast-check';
import { primaryKey } from '../../../lambdas/adapters/aws/table-keys.ts';
import { TABLES } from '../../../lambdas/contract/tables.ts';
import { hostileText } from './hostile-values.ts';
import type { HostileWorld } from './world.ts';

export const STREAM_TABLES = ['tenancy', 'keys', 'sessions', 'audit'] as const;
export type StreamTable = (typeof STREAM_TABLES)[number];

type Image = Readonly<Record<string, AttributeValue>>;

/** A change to a record that the product has written. */
export type Change =
  | { readonly drop: number }
  | { readonly set: number; readonly to: unknown }
  | { readonly add: string; readonly to: unknown }
  | {
      readonly record:
        | 'no dynamodb'
        | 'no keys'
        | 'no image'
        | 'empty image'
        | 'no sequence number'
        | 'no event name';
    }
  | { readonly eventName: string };

/** A record as data: the how-many-eth item of its table, and what was done to it. None: it is good. */
export interface RecordCase {
  readonly item: number;
  readonly changes: readonly Change[];
}

/** A batch as data. A record that comes twice is the same record delivered twice. */
export interface BatchCase {
  readonly table: StreamTable;
  readonly records: readonly RecordCase[];
  /** Places in `records`, in the order in which they are delivered. */
  readonly order: readonly number[];
}

/** Attribute values as they stand in a stream, and as they never should. */
const attributes: fc.Arbitrary<unknown> = fc.oneof(
  hostileText.map((S) => ({ S })),
  fc.constantFrom<unknown>(
    { S: 1 },
    { S: null },
    { N: 'NaN' },
    { N: '1e400' },
    { N: '9'.repeat(60) },
    { N: 'text' },
    { N: '-1' },
    { N: '0.5' },
    { NULL: true },
    { BOOL: 'yes' },
    { B: 'AAAA' },
    { SS: ['a', 'b'] },
    { L: [{ S: 'a' }] },
    { M: {} },
    { M: { __proto__x: { S: 'a' } } },
    { ZZ: 'unknown' },
    {},
    null,
    'text',
    { S: 'x'.repeat(450_000) },
    { S: '9999-12-31T23:59:59.999Z' },
    { S: '0001-01-01T00:00:00.000Z' },
    { S: 'not a time' },
    { N: '1e30' },
    { N: '9007199254740993' },
  ),
);

const changes: fc.Arbitrary<Change> = fc.oneof(
  { weight: 3, arbitrary: fc.nat(30).map((drop) => ({ drop })) },
  { weight: 6, arbitrary: fc.record({ set: fc.nat(30), to: attributes }) },
  {
    weight: 1,
    arbitrary: fc.record({ add: fc.constantFrom('__proto__', 'constructor', 'extra'), to: attributes }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      record: fc.constantFrom(
        'no dynamodb' as const,
        'no keys' as const,
        'no image' as const,
        'empty image' as const,
        'no sequence number' as const,
        'no event name' as const,
      ),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.constantFrom('MODIFY', 'REMOVE', 'EXPLODE', '').map((eventName) => ({ eventName })),
  },
);

export const batchCases = (): fc.Arbitrary<BatchCase> =>
  fc
    .record({
      table: fc.constantFrom(...STREAM_TABLES),
      records: fc.array(
        fc.record({
          item: fc.nat(200),
          changes: fc.oneof(fc.constant([]), fc.array(changes, { minLength: 1, maxLength: 2 })),
        }),
        { minLength: 1, maxLength: 6 },
      ),
      // Records of one key or workspace are handled together: a bad one must not take the good ones with it.
      ofOneItem: fc.boolean(),
      extra: fc.array(fc.nat(5), { maxLength: 3 }),
      seed: fc.array(fc.nat(100), { minLength: 9, maxLength: 9 }),
    })
    .map(({ table, records: any, ofOneItem, extra, seed }) => {
      const records = ofOneItem ? any.map((each) => ({ ...each, item: any[0]?.item ?? 0 })) : any;
      const places = [...records.keys(), ...extra.map((at) => at % records.length)];
      const order = places.map((place, i) => [seed[i] ?? 0, place] as const).toSorted(([a], [b]) => a - b);
      return { table, records, order: order.map(([, place]) => place) };
    });

/** The items that a world has written, as its streams show them. */
export interface Templates {
  readonly recordsOf: (given: BatchCase) => {
    readonly records: readonly DynamoDBRecord[];
    readonly good: ReadonlySet<string>;
  };
  /** A visitor's session that OpenAI has issued: its place in its table, and how many fields it has. */
  readonly issuedSession: () => { readonly item: number; readonly fields: number };
  readonly isOnTrail: (workspaceId: string, eventId: string) => Promise<boolean>;
  readonly close: () => void;
}

/** Beyond every place that a chain of the world has. */
let sequence = 1_000_000;

export const readTemplates = async ({ stack }: HostileWorld): Promise<Templates> => {
  const client = new DynamoDBClient({ region: 'us-east-1', endpoint: stack.dynamoDb.endpoint });
  const images = new Map<StreamTable, readonly Image[]>();
  for (const table of STREAM_TABLES) {
    const { Items = [] } = await client.send(new ScanCommand({ TableName: TABLES[table].name }));
    // The audit stream is of rows; the rest of the table has no business in the archive.
    const rows = table === 'audit' ? Items.filter(({ pk }) => pk?.S?.startsWith('AUDIT#')) : Items;
    images.set(table, rows);
  }

  const recordOf = (table: StreamTable, { item, changes }: RecordCase): DynamoDBRecord => {
    const all = images.get(table) ?? [];
    const image = all[item % all.length] ?? {};
    const number = ++sequence;
    const fresh = freshened(image, number);
    const { pk, sk } = fresh;
    const record = {
      eventID: `event-${number}`,
      eventName: 'INSERT',
      eventSourceARN: `arn:aws:dynamodb:us-east-1:000000000000:table/${table}/stream/hostile`,
      dynamodb: {
        ApproximateCreationDateTime: 1_764_000_000,
        Keys: { pk, sk },
        // The stream of the keys has no images.
        ...(table !== 'keys' && { NewImage: fresh }),
        SequenceNumber: String(number).padStart(20, '0'),
      },
    };
    return changes.reduce<object>(changed, record) as DynamoDBRecord;
  };

  return {
    recordsOf: ({ table, records, order }) => {
      const made = records.map((given) => recordOf(table, given));
      const good = made.filter((_, i) => records[i]?.changes.length === 0);
      return {
        records: order.flatMap((place) => made[place] ?? []),
        good: new Set(good.map(({ dynamodb }) => dynamodb?.SequenceNumber ?? '')),
      };
    },
    issuedSession: () => {
      const all = images.get('sessions') ?? [];
      const item = all.findIndex((image) => image['kind']?.S === 'visitor' && image['state']?.S === 'issued');
      return { item, fields: Object.keys(all[item] ?? {}).length };
    },
    isOnTrail: async (workspaceId, eventId) => {
      const { pk, sk } = primaryKey.auditEvent(workspaceId, eventId);
      const Key = { pk: { S: pk }, sk: { S: sk } };
      const { Item } = await client.send(
        new GetItemCommand({ TableName: 'audit', Key, ConsistentRead: true }),
      );
      return Item !== undefined;
    },
    close: () => client.destroy(),
  };
};

/** The same item of another event or session, so that it is no repetition of what the trail knows. */
const freshened = (image: Image, number: number): Image => {
  const id = (prefix: string): AttributeValue => ({ S: `${prefix}${String(number).padStart(26, '0')}` });
  return {
    ...image,
    ...(image['eventId'] !== undefined && { eventId: id('evt_') }),
    // No place of a chain is taken twice.
    ...(image['sequence'] !== undefined && { sequence: { N: String(number) } }),
    ...(image['sessionId'] !== undefined &&
      image['sk']?.S?.startsWith('SESSION#') && { sessionId: id('ses_') }),
  };
};

const changed = (record: object, change: Change): object => {
  const { dynamodb, ...rest } = record as {
    dynamodb?: { Keys?: object; NewImage?: Image; SequenceNumber?: string };
  };
  if ('eventName' in change) return { ...record, eventName: change.eventName };
  if ('record' in change) {
    const { Keys: _keys, ...withoutKeys } = dynamodb ?? {};
    const { NewImage: _image, ...withoutImage } = dynamodb ?? {};
    const { SequenceNumber: _number, ...withoutNumber } = dynamodb ?? {};
    const { eventName: _name, ...unnamed } = record as { eventName?: string };
    switch (change.record) {
      case 'no dynamodb':
        return rest;
      case 'no keys':
        return { ...rest, dynamodb: withoutKeys };
      case 'no image':
        return { ...rest, dynamodb: withoutImage };
      case 'empty image':
        return { ...rest, dynamodb: { ...dynamodb, NewImage: {} } };
      case 'no sequence number':
        return { ...rest, dynamodb: withoutNumber };
      case 'no event name':
        return unnamed;
    }
  }
  if (dynamodb === undefined) return record;
  // Of a stream of keys alone, what can be wrong is the keys.
  const part = dynamodb.NewImage === undefined ? 'Keys' : 'NewImage';
  const image = (dynamodb[part] ?? {}) as Readonly<Record<string, unknown>>;
  const names = Object.keys(image);
  const at = (place: number): string => names[place % Math.max(1, names.length)] ?? 'pk';
  const entries =
    'drop' in change
      ? Object.entries(image).filter(([name]) => name !== at(change.drop))
      : [...Object.entries(image), ['set' in change ? at(change.set) : change.add, change.to]];
  return { ...rest, dynamodb: { ...dynamodb, [part]: Object.fromEntries(entries as [string, unknown][]) } };
};
