import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { dynamoDbRules } from '../../../local/strict/dynamodb/rules.ts';
import { DYNAMODB_CASES, pkOf } from './dynamodb-cases.ts';
import {
  B,
  type Call,
  check,
  KEY,
  many,
  N,
  put,
  query,
  S,
  type StrictTables,
  startStrictTables,
  TAB,
  transaction,
  update,
} from './dynamodb-requests.ts';

let tables: StrictTables;
beforeAll(async () => {
  tables = await startStrictTables();
});
afterAll(() => tables.close());

describe('The strict layer in front of DynamoDB', () => {
  it('has a test for each of its rules', () => {
    expect(Object.keys(DYNAMODB_CASES)).toEqual(dynamoDbRules.map(({ name }) => name));
  });

  it.each(dynamoDbRules)('applies the rule: $name', async ({ name, source, error, status }) => {
    const broken = DYNAMODB_CASES[name]?.(tables) ?? [];
    expect(broken).not.toEqual([]);
    for (const [call, message] of broken) {
      expect(await tables.send(call)).toMatchObject({
        status: status ?? 400,
        error: error ?? 'ValidationException',
        message,
        rule: name,
        source,
      });
    }
  });

  it('accepts requests at the limits of its rules', async () => {
    const values = Object.fromEntries(many(100, (i) => [`:v${i}`, N(i)]));
    const accepted: readonly Call[] = [
      put({ pk: S('x'.repeat(2_048)), sk: S('x'.repeat(1_024)) }),
      put({ ...KEY, text: S(''), bytes: B('') }),
      put({ ...KEY, grp: S('x'.repeat(2_048)), due: S('x'.repeat(1_024)) }),
      query('pk = :p AND sk BETWEEN :s AND :s', { ':p': S('a'), ':s': S('b') }),
      query(':p = pk AND :s <= sk', { ':p': S('a'), ':s': S('b') }),
      query('(pk = :p) AND (begins_with(sk, :s))', { ':p': S('a'), ':s': S('b') }),
      query('sk >= :s AND pk = :p', { ':p': S('a'), ':s': S('b') }, { ExclusiveStartKey: KEY }),
      query('grp = :p', { ':p': S('a') }, { IndexName: 'by-group', ProjectionExpression: 'pk, sk, due' }),
      query('pk = :p', { ':p': S('a'), ':e': S('') }, { FilterExpression: 'extra = :e' }),
      check(`NOT a IN (${Object.keys(values)})`, values),
      check(`attribute_exists(pk) OR ${many(149, () => 'a=:a').join(' OR ')}`, { ':a': S('a') }),
      update('SET a = if_not_exists(a, :a) + :a, m = :e REMOVE b ADD c :a', { ':a': N(1), ':e': S('') }),
      transaction(
        many(100, (i) => ({ Put: { ...TAB, Item: pkOf(i) } })),
        { ClientRequestToken: 't' },
      ),
    ];
    for (const call of accepted)
      expect([call[1], (await tables.send(call)).message]).toEqual([call[1], undefined]);
  });

  it('reports the tables of each write before its caller has the response, and of no read', async () => {
    const putBinary = { PutRequest: { Item: { pk: B('a'), sk: N(1) } } };
    const putText = { PutRequest: { Item: KEY } };
    const writes: readonly [Call, readonly string[]][] = [
      [put(KEY), ['things']],
      [update('SET a = :a', { ':a': N(1) }), ['things']],
      [['DeleteItem', { ...TAB, Key: KEY }], ['things']],
      [
        ['BatchWriteItem', { RequestItems: { things: [putText], binaries: [putBinary] } }],
        ['things', 'binaries'],
      ],
      [transaction([{ Put: { ...TAB, Item: KEY } }], { ClientRequestToken: 'w' }), ['things']],
      [['GetItem', { ...TAB, Key: KEY }], []],
      [query('pk = :p', { ':p': S('a') }), []],
    ];
    for (const [call, expected] of writes) {
      const before = tables.written.length;
      expect((await tables.send(call)).message).toBeUndefined();
      expect([call[0], tables.written.slice(before)]).toEqual([call[0], expected]);
    }
  });
});
