import {
  ConditionalCheckFailedException,
  CreateTableCommand,
  DeleteTableCommand,
  DescribeTimeToLiveCommand,
  TransactionCanceledException,
  UpdateTimeToLiveCommand,
} from '@aws-sdk/client-dynamodb';
import {
  BatchGetCommand,
  GetCommand,
  PutCommand,
  QueryCommand,
  TransactWriteCommand,
  UpdateCommand,
} from '@aws-sdk/lib-dynamodb';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { type LocalDynamoDb, startDynamoDb } from '../../../local/dynamodb/engine.ts';
import { clientsOf, simpleTable } from './clients.ts';

/** DynamoDB features that the product relies on, tested on the embedded engine through the real clients. */
let engine: LocalDynamoDb;
let clients: ReturnType<typeof clientsOf>;

beforeAll(async () => {
  engine = await startDynamoDb({});
  clients = clientsOf(engine.endpoint);
  await clients.client.send(new CreateTableCommand(simpleTable('sites')));
  await clients.client.send(
    new CreateTableCommand({
      TableName: 'versions',
      BillingMode: 'PAY_PER_REQUEST',
      AttributeDefinitions: [
        { AttributeName: 'pk', AttributeType: 'S' },
        { AttributeName: 'sk', AttributeType: 'S' },
        { AttributeName: 'owner', AttributeType: 'S' },
        { AttributeName: 'at', AttributeType: 'N' },
      ],
      KeySchema: [
        { AttributeName: 'pk', KeyType: 'HASH' },
        { AttributeName: 'sk', KeyType: 'RANGE' },
      ],
      GlobalSecondaryIndexes: [
        {
          IndexName: 'by-owner',
          KeySchema: [
            { AttributeName: 'owner', KeyType: 'HASH' },
            { AttributeName: 'at', KeyType: 'RANGE' },
          ],
          Projection: { ProjectionType: 'KEYS_ONLY' },
        },
      ],
      SSESpecification: { Enabled: true, SSEType: 'KMS' },
      DeletionProtectionEnabled: true,
    }),
  );
  for (const at of [1, 2, 3]) {
    const Item = { pk: 'p', sk: `v#${at}`, owner: 'o', at, secret: Buffer.from([at, 0, 255]) };
    await clients.documents.send(new PutCommand({ TableName: 'versions', Item }));
  }
  await clients.documents.send(new PutCommand({ TableName: 'versions', Item: { pk: 'p', sk: 'w#1' } }));
});

afterAll(async () => {
  clients.destroy();
  await engine.close();
});

describe('conditional writes', () => {
  it('refuse a second put and return the existing item', async () => {
    const put = new PutCommand({
      TableName: 'sites',
      Item: { pk: 'once', n: 1 },
      ConditionExpression: 'attribute_not_exists(pk)',
      ReturnValuesOnConditionCheckFailure: 'ALL_OLD',
    });
    await clients.documents.send(put);
    const refused = await clients.documents.send(put).catch((error: unknown) => error);
    expect(refused).toBeInstanceOf(ConditionalCheckFailedException);
    // The document client leaves the item of an error in wire form; so it does against AWS.
    expect(refused).toMatchObject({ Item: { pk: { S: 'once' }, n: { N: '1' } } });
  });

  it('distinguish a missing item from one in the wrong state', async () => {
    const refused = await clients.documents
      .send(
        new UpdateCommand({
          TableName: 'sites',
          Key: { pk: 'absent' },
          UpdateExpression: 'SET n = :n',
          ConditionExpression: 'attribute_exists(pk)',
          ExpressionAttributeValues: { ':n': 1 },
          ReturnValuesOnConditionCheckFailure: 'ALL_OLD',
        }),
      )
      .catch((error: unknown) => error);
    expect(refused).toBeInstanceOf(ConditionalCheckFailedException);
    expect(refused).not.toHaveProperty('Item', expect.anything());
  });

  it('keep a counter within its limit under any concurrency', async () => {
    const attempts = Array.from({ length: 40 }, () =>
      clients.documents
        .send(
          new UpdateCommand({
            TableName: 'sites',
            Key: { pk: 'counter' },
            UpdateExpression: 'ADD n :one',
            ConditionExpression: 'attribute_not_exists(n) OR n < :limit',
            ExpressionAttributeValues: { ':one': 1, ':limit': 7 },
          }),
        )
        .then(
          () => true,
          () => false,
        ),
    );
    expect((await Promise.all(attempts)).filter(Boolean)).toHaveLength(7);
    const { Item } = await clients.documents.send(
      new GetCommand({ TableName: 'sites', Key: { pk: 'counter' }, ConsistentRead: true }),
    );
    expect(Item).toEqual({ pk: 'counter', n: 7 });
  });

  it('acquire and release slots in a nested map in one step', async () => {
    const key = { TableName: 'sites', Key: { pk: 'slots' } };
    await clients.documents.send(
      new PutCommand({ TableName: 'sites', Item: { pk: 'slots', held: { old: 10 } } }),
    );
    const { Attributes } = await clients.documents.send(
      new UpdateCommand({
        ...key,
        UpdateExpression: 'SET held.#new = :until REMOVE held.#old',
        ConditionExpression: 'held.#old < :now AND size(held) <= :limit',
        ExpressionAttributeNames: { '#new': 'new', '#old': 'old' },
        ExpressionAttributeValues: { ':until': 20, ':now': 11, ':limit': 1 },
        ReturnValues: 'ALL_NEW',
      }),
    );
    expect(Attributes).toEqual({ pk: 'slots', held: { new: 20 } });
  });
});

