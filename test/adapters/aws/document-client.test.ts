import { once } from 'node:events';
import { createServer, type IncomingHttpHeaders, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { ConditionalCheckFailedException, TransactionCanceledException } from '@aws-sdk/client-dynamodb';
import {
  BatchGetCommand,
  BatchWriteCommand,
  GetCommand,
  QueryCommand,
  TransactWriteCommand,
  UpdateCommand,
} from '@aws-sdk/lib-dynamodb';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { dynamoDbClient } from '../../../lambdas/adapters/aws/clients.ts';

interface Asked {
  readonly url: string | undefined;
  readonly headers: IncomingHttpHeaders;
  readonly body: unknown;
}

let server: Server;
let asked: Asked[];
/** The answers of the server, the first first; then `{}`. */
let answers: ((response: ServerResponse) => void)[];

const json =
  (status: number, body: object) =>
  (response: ServerResponse): void => {
    response.writeHead(status, { 'x-amzn-requestid': 'REQUEST1' }).end(JSON.stringify(body));
  };
const failed = (type: string, fields: object = {}) =>
  json(400, { __type: `com.amazonaws.dynamodb.v20120810#${type}`, message: 'Refused.', ...fields });

beforeEach(async () => {
  asked = [];
  answers = [];
  server = createServer(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    asked.push({
      url: request.url,
      headers: request.headers,
      body: JSON.parse(String(Buffer.concat(chunks))),
    });
    (answers.shift() ?? json(200, {}))(response);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  process.env['AWS_ACCESS_KEY_ID'] = 'local';
  process.env['AWS_SECRET_ACCESS_KEY'] = 'local';
});

afterEach(() => {
  server.closeAllConnections();
  server.close();
});

const client = (calls?: Parameters<typeof dynamoDbClient>[1], path = '') =>
  dynamoDbClient(
    {
      AWS_REGION: 'eu-west-1',
      AWS_ENDPOINT_URL_DYNAMODB: `http://127.0.0.1:${(server.address() as AddressInfo).port}${path}`,
    },
    calls,
  );

const Key = { pk: 'WORKSPACE#1', sk: 'ITEM#1' };
const inJson = { pk: { S: 'WORKSPACE#1' }, sk: { S: 'ITEM#1' } };

test('a request is signed for its region, names its operation and contains its items as attributes', async () => {
  await client().send(
    new UpdateCommand({
      TableName: 'limits',
      Key,
      UpdateExpression: 'SET calls = :calls',
      ExpressionAttributeValues: { ':calls': 1, ':sealed': new Uint8Array([1, 2, 3]), ':absent': undefined },
    }),
  );
  expect(asked[0]?.body).toEqual({
    TableName: 'limits',
    Key: inJson,
    UpdateExpression: 'SET calls = :calls',
    ExpressionAttributeValues: { ':calls': { N: '1' }, ':sealed': { B: 'AQID' } },
  });
  const headers: IncomingHttpHeaders = asked[0]?.headers ?? {};
  const url = asked[0]?.url;
  expect(url).toBe('/');
  expect(headers['x-amz-target']).toBe('DynamoDB_20120810.UpdateItem');
  expect(headers['content-type']).toBe('application/x-amz-json-1.0');
  expect(headers['authorization']).toMatch(
    /^AWS4-HMAC-SHA256 Credential=local\/\d{8}\/eu-west-1\/dynamodb\/aws4_request, SignedHeaders=\S*content-length;content-type;host;\S*x-amz-target, Signature=[0-9a-f]{64}$/,
  );
});

test('a request to a custom endpoint uses its path', async () => {
  await client(undefined, '/proxy').send(new GetCommand({ TableName: 'keys', Key }));
  expect(asked[0]?.url).toBe('/proxy');
});

test('items are read as they were stored, in each part of an answer', async () => {
  const stored = { ...inJson, sealed: { B: 'AQID' }, deletedAt: { NULL: true } };
  const native = { ...Key, sealed: new Uint8Array([1, 2, 3]), deletedAt: null };
  answers = [
    json(200, { Item: stored }),
    json(200, { Items: [stored], LastEvaluatedKey: inJson, Count: 1 }),
    json(200, { Responses: { Item: [stored] }, UnprocessedKeys: { keys: { Keys: [inJson] } } }),
    json(200, { Attributes: stored }),
  ];
  const dynamoDb = client();
  expect((await dynamoDb.send(new GetCommand({ TableName: 'keys', Key }))).Item).toEqual(native);
  const page = await dynamoDb.send(new QueryCommand({ TableName: 'keys', ExclusiveStartKey: Key }));
  expect(page).toMatchObject({ Items: [native], LastEvaluatedKey: Key, Count: 1 });
  expect(asked[1]?.body).toEqual({ TableName: 'keys', ExclusiveStartKey: inJson });
  // A table with the name of a field is still a table.
  const batch = await dynamoDb.send(new BatchGetCommand({ RequestItems: { Item: { Keys: [Key] } } }));
  expect(asked[2]?.body).toEqual({ RequestItems: { Item: { Keys: [inJson] } } });
  expect(batch.Responses).toEqual({ Item: [native] });
  expect(batch.UnprocessedKeys).toEqual({ keys: { Keys: [Key] } });
  const updated = await dynamoDb.send(new UpdateCommand({ TableName: 'keys', Key }));
  expect(updated.Attributes).toEqual(native);
  expect(updated.$metadata.requestId).toBe('REQUEST1');
});

test('a transaction contains each of its writes as attributes', async () => {
  await client().send(
    new TransactWriteCommand({
      TransactItems: [
        { Put: { TableName: 'sessions', Item: { ...Key, n: 1 } } },
        {
          ConditionCheck: {
            TableName: 'usage',
            Key,
            ConditionExpression: 'a = :a',
            ExpressionAttributeValues: { ':a': null },
          },
        },
      ],
    }),
  );
  expect(asked[0]?.body).toEqual({
    ClientRequestToken: expect.stringMatching(/^[0-9a-f-]{36}$/),
    TransactItems: [
      { Put: { TableName: 'sessions', Item: { ...inJson, n: { N: '1' } } } },
      {
        ConditionCheck: {
          TableName: 'usage',
          Key: inJson,
          ConditionExpression: 'a = :a',
          ExpressionAttributeValues: { ':a': { NULL: true } },
        },
      },
    ],
  });
});

test('a failed condition throws the SDK class with the existing item, and is not tried again', async () => {
  answers = [failed('ConditionalCheckFailedException', { Item: inJson })];
  const send = client().send(new UpdateCommand({ TableName: 'limits', Key }));
  await expect(send).rejects.toBeInstanceOf(ConditionalCheckFailedException);
  await expect(send).rejects.toMatchObject({ Item: inJson, $metadata: { requestId: 'REQUEST1' } });
  expect(asked).toHaveLength(1);
});

test('a cancelled transaction names the reason for each write', async () => {
  const CancellationReasons = [{ Code: 'None' }, { Code: 'ConditionalCheckFailed' }];
  answers = [failed('TransactionCanceledException', { CancellationReasons })];
  const send = client().send(new TransactWriteCommand({ TransactItems: [] }));
  await expect(send).rejects.toBeInstanceOf(TransactionCanceledException);
  await expect(send).rejects.toMatchObject({ CancellationReasons });
});

test('a repeated transaction has the token of its first attempt, and the next transaction has a new one', async () => {
  const dynamoDb = client();
  const write = () => dynamoDb.send(new TransactWriteCommand({ TransactItems: [] }));
  answers = [(response: ServerResponse) => response.destroy()];
  await write();
  await write();
  const tokens = asked.map(({ body }) => (body as { ClientRequestToken: string }).ClientRequestToken);
  expect(tokens).toEqual([tokens[0], tokens[0], expect.not.stringMatching(String(tokens[0]))]);
});

test('a throttled call, a server error and a lost connection are each tried again once', async () => {
  const dynamoDb = client();
  for (const first of [
    failed('ProvisionedThroughputExceededException'),
    json(500, {}),
    (response: ServerResponse) => response.destroy(),
    (response: ServerResponse) => {
      response.writeHead(200, { 'content-length': '100' });
      response.write('{', () => response.destroy());
    },
  ]) {
    asked = [];
    answers = [first, json(200, { Item: inJson })];
    expect((await dynamoDb.send(new GetCommand({ TableName: 'keys', Key }))).Item).toEqual(Key);
    expect(asked).toHaveLength(2);
  }
});

test('a call without an answer times out after two attempts', async () => {
  answers = [() => undefined, (response) => void response.writeHead(200, {}).write('{')];
  const dynamoDb = dynamoDbClient({
    AWS_REGION: 'eu-west-1',
    AWS_CALL_TIMEOUT_MS: 100,
    AWS_ENDPOINT_URL_DYNAMODB: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
  });
  await expect(dynamoDb.send(new GetCommand({ TableName: 'keys', Key }))).rejects.toMatchObject({
    name: 'TimeoutError',
  });
  expect(asked).toHaveLength(2);
});

test('simultaneous calls each get their own answer', async () => {
  answers = Array.from({ length: 20 }, () => (response: ServerResponse) => {
    json(200, { Item: (asked.at(-1)?.body as { readonly Key: object } | undefined)?.Key ?? {} })(response);
  });
  const dynamoDb = client();
  const found = await Promise.all(
    Array.from({ length: 20 }, (_, i) =>
      dynamoDb.send(new GetCommand({ TableName: 'keys', Key: { pk: `K${i}` } })),
    ),
  );
  expect(found.map(({ Item }) => Item?.['pk'])).toEqual(Array.from({ length: 20 }, (_, i) => `K${i}`));
});

test('each call is counted with its operation and its outcome', async () => {
  const counted: string[] = [];
  const dynamoDb = client({
    startCall: (service, operation) => (outcome) => counted.push(`${service} ${operation} ${outcome}`),
  });
  answers = [json(200, {}), failed('ConditionalCheckFailedException')];
  await dynamoDb.send(new GetCommand({ TableName: 'keys', Key }));
  await dynamoDb.send(new UpdateCommand({ TableName: 'keys', Key })).catch(() => undefined);
  expect(counted).toEqual(['dynamodb GetItem answered', 'dynamodb UpdateItem answered']);
});

test('an unknown operation is refused, and nothing is sent', async () => {
  const send = client().send(new BatchWriteCommand({ RequestItems: {} }));
  await expect(send).rejects.toThrow('OPERATIONS');
  expect(asked).toEqual([]);
});

test('the client uses the regional DynamoDB endpoint over TLS if no endpoint is configured', async () => {
  const dynamoDb = dynamoDbClient({ AWS_REGION: 'eu-west-1' });
  const seen: unknown[] = [];
  Object.assign(dynamoDb.config.requestHandler, {
    handle: async (request: {
      readonly protocol: string;
      readonly hostname: string;
      readonly port?: number;
    }) => {
      seen.push([request.protocol, request.hostname, request.port]);
      throw new Error('Nothing leaves this machine.');
    },
  });
  await expect(dynamoDb.send(new GetCommand({ TableName: 'keys', Key }))).rejects.toThrow('Nothing leaves');
  expect(seen).toEqual([['https:', 'dynamodb.eu-west-1.amazonaws.com', undefined]]);
});
