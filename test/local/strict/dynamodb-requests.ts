import { CreateTableCommand, DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { startDynamoDb } from '../../../local/dynamodb/engine.ts';

export type Input = Readonly<Record<string, unknown>>;
/** An operation of DynamoDB or, with `streams.` before its name, of DynamoDB Streams. */
export type Call = readonly [operation: string, input: Input];

export interface Answered {
  readonly status: number;
  readonly error: string | undefined;
  readonly message: string | undefined;
  readonly rule: string | null;
  readonly source: string | null;
  readonly body: Input;
}

export interface StrictTables {
  send(call: Call): Promise<Answered>;
  /** The tables that were reported as written to, in order. */
  readonly written: readonly string[];
  readonly streamArn: string;
  readonly shardId: string;
  close(): Promise<void>;
}

export const S = (text: string) => ({ S: text });
export const N = (number: number | string) => ({ N: String(number) });
export const B = (text: string) => ({ B: Buffer.from(text).toString('base64') });
export const many = <Part>(count: number, part: (i: number) => Part): Part[] =>
  Array.from({ length: count }, (_, i) => part(i));

export const TAB = { TableName: 'things' };
export const KEY = { pk: S('a'), sk: S('b') };
export const BINARY = { TableName: 'binaries' };

/** On the local engine behind its rules, or on another one: the table `things` with the index `by-group` of keys only, and `binaries` with a binary and a number as keys. */
export const startStrictTables = async (engine?: string): Promise<StrictTables> => {
  // Another engine is asked as it is.
  const dynamoDb = await startDynamoDb({
    path: process.env['PATH'],
    endpoint: engine,
    strict: engine === undefined,
  });
  const written: string[] = [];
  dynamoDb.onWritten?.((table) => written.push(table));
  const client = new DynamoDBClient({
    endpoint: dynamoDb.endpoint,
    region: 'us-east-1',
    credentials: { accessKeyId: 'local', secretAccessKey: 'local' },
  });
  const key = (partition: string, sort: string) => [
    { AttributeName: partition, KeyType: 'HASH' as const },
    { AttributeName: sort, KeyType: 'RANGE' as const },
  ];
  const { TableDescription } = await client.send(
    new CreateTableCommand({
      ...TAB,
      BillingMode: 'PAY_PER_REQUEST',
      AttributeDefinitions: ['pk', 'sk', 'grp', 'due'].map((AttributeName) => ({
        AttributeName,
        AttributeType: 'S',
      })),
      KeySchema: key('pk', 'sk'),
      GlobalSecondaryIndexes: [
        { IndexName: 'by-group', KeySchema: key('grp', 'due'), Projection: { ProjectionType: 'KEYS_ONLY' } },
      ],
      StreamSpecification: { StreamEnabled: true, StreamViewType: 'NEW_IMAGE' },
    }),
  );
  await client.send(
    new CreateTableCommand({
      ...BINARY,
      BillingMode: 'PAY_PER_REQUEST',
      AttributeDefinitions: [
        { AttributeName: 'pk', AttributeType: 'B' },
        { AttributeName: 'sk', AttributeType: 'N' },
      ],
      KeySchema: key('pk', 'sk'),
    }),
  );
  client.destroy();
  const send = async ([name, input]: Call): Promise<Answered> => {
    const [service, operation] = name.startsWith('streams.')
      ? ['DynamoDBStreams_20120810', name.slice('streams.'.length)]
      : ['DynamoDB_20120810', name];
    const response = await fetch(dynamoDb.endpoint, {
      method: 'POST',
      headers: {
        'content-type': 'application/x-amz-json-1.0',
        'x-amz-target': `${service}.${operation}`,
        'x-amz-date': '20260101T000000Z',
        authorization:
          'AWS4-HMAC-SHA256 Credential=local/20260101/us-east-1/dynamodb/aws4_request, SignedHeaders=host;x-amz-date, Signature=0',
      },
      body: JSON.stringify(input),
    });
    const body = jsonOf(await response.text());
    return {
      status: response.status,
      error: body['__type']?.split('#').at(-1),
      message: body['message'] ?? body['Message'],
      rule: response.headers.get('x-strict-rule'),
      source: response.headers.get('x-strict-source'),
      body,
    };
  };
  const streamArn = TableDescription?.LatestStreamArn ?? '';
  const { body } = await send(['streams.DescribeStream', { StreamArn: streamArn }]);
  const { Shards } = body['StreamDescription'] as { Shards: { ShardId: string }[] };
  return { send, written, streamArn, shardId: Shards[0]?.ShardId ?? '', close: dynamoDb.close };
};

/** An engine that fails answers a page of HTML. */
const jsonOf = (text: string): Readonly<Record<string, string>> => {
  try {
    return JSON.parse(text);
  } catch {
    return { message: 'an answer that is no JSON' };
  }
};

export const query = (condition: string, values: Input, extra: Input = {}): Call => [
  'Query',
  { ...TAB, KeyConditionExpression: condition, ExpressionAttributeValues: values, ...extra },
];
export const put = (item: Input, extra: Input = {}): Call => ['PutItem', { ...TAB, Item: item, ...extra }];
export const update = (expression: string, values?: Input, extra: Input = {}): Call => [
  'UpdateItem',
  {
    ...TAB,
    Key: KEY,
    UpdateExpression: expression,
    ...(values !== undefined && { ExpressionAttributeValues: values }),
    ...extra,
  },
];
/** A put with a condition on values `:a`, `:b`, … */
export const check = (condition: string, values?: Input): Call =>
  put(KEY, {
    ConditionExpression: condition,
    ...(values !== undefined && { ExpressionAttributeValues: values }),
  });
export const transaction = (items: readonly Input[], extra: Input = {}): Call => [
  'TransactWriteItems',
  { TransactItems: items, ...extra },
];
