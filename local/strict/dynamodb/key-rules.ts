import type { Rule } from '../rule.ts';
import type { Operand } from './expression.ts';
import { type KeyTest, keyTestsOf, shapeFault } from './key-condition.ts';
import {
  type DynamoDbRequest,
  emptyKind,
  type Item,
  type ItemCall,
  itemCallsOf,
  type KeySchema,
  keyBytes,
  typeOf,
  updatesOf,
  type Value,
} from './request.ts';
import { DATA_TYPES, KEY_CONDITIONS, KEY_LIMITS, PAGINATION } from './sources.ts';

const MAX_PARTITION_KEY_BYTES = 2_048;
const MAX_SORT_KEY_BYTES = 1_024;

/** `2,048` without its space is how AWS writes it. */
const TOO_LARGE = {
  partition:
    'One or more parameter values were invalid: Size of hashkey has exceeded the maximum size limit of2048 bytes',
  sort: 'One or more parameter values were invalid: Aggregated size of all range keys has exceeded the size limit of 1024 bytes',
};

const sizeFault = (value: Value | undefined, sortKey: boolean): string | undefined => {
  if (keyBytes(value) <= (sortKey ? MAX_SORT_KEY_BYTES : MAX_PARTITION_KEY_BYTES)) return undefined;
  return sortKey ? TOO_LARGE.sort : TOO_LARGE.partition;
};

const emptyFault = (value: Value | undefined, attribute: string): string | undefined => {
  const kind = emptyKind(value);
  return (
    kind &&
    `One or more parameter values are not valid. The AttributeValue for a key attribute cannot contain an empty ${kind} value. Key: ${attribute}`
  );
};

/** The first message that `fault` has for one of `candidates`. */
const first = <Candidate>(
  candidates: readonly Candidate[],
  fault: (candidate: Candidate) => string | undefined,
): string | undefined => {
  for (const candidate of candidates) {
    const message = fault(candidate);
    if (message !== undefined) return message;
  }
  return undefined;
};

const firstTest = (
  request: DynamoDbRequest,
  fault: (value: Value | undefined, test: KeyTest & { readonly sortKey: boolean }) => string | undefined,
): string | undefined =>
  first(keyTestsOf(request), (test) => first(test.values, (value) => fault(value, test)));

/** Operand types that each operator of a key condition accepts. */
const OPERANDS: Readonly<Record<string, readonly string[]>> = {
  begins_with: ['S', 'B'],
  ...Object.fromEntries(['<', '<=', '>', '>=', 'BETWEEN'].map((operator) => [operator, ['S', 'N', 'B']])),
};

const operandFault = (value: Value | undefined, { operator }: KeyTest): string | undefined => {
  if (value === undefined || OPERANDS[operator]?.includes(typeOf(value)) !== false) return undefined;
  return `Invalid KeyConditionExpression: Incorrect operand type for operator or function; operator or function: ${operator}, operand type: ${typeOf(value)}`;
};

const schemaFault = (request: DynamoDbRequest): string | undefined => {
  const types = request.table(request.input['TableName'])?.types ?? {};
  return firstTest(request, (value, { attribute }) =>
    value === undefined || typeOf(value) === types[attribute]
      ? undefined
      : 'One or more parameter values were invalid: Condition parameter type does not match schema type',
  );
};

const startKeyOf = ({ input }: DynamoDbRequest): Item | undefined =>
  input['ExclusiveStartKey'] as Item | undefined;

const emptyStartKey = (request: DynamoDbRequest): string | undefined => {
  const message = first(Object.entries(startKeyOf(request) ?? {}), ([name, value]) =>
    emptyFault(value, name),
  );
  return message && `The provided starting key is invalid: ${message}`;
};

const sameValue = (a: Value | undefined, b: Value | undefined): boolean =>
  JSON.stringify(a) === JSON.stringify(b);

const outsideQuery = (request: DynamoDbRequest): string | undefined => {
  const start = startKeyOf(request);
  if (start === undefined || request.operation !== 'Query') return undefined;
  return first(keyTestsOf(request), ({ attribute, operator, values, sortKey }) => {
    if (start[attribute] === undefined || isWithin(start[attribute], operator, values)) return undefined;
    return sortKey
      ? 'The provided starting key does not match the range key predicate'
      : 'The provided starting key is outside query boundaries based on provided conditions';
  });
};

const isWithin = (value: Value, operator: string, bounds: readonly (Value | undefined)[]): boolean => {
  const [low, high] = bounds;
  if (low === undefined) return true;
  if (operator === '=') return sameValue(value, low);
  if (operator === 'begins_with') return String(value['S'] ?? '').startsWith(String(low['S'] ?? ''));
  const order = compare(value, low);
  switch (operator) {
    case '<':
      return order < 0;
    case '<=':
      return order <= 0;
    case '>':
      return order > 0;
    case '>=':
      return order >= 0;
    default:
      return order >= 0 && (high === undefined || compare(value, high) <= 0);
  }
};

/** Strings by their UTF-8 bytes, as DynamoDB sorts them. */
const compare = (a: Value, b: Value): number => {
  if (typeOf(a) === 'N') return Number(a['N']) - Number(b['N']);
  const encoding = typeOf(a) === 'B' ? 'base64' : 'utf8';
  return Buffer.compare(
    Buffer.from(String(a[typeOf(a)]), encoding),
    Buffer.from(String(b[typeOf(b)]), encoding),
  );
};

