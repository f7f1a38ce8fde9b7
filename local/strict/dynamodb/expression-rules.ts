import type { Rule } from '../rule.ts';
import { type Condition, leavesOf, type Operand } from './expression.ts';
import {
  type DynamoDbRequest,
  expressionGroupsOf,
  expressionsOf,
  type Item,
  type NamedExpression,
  typeOf,
  type Value,
} from './request.ts';
import { CONDITIONS, EXPRESSION_LIMITS, GLOBAL_INDEXES } from './sources.ts';

const MAX_OPERATORS = 300;
const MAX_IN_OPERANDS = 100;
const MAX_PLACEHOLDER_BYTES = 255;
const MAX_SUBSTITUTIONS_BYTES = 2 * 1_024 * 1_024;

const ATTRIBUTE_TYPES = ['B', 'NULL', 'SS', 'BOOL', 'L', 'BS', 'N', 'NS', 'S', 'M'];
const ORDERED = ['S', 'N', 'B'];
const ORDERING = ['<', '<=', '>', '>=', 'BETWEEN'];

const PLACEHOLDER = /^[#:][A-Za-z0-9_]+$/;

type Leaf = ReturnType<typeof leavesOf>[number];

/** The first message for one of the expressions, with AWS's prefix for that expression. */
const firstExpression = (
  request: DynamoDbRequest,
  fault: (expression: NamedExpression) => string | undefined,
): string | undefined => {
  for (const expression of expressionsOf(request)) {
    const message = fault(expression);
    if (message !== undefined) return `Invalid ${expression.name}: ${message}`;
  }
  return undefined;
};

const firstLeaf = (
  request: DynamoDbRequest,
  fault: (leaf: Leaf, values: Item) => string | undefined,
): string | undefined =>
  firstExpression(request, ({ condition, values }) => {
    for (const leaf of condition === undefined ? [] : leavesOf(condition satisfies Condition)) {
      const message = fault(leaf, values);
      if (message !== undefined) return message;
    }
    return undefined;
  });

const namedValue = (operand: Operand | undefined, values: Item): Value | undefined =>
  operand?.kind === 'value' ? values[operand.name] : undefined;

const unorderedOperand = ({ operator, operands }: Leaf, values: Item): string | undefined => {
  if (!ORDERING.includes(operator)) return undefined;
  const unordered = operands
    .map((operand) => namedValue(operand, values))
    .find((value) => value !== undefined && !ORDERED.includes(typeOf(value)));
  return (
    unordered &&
    `Incorrect operand type for operator or function; operator or function: ${operator}, operand type: ${typeOf(unordered)}`
  );
};

const sameOperand = ({ kind, operator, operands }: Leaf): string | undefined => {
  if (kind === 'call' && operator !== 'contains' && operator !== 'begins_with') return undefined;
  const [head, ...rest] = operands;
  if (head?.kind !== 'path') return undefined;
  const same = rest.some((each) => JSON.stringify(each) === JSON.stringify(head));
  return same
    ? `The first operand must be distinct from the remaining operands for this operator or function; operator: ${operator}, first operand: [${head.path.join(', ')}]`
    : undefined;
};

const unknownType = ({ operator, operands }: Leaf, values: Item): string | undefined => {
  const type = operator === 'attribute_type' ? namedValue(operands[1], values)?.['S'] : undefined;
  return typeof type !== 'string' || ATTRIBUTE_TYPES.includes(type)
    ? undefined
    : `Invalid attribute type name found; type: ${type}, valid types: {${ATTRIBUTE_TYPES.join(',')}}`;
};

/** Placeholders that are given and used in no expression. */
const unusedIn = (request: DynamoDbRequest, member: string): string | undefined => {
  for (const { input, expressions } of expressionGroupsOf(request)) {
    const unused = Object.keys(input[member] ?? {}).filter(
      (name) => !expressions.some(({ expression }) => expression.placeholders.has(name)),
    );
    // A fault of grammar comes first, and the engine names it.
    const readable = expressions.every(({ expression }) => expression.tree !== undefined);
    if (
      expressions.length > 0 &&
      readable &&
      unused.every((name) => PLACEHOLDER.test(name)) &&
      unused.length > 0
    )
      return `Value provided in ${member} unused in expressions: keys: {${unused.join(', ')}}`;
  }
  return undefined;
};

const unprojected = (request: DynamoDbRequest): string | undefined => {
  const { TableName, IndexName } = request.input;
  const index = request.table(TableName)?.indexes.find(({ name }) => name === IndexName);
  const projection = expressionsOf(request).find(({ name }) => name === 'ProjectionExpression');
  if (index?.projected === undefined || projection?.expression.tree === undefined) return undefined;
  const missing = (projection.expression.tree as readonly (readonly string[])[])
    .map(([attribute = '']) => attribute)
    .filter((attribute) => index.projected?.has(attribute) === false);
  return missing.length === 0
    ? undefined
    : `One or more parameter values were invalid: Global secondary index ${index.name} does not project [${missing.join(', ')}]`;
};

export const expressionRules: readonly Rule<DynamoDbRequest>[] = [
  {
    name: 'An expression has at most 300 operators and functions',
    source: EXPRESSION_LIMITS,
    refuses: (request) =>
      firstExpression(request, ({ expression: { operators } }) =>
        operators > MAX_OPERATORS
          ? `The expression contains too many operators; operator count: ${MAX_OPERATORS + 1}`
          : undefined,
      ),
  },
  {
    name: 'IN has at most 100 operands',
    source: CONDITIONS,
    refuses: (request) =>
      firstLeaf(request, ({ kind, operands }) =>
        kind === 'IN' && operands.length - 1 > MAX_IN_OPERANDS
          ? `The IN operator is provided with too many operands; number of operands: ${operands.length - 1}`
          : undefined,
      ),
  },
  {
    name: 'attribute_type names a type of DynamoDB',
    source: CONDITIONS,
    refuses: (request) => firstLeaf(request, unknownType),
  },
  {
    name: 'An ordering comparison has only strings, numbers and binaries as operands',
    source: CONDITIONS,
    refuses: (request) => firstLeaf(request, unorderedOperand),
  },
  {
    name: 'A comparison does not compare an attribute with itself',
    source: CONDITIONS,
    refuses: (request) => firstLeaf(request, sameOperand),
  },
  {
    name: 'Every value that is given is used in an expression',
    source: CONDITIONS,
    refuses: (request) => unusedIn(request, 'ExpressionAttributeValues'),
  },
  {
    name: 'Every name that is given is used in an expression',
    source: CONDITIONS,
    refuses: (request) => unusedIn(request, 'ExpressionAttributeNames'),
  },
  {
    name: 'A placeholder has at most 255 bytes',
    source: EXPRESSION_LIMITS,
    refuses: (request) => {
      for (const member of ['ExpressionAttributeNames', 'ExpressionAttributeValues'])
        for (const { input } of expressionGroupsOf(request))
          for (const name of Object.keys(input[member] ?? {}))
            if (Buffer.byteLength(name) > MAX_PLACEHOLDER_BYTES)
              return `${member} contains invalid key: The expression attribute map contains a key that is too long; key: "${name}"`;
      return undefined;
    },
  },
  {
    name: 'Names and values of an expression have at most 2 MB together',
    source: EXPRESSION_LIMITS,
    refuses: (request) =>
      expressionGroupsOf(request).some(
        ({ input }) =>
          Buffer.byteLength(
            JSON.stringify([input['ExpressionAttributeNames'], input['ExpressionAttributeValues']]),
          ) > MAX_SUBSTITUTIONS_BYTES,
      )
        ? 'The total size of the substitution variables has exceeded the maximum allowed size of 2 MB'
        : undefined,
  },
  {
    name: 'A query of a global secondary index asks only for attributes that the index holds',
    source: GLOBAL_INDEXES,
    refuses: unprojected,
  },
];
