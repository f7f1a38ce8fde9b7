import type { Condition, Operand } from './expression.ts';
import {
  type DynamoDbRequest,
  expressionsOf,
  type Item,
  type Json,
  readSchemaOf,
  type Value,
} from './request.ts';

/** One condition on one attribute of a key: `sk BETWEEN :from AND :to`. */
export interface KeyTest {
  readonly attribute: string;
  /** `=`, `<`, `<=`, `>`, `>=`, `BETWEEN` or `begins_with`. */
  readonly operator: string;
  /** undefined if the placeholder is not defined. */
  readonly values: readonly (Value | undefined)[];
}

/** A key condition, or AWS's message for one that has another form. */
export type KeyCondition = { readonly tests: readonly KeyTest[] } | { readonly fault: string };

const COMPARISONS: Readonly<Record<string, string>> = {
  '=': '=',
  '<': '>',
  '<=': '>=',
  '>': '<',
  '>=': '<=',
};

const unsupported = (operator: string): KeyCondition => ({
  fault: `Invalid operator used in KeyConditionExpression: ${operator}`,
});

/** The key condition of a Query, as an expression or in the legacy form; undefined if there is none to read. */
export const keyConditionOf = (request: DynamoDbRequest): KeyCondition | undefined => {
  if (request.operation !== 'Query') return undefined;
  const legacy = request.input['KeyConditions'] as Readonly<Record<string, Json>> | undefined;
  if (legacy !== undefined) return { tests: Object.entries(legacy).map(legacyTest) };
  const found = expressionsOf(request).find(({ name }) => name === 'KeyConditionExpression');
  return found?.condition === undefined ? undefined : read(found.condition, found.values);
};

const LEGACY: Readonly<Record<string, string>> = {
  EQ: '=',
  LT: '<',
  LE: '<=',
  GT: '>',
  GE: '>=',
  BETWEEN: 'BETWEEN',
  BEGINS_WITH: 'begins_with',
};

const legacyTest = ([attribute, { ComparisonOperator, AttributeValueList }]: [string, Json]): KeyTest => ({
  attribute,
  operator: LEGACY[String(ComparisonOperator)] ?? String(ComparisonOperator),
  values: (AttributeValueList ?? []) as Value[],
});

const read = (condition: Condition, values: Item): KeyCondition => {
  switch (condition.kind) {
    case 'AND': {
      const tests: KeyTest[] = [];
      for (const each of condition.conditions) {
        const part = read(each, values);
        if ('fault' in part) return part;
        tests.push(...part.tests);
      }
      return { tests };
    }
    case 'OR':
    case 'NOT':
      return unsupported(condition.kind);
    case 'IN':
      return unsupported('IN');
    case 'call':
      return condition.operator === 'begins_with'
        ? test(condition.operator, condition.operands, values)
        : unsupported(condition.operator);
    case 'BETWEEN':
      return test('BETWEEN', condition.operands, values);
    case 'compare': {
      const mirrored = COMPARISONS[condition.operator];
      if (mirrored === undefined) return unsupported(condition.operator);
      const [left, right] = condition.operands;
      // AWS reads `:value = pk` as `pk = :value`.
      return left.kind === 'value' && right.kind !== 'value'
        ? test(mirrored, [right, left], values)
        : test(condition.operator, [left, right], values);
    }
  }
};

const test = (operator: string, [subject, ...rest]: readonly Operand[], values: Item): KeyCondition => {
  if ([subject, ...rest].some((each) => each?.kind === 'call' || each?.kind === 'sum'))
    return {
      fault: 'Invalid KeyConditionExpression: KeyConditionExpressions cannot contain nested operations',
    };
  if (rest.some(({ kind }) => kind === 'path'))
    return {
      fault: 'Invalid condition in KeyConditionExpression: Multiple attribute names used in one condition',
    };
  if (subject?.kind !== 'path')
    return { fault: 'Invalid condition in KeyConditionExpression: No key attribute specified' };
  if (subject.path.length > 1)
    return {
      fault:
        'Invalid KeyConditionExpression: KeyConditionExpressions cannot have conditions on nested attributes',
    };
  const named = rest.map((each) => (each.kind === 'value' ? values[each.name] : undefined));
  return { tests: [{ attribute: subject.path[0] ?? '', operator, values: named }] };
};

/** The tests of a readable key condition on key attributes of what is queried. */
export const keyTestsOf = (
  request: DynamoDbRequest,
): readonly (KeyTest & { readonly sortKey: boolean })[] => {
  const condition = keyConditionOf(request);
  const schema = readSchemaOf(request);
  if (condition === undefined || 'fault' in condition || schema === undefined) return [];
  return condition.tests
    .filter(({ attribute }) => attribute === schema.partitionKey || attribute === schema.sortKey)
    .map((each) => ({ ...each, sortKey: each.attribute === schema.sortKey }));
};

/** AWS's message for a set of conditions that a Query cannot have; undefined for every other. */
export const shapeFault = (request: DynamoDbRequest): string | undefined => {
  const condition = keyConditionOf(request);
  const schema = readSchemaOf(request);
  if (condition === undefined || schema === undefined) return undefined;
  if ('fault' in condition) return condition.fault;
  const { partitionKey, sortKey } = schema;
  const attributes = condition.tests.map(({ attribute }) => attribute);
  const keys = sortKey === undefined ? 1 : 2;
  const named = new Set(attributes);
  if (named.size > keys)
    return `The number of query conditions (${named.size}) exceeds the number of key attributes defined in the schema (${keys})`;
  if (named.size < attributes.length)
    return 'Invalid KeyConditionExpression: KeyConditionExpressions must only contain one condition per key';
  if (!named.has(partitionKey)) return `Query condition missed key schema element: ${partitionKey}`;
  if (named.size > 1 && sortKey !== undefined && !named.has(sortKey))
    return `Query condition missed key schema element: ${sortKey}`;
  const onPartition = condition.tests.find(({ attribute }) => attribute === partitionKey);
  return onPartition?.operator === '=' ? undefined : 'Query key condition not supported';
};