describe('transactions', () => {
  it('change nothing if one condition fails, and report the failed condition with its item', async () => {
    await clients.documents.send(new PutCommand({ TableName: 'sites', Item: { pk: 'held', by: 'a' } }));
    const cancelled = await clients.documents
      .send(
        new TransactWriteCommand({
          TransactItems: [
            { Put: { TableName: 'versions', Item: { pk: 'p', sk: 'never' } } },
            {
              Put: {
                TableName: 'sites',
                Item: { pk: 'held', by: 'b' },
                ConditionExpression: 'attribute_not_exists(pk)',
                ReturnValuesOnConditionCheckFailure: 'ALL_OLD',
              },
            },
          ],
        }),
      )
      .catch((error: unknown) => error);
    expect(cancelled).toBeInstanceOf(TransactionCanceledException);
    expect(cancelled).toMatchObject({
      CancellationReasons: [
        { Code: 'None' },
        { Code: 'ConditionalCheckFailed', Item: { pk: { S: 'held' }, by: { S: 'a' } } },
      ],
    });
    const { Item } = await clients.documents.send(
      new GetCommand({ TableName: 'versions', Key: { pk: 'p', sk: 'never' } }),
    );
    expect(Item).toBeUndefined();
  });
});

describe('reads', () => {
  it('return a batch from two tables consistently, with binary values intact', async () => {
    const { Responses, UnprocessedKeys } = await clients.documents.send(
      new BatchGetCommand({
        RequestItems: {
          sites: { Keys: [{ pk: 'held' }, { pk: 'absent' }], ConsistentRead: true },
          versions: { Keys: [{ pk: 'p', sk: 'v#1' }], ConsistentRead: true },
        },
      }),
    );
    expect(UnprocessedKeys).toEqual({});
    expect(Responses?.['sites']).toEqual([{ pk: 'held', by: 'a' }]);
    expect(Responses?.['versions']?.[0]?.['secret']).toEqual(new Uint8Array([1, 0, 255]));
  });

  it('return the items of a key prefix newest first, page by page', async () => {
    const query = {
      TableName: 'versions',
      KeyConditionExpression: 'pk = :pk AND begins_with(sk, :prefix)',
      ExpressionAttributeValues: { ':pk': 'p', ':prefix': 'v#' },
      ProjectionExpression: 'sk',
      ScanIndexForward: false,
      Limit: 2,
    };
    const first = await clients.documents.send(new QueryCommand(query));
    expect(first.Items).toEqual([{ sk: 'v#3' }, { sk: 'v#2' }]);
    const { LastEvaluatedKey } = first;
    const second = await clients.documents.send(
      new QueryCommand({ ...query, ExclusiveStartKey: LastEvaluatedKey }),
    );
    expect(second.Items).toEqual([{ sk: 'v#1' }]);
  });

  it('return only the projected attributes of a secondary index', async () => {
    const { Items } = await clients.documents.send(
      new QueryCommand({
        TableName: 'versions',
        IndexName: 'by-owner',
        KeyConditionExpression: '#owner = :owner AND #at >= :at',
        ExpressionAttributeNames: { '#owner': 'owner', '#at': 'at' },
        ExpressionAttributeValues: { ':owner': 'o', ':at': 2 },
        ScanIndexForward: false,
      }),
    );
    expect(Items).toEqual([
      { pk: 'p', sk: 'v#3', owner: 'o', at: 3 },
      { pk: 'p', sk: 'v#2', owner: 'o', at: 2 },
    ]);
  });
});

describe('table settings', () => {
  it('include the time-to-live attribute', async () => {
    await clients.client.send(
      new UpdateTimeToLiveCommand({
        TableName: 'sites',
        TimeToLiveSpecification: { AttributeName: 'expires_at', Enabled: true },
      }),
    );
    const { TimeToLiveDescription } = await clients.client.send(
      new DescribeTimeToLiveCommand({ TableName: 'sites' }),
    );
    expect(TimeToLiveDescription).toEqual({ TimeToLiveStatus: 'ENABLED', AttributeName: 'expires_at' });
  });

  it('prevent the deletion of a protected table', async () => {
    await expect(clients.client.send(new DeleteTableCommand({ TableName: 'versions' }))).rejects.toThrow(
      'protected against deletion',
    );
  });
});
