import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { flowsOf } from '../../../tools/developer/conformance/flows.ts';
import { type SentRequest, startTarget, type Target } from '../../../tools/developer/conformance/target.ts';

type Json = Record<string, unknown>;

/** The requests that the adapters send, once for each form: same operation, tables, members and expressions. */
let requests: ReadonlyMap<string, SentRequest>;
let target: Target;

beforeAll(async () => {
  target = await startTarget({});
  for (const { play } of flowsOf(target)) await play();
  requests = new Map(target.sentToDynamoDb.map((sent) => [formOf(sent), sent]));
});
afterAll(() => target.close());

const formOf = ({ operation, text }: SentRequest): string =>
  `${operation} ${JSON.stringify(JSON.parse(text), (name, value) =>
    typeof value === 'string' && !/^(TableName|IndexName|.*Expression)$/.test(name) ? '' : value,
  )}`;

const send = async (operation: string, input: Json) => {
  const response = await fetch(target.stack.dynamoDb.endpoint, {
    method: 'POST',
    headers: {
      'content-type': 'application/x-amz-json-1.0',
      'x-amz-target': `DynamoDB_20120810.${operation}`,
      'x-amz-date': '20260101T000000Z',
      authorization:
        'AWS4-HMAC-SHA256 Credential=local/20260101/us-east-1/dynamodb/aws4_request, SignedHeaders=host;x-amz-date, Signature=0',
    },
    body: JSON.stringify(input),
  });
  return { status: response.status, ...((await response.json()) as { message?: string }) };
};

/** The objects of a request that `pick` chooses, at any depth. */
const within = (value: unknown, pick: (object: Json) => boolean): Json[] => {
  if (Array.isArray(value)) return value.flatMap((each) => within(each, pick));
  if (typeof value !== 'object' || value === null) return [];
  const inner = Object.values(value).flatMap((each) => within(each, pick));
  return pick(value as Json) ? [value as Json, ...inner] : inner;
};

/** A copy of each request with one fault: where `pick` finds something, `spoil` changes it. */
const spoiled = (
  pick: (object: Json) => boolean,
  spoil: (object: Json) => void,
): { readonly operation: string; readonly input: Json }[] =>
  [...requests.values()].flatMap(({ operation, text }) =>
    within(JSON.parse(text), pick).map((_, i) => {
      const input = JSON.parse(text) as Json;
      const chosen = within(input, pick)[i];
      if (chosen !== undefined) spoil(chosen);
      return { operation, input };
    }),
  );

const hasKey = (object: Json): boolean => typeof (object['pk'] as Json | undefined)?.['S'] === 'string';
const isKeyCondition = (object: Json): boolean => typeof object['KeyConditionExpression'] === 'string';
const hasExpression = (object: Json): boolean =>
  ['ConditionExpression', 'UpdateExpression', 'KeyConditionExpression', 'FilterExpression'].some(
    (name) => object[name] !== undefined,
  );

/** The values that the key condition compares keys with, of which each is spoiled alone. */
const keyValues = ({ KeyConditionExpression }: Json): readonly string[] =>
  String(KeyConditionExpression).match(/:\w+/g) ?? [];

const expectAllRefused = async (
  faulty: readonly { readonly operation: string; readonly input: Json }[],
  message: RegExp,
): Promise<void> => {
  expect(faulty.length).toBeGreaterThan(0);
  for (const { operation, input } of faulty)
    expect([operation, await send(operation, input)]).toEqual([
      operation,
      {
        status: 400,
        message: expect.stringMatching(message),
        __type: expect.stringContaining('ValidationException'),
      },
    ]);
};

describe('The requests of the adapters to DynamoDB in the main flows', () => {
  it('include every operation and every table, and none is refused', () => {
    const operations = [...new Set([...requests.values()].map(({ operation }) => operation))].toSorted();
    expect(operations).toEqual([
      'BatchGetItem',
      'DeleteItem',
      'GetItem',
      'PutItem',
      'Query',
      'Scan',
      'TransactWriteItems',
      'UpdateItem',
    ]);
    expect(requests.size).toBeGreaterThan(40);
    expect(target.errors).toEqual([]);
  });

  it('are refused if the partition key is emptied', async () => {
    await expectAllRefused(
      spoiled(hasKey, (object) => {
        object['pk'] = { S: '' };
      }),
      /cannot contain an empty string value\. Key: pk/,
    );
  });

  it('are refused if the partition key exceeds 2,048 bytes', async () => {
    await expectAllRefused(
      spoiled(hasKey, (object) => {
        object['pk'] = { S: 'x'.repeat(2_049) };
      }),
      /Size of hashkey|starting key/,
    );
  });

  it('are refused if any value of a key condition is an empty string', async () => {
    const queries = [...requests.values()].filter(({ operation }) => operation === 'Query');
    const faulty = queries.flatMap(({ operation, text }) =>
      keyValues(JSON.parse(text)).map((name) => {
        const input = JSON.parse(text) as { ExpressionAttributeValues: Json };
        input.ExpressionAttributeValues[name] = { S: '' };
        return { operation, input: input as unknown as Json };
      }),
    );
    await expectAllRefused(faulty, /cannot contain an empty string value/);
  });

  it('are refused if a key condition uses another attribute', async () => {
    await expectAllRefused(
      spoiled(isKeyCondition, (object) => {
        object['KeyConditionExpression'] = String(object['KeyConditionExpression']).replace(
          /^#?\w+/,
          'nothing',
        );
        delete object['ExpressionAttributeNames'];
      }),
      /missed key schema element/,
    );
  });

  it('are refused if a value or a name is unused in every expression', async () => {
    for (const [member, name, value] of [
      ['ExpressionAttributeValues', ':unused', { S: 'x' }],
      ['ExpressionAttributeNames', '#unused', 'x'],
    ] as const)
      await expectAllRefused(
        spoiled(hasExpression, (object) => {
          object[member] = { ...(object[member] as Json | undefined), [name]: value };
        }),
        new RegExp(`Value provided in ${member} unused in expressions: keys: {${name}}`),
      );
  });
});
