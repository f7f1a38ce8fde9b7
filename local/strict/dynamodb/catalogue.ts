import {
  type DynamoDbRequest,
  entries,
  type Json,
  type KeyType,
  objects,
  type TableSchema,
} from './request.ts';

/** Sends a request to the engine itself. Returns undefined for an error. */
export type AskEngine = (target: string, input: Json) => Promise<Json | undefined>;

const TABLES = 'DynamoDB_20120810';
const STREAMS = 'DynamoDBStreams_20120810';
/** Operations that change a table, after which it is looked up again. */
const CHANGES = ['CreateTable', 'UpdateTable', 'DeleteTable'];

/** The part of the engine's state that rules need: keys and indexes of tables, expiry, shards of streams. */
export class Catalogue {
  readonly #ask: AskEngine;
  readonly #tables = new Map<string, TableSchema>();

  constructor(ask: AskEngine) {
    this.#ask = ask;
  }

  /** The request with everything that its rules need. */
  async describe(operation: string, input: Json): Promise<DynamoDbRequest> {
    if (CHANGES.includes(operation)) this.#tables.delete(String(input['TableName']));
    else await Promise.all(tableNames(input).map((name) => this.#load(name)));
    const shards =
      operation === 'DescribeStream' || operation === 'GetShardIterator'
        ? await this.#shards(input['StreamArn'])
        : undefined;
    return {
      operation,
      input,
      table: (name) => this.#tables.get(String(name)),
      ttlAttribute: operation === 'UpdateTimeToLive' ? await this.#ttl(input['TableName']) : undefined,
      shardsOf: () => shards,
    };
  }

  async #load(name: string): Promise<void> {
    if (this.#tables.has(name)) return;
    const answer = await this.#ask(`${TABLES}.DescribeTable`, { TableName: name });
    const table = answer?.['Table'] as Json | undefined;
    if (table !== undefined) this.#tables.set(name, schemaOf(table));
  }

  async #ttl(name: unknown): Promise<string | undefined> {
    const answer = await this.#ask(`${TABLES}.DescribeTimeToLive`, { TableName: name });
    const ttl = answer?.['TimeToLiveDescription'] as Json | undefined;
    return ttl?.['TimeToLiveStatus'] === 'ENABLED' ? String(ttl['AttributeName']) : undefined;
  }

  /** The engine describes any ARN whose table exists, so the answer's own ARN decides. */
  async #shards(streamArn: unknown): Promise<readonly string[] | undefined> {
    const tableName = /:table\/([^/]+)\/stream\//.exec(String(streamArn))?.[1];
    const answer = await this.#ask(`${TABLES}.DescribeTable`, { TableName: tableName });
    if ((answer?.['Table'] as Json | undefined)?.['LatestStreamArn'] !== streamArn) return undefined;
    const described = await this.#ask(`${STREAMS}.DescribeStream`, { StreamArn: streamArn });
    const description = described?.['StreamDescription'] as Json | undefined;
    return description && objects(description['Shards']).map(({ ShardId }) => String(ShardId));
  }
}

/** The tables that a request names. */
export const tableNames = (input: Json): readonly string[] => [
  ...(typeof input['TableName'] === 'string' ? [input['TableName']] : []),
  ...entries(input['RequestItems']).map(([name]) => name),
  ...objects(input['TransactItems']).flatMap((part) =>
    Object.values(part).flatMap((action) => {
      const name = (action as Json | null)?.['TableName'];
      return typeof name === 'string' ? [name] : [];
    }),
  ),
];

const schemaOf = (table: Json): TableSchema => {
  const types = Object.fromEntries(
    objects(table['AttributeDefinitions']).map(({ AttributeName, AttributeType }) => [
      String(AttributeName),
      AttributeType as KeyType,
    ]),
  );
  const own = keysOf(table);
  const indexes = objects(table['GlobalSecondaryIndexes']).map((index) => ({
    name: String(index['IndexName']),
    ...keysOf(index),
    projected: projectedBy(index, [own.partitionKey, own.sortKey]),
  }));
  return { ...own, types, indexes };
};

const keysOf = (described: Json) => {
  const key = (type: string): string | undefined => {
    const found = objects(described['KeySchema']).find(({ KeyType }) => KeyType === type);
    return found && String(found['AttributeName']);
  };
  return { partitionKey: key('HASH') ?? '', sortKey: key('RANGE') };
};

const projectedBy = (
  index: Json,
  tableKeys: readonly (string | undefined)[],
): ReadonlySet<string> | undefined => {
  const projection = (index['Projection'] ?? {}) as Json;
  if (projection['ProjectionType'] === 'ALL') return undefined;
  const { partitionKey, sortKey } = keysOf(index);
  const others = (projection['NonKeyAttributes'] ?? []) as readonly string[];
  return new Set([partitionKey, sortKey, ...tableKeys, ...others].filter((name) => name !== undefined));
};