/** Keys of the item itself that a call writes or names. */
const tableKeys = ({ input, table }: ItemCall): readonly [KeySchema, Item][] =>
  table === undefined ? [] : [[table, (input['Item'] ?? input['Key'] ?? {}) as Item]];

/** Values that a call gives to keys of secondary indexes. */
const indexKeyWrites = (
  call: ItemCall,
): readonly {
  readonly value: Value;
  readonly attribute: string;
  readonly index: string;
  readonly sortKey: boolean;
}[] =>
  (call.table?.indexes ?? []).flatMap(({ name, partitionKey, sortKey }) =>
    [
      { attribute: partitionKey, sortKey: false },
      ...(sortKey === undefined ? [] : [{ attribute: sortKey, sortKey: true }]),
    ].flatMap((key) => writtenValues(call, key.attribute).map((value) => ({ ...key, value, index: name }))),
  );

const writtenValues = (call: ItemCall, attribute: string): readonly Value[] => {
  if (call.kind === 'Put') {
    const value = (call.input['Item'] as Item | undefined)?.[attribute];
    return value === undefined ? [] : [value];
  }
  const values = (call.input['ExpressionAttributeValues'] ?? {}) as Item;
  return updatesOf(call)
    .filter(({ action, path }) => action === 'SET' && path.length === 1 && path[0] === attribute)
    .flatMap(({ value }) => assignable(value, values));
};

/** Values that an operand may assign as they are: itself, or the fallback of `if_not_exists`. */
const assignable = (operand: Operand | undefined, values: Item): readonly Value[] => {
  if (operand?.kind === 'value') return [values[operand.name] ?? {}];
  if (operand?.kind === 'call' && operand.name === 'if_not_exists')
    return operand.operands.flatMap((each) => assignable(each, values));
  return [];
};

/** Keys of items, of indexes, of key conditions and of pages. */
export const keyRules: readonly Rule<DynamoDbRequest>[] = [
  {
    name: 'A key condition has the form "partition key = value", and at most one condition on the sort key',
    source: KEY_CONDITIONS,
    refuses: shapeFault,
  },
  {
    name: 'An operator of a key condition compares with a type that keys can have',
    source: KEY_CONDITIONS,
    refuses: (request) => firstTest(request, operandFault),
  },
  {
    name: 'A key condition compares with the type of the key attribute',
    source: KEY_CONDITIONS,
    refuses: schemaFault,
  },
  {
    name: 'A key condition compares with no empty string and no empty binary',
    source: DATA_TYPES,
    refuses: (request) => firstTest(request, (value, { attribute }) => emptyFault(value, attribute)),
  },
  {
    name: 'A value in a key condition is no longer than a key can be',
    source: KEY_LIMITS,
    refuses: (request) => firstTest(request, (value, { sortKey }) => sizeFault(value, sortKey)),
  },
  {
    name: 'The start key of a page holds no empty string and no empty binary',
    source: DATA_TYPES,
    refuses: emptyStartKey,
  },
  {
    name: 'The start key of a page lies within the key condition of the query',
    source: PAGINATION,
    refuses: outsideQuery,
  },
  {
    name: 'A key of an item holds no empty string and no empty binary',
    source: DATA_TYPES,
    refuses: (request) =>
      first(itemCallsOf(request).flatMap(tableKeys), ([{ partitionKey, sortKey }, item]) =>
        first(sortKey === undefined ? [partitionKey] : [partitionKey, sortKey], (attribute) =>
          emptyFault(item[attribute], attribute),
        ),
      ),
  },
  {
    name: 'A partition key has at most 2,048 bytes and a sort key at most 1,024',
    source: KEY_LIMITS,
    refuses: (request) =>
      first(
        itemCallsOf(request).flatMap(tableKeys),
        ([{ partitionKey, sortKey }, item]) =>
          sizeFault(item[partitionKey], false) ??
          (sortKey === undefined ? undefined : sizeFault(item[sortKey], true)),
      ),
  },
  {
    name: 'A key of a secondary index is never set to an empty string or an empty binary',
    source: DATA_TYPES,
    refuses: (request) =>
      first(itemCallsOf(request), (call) =>
        first(indexKeyWrites(call), ({ value, attribute, index }) => {
          const kind = emptyKind(value);
          if (kind === undefined) return undefined;
          const reason = `The AttributeValue for a key attribute cannot contain an empty ${kind} value.`;
          return call.kind === 'Put'
            ? `One or more parameter values are not valid. A value specified for a secondary index key is not supported. ${reason} IndexName: ${index}, IndexKey: ${attribute}`
            : `One or more parameter values are not valid. The update expression attempted to update a secondary index key to a value that is not supported. ${reason}`;
        }),
      ),
  },
  {
    name: 'A key of a secondary index has at most 2,048 bytes as partition key and 1,024 as sort key',
    source: KEY_LIMITS,
    refuses: (request) =>
      first(itemCallsOf(request), (call) =>
        first(indexKeyWrites(call), ({ value, sortKey }) => sizeFault(value, sortKey)),
      ),
  },
];
