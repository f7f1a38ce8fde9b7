import {
  type Condition,
  type Expression,
  readCondition,
  readProjection,
  readUpdate,
  type Update,
} from './expression.ts';

export type Json = Readonly<Record<string, unknown>>;
/** `{ S: '…' }`, as it is on the wire. */
export type Value = Readonly<Record<string, unknown>>;
export type Item = Readonly<Record<string, Value>>;
export type KeyType = 'S' | 'N' | 'B';

export interface KeySchema {
  readonly partitionKey: string;
  readonly sortKey: string | undefined;
}

export interface IndexSchema extends KeySchema {
  readonly name: string;
  /** Attributes that the index holds; undefined for all of them. */
  readonly projected: ReadonlySet<string> | undefined;
}

export interface TableSchema extends KeySchema {
  readonly types: Readonly<Record<string, KeyType>>;
  readonly indexes: readonly IndexSchema[];
}

/** One request to DynamoDB or DynamoDB Streams. */
export interface DynamoDbRequest {
  /** `Query`, `UpdateItem`, `GetRecords` */
  readonly operation: string;
  readonly input: Json;
  readonly table: (name: unknown) => TableSchema | undefined;
  /** The attribute that expires items of the table; undefined while expiry is off. */
  readonly ttlAttribute: string | undefined;
  /** Shards of a stream; undefined for a stream that does not exist. */
  readonly shardsOf: (streamArn: unknown) => readonly string[] | undefined;
}

/** The action of a request on one item, in a single call, a batch or a transaction. */
export interface ItemCall {
  readonly kind: 'Put' | 'Update' | 'Delete' | 'Get' | 'ConditionCheck';
  readonly input: Json;
  readonly table: TableSchema | undefined;
  /** Where its members are in the request: empty, or `transactItems.1.member.put.` */
  readonly at: string;
}

export const objects = (value: unknown): readonly Json[] => (Array.isArray(value) ? value : []);
export const entries = (value: unknown): readonly [string, Json][] =>
  typeof value === 'object' && value !== null ? (Object.entries(value) as [string, Json][]) : [];

const KINDS = ['Put', 'Update', 'Delete', 'Get', 'ConditionCheck'] as const;

export const itemCallsOf = ({ operation, input, table }: DynamoDbRequest): readonly ItemCall[] => {
  const single = KINDS.find((kind) => operation === `${kind}Item`);
  if (single !== undefined) return [{ kind: single, input, table: table(input['TableName']), at: '' }];
  if (operation === 'TransactWriteItems' || operation === 'TransactGetItems')
    return objects(input['TransactItems']).flatMap((part, i) =>
      KINDS.flatMap((kind) => {
        const action = part[kind] as Json | undefined;
        if (action === undefined || action === null) return [];
        const at = `transactItems.${i + 1}.member.${kind.charAt(0).toLowerCase()}${kind.slice(1)}.`;
        return [{ kind, input: action, table: table(action['TableName']), at }];
      }),
    );
  if (operation === 'BatchWriteItem')
    return entries(input['RequestItems']).flatMap(([name, requests]) =>
      objects(requests).flatMap(({ PutRequest, DeleteRequest }) => [
        ...(PutRequest
          ? [{ kind: 'Put' as const, input: PutRequest as Json, table: table(name), at: '' }]
          : []),
        ...(DeleteRequest
          ? [{ kind: 'Delete' as const, input: DeleteRequest as Json, table: table(name), at: '' }]
          : []),
      ]),
    );
  if (operation === 'BatchGetItem')
    return entries(input['RequestItems']).flatMap(([name, { Keys }]) =>
      objects(Keys).map((Key) => ({ kind: 'Get' as const, input: { Key }, table: table(name), at: '' })),
    );
  return [];
};

/** The parts of a request that can carry expressions: the request itself, or each action of a transaction or batch. */
const expressionHolders = (request: DynamoDbRequest): readonly Json[] => {
  if (request.operation.startsWith('Transact')) return itemCallsOf(request).map(({ input }) => input);
  if (request.operation === 'BatchGetItem')
    return entries(request.input['RequestItems']).map(([, part]) => part);
  return [request.input];
};

const CONDITIONS = ['ConditionExpression', 'FilterExpression', 'KeyConditionExpression'] as const;

export interface NamedExpression {
  readonly name: string;
  readonly text: string;
  readonly values: Item;
  readonly expression: Expression<unknown>;
  readonly condition: Condition | undefined;
  readonly updates: readonly Update[];
}

const namesOf = (input: Json) =>
  (input['ExpressionAttributeNames'] ?? {}) as Readonly<Record<string, string>>;
const valuesOf = (input: Json) => (input['ExpressionAttributeValues'] ?? {}) as Item;

/** Many rules ask for the expressions of one request: each is read once. */
const read = new WeakMap<Json, readonly NamedExpression[]>();

const expressionsIn = (input: Json): readonly NamedExpression[] => {
  const known = read.get(input) ?? readExpressions(input);
  read.set(input, known);
  return known;
};

const readExpressions = (input: Json): readonly NamedExpression[] => {
  const names = namesOf(input);
  const values = valuesOf(input);
  const textOf = (name: string): string[] => (typeof input[name] === 'string' ? [input[name]] : []);
  return [
    ...CONDITIONS.flatMap((name) =>
      textOf(name).map((text) => {
        const expression = readCondition(text, names);
        return { name, text, values, expression, condition: expression.tree, updates: [] };
      }),
    ),
    ...textOf('UpdateExpression').map((text) => {
      const expression = readUpdate(text, names);
      return {
        name: 'UpdateExpression',
        text,
        values,
        expression,
        condition: undefined,
        updates: expression.tree ?? [],
      };
    }),
    ...textOf('ProjectionExpression').map((text) => ({
      name: 'ProjectionExpression',
      text,
      values,
      expression: readProjection(text, names),
      condition: undefined,
      updates: [],
    })),
  ];
};

/** The expressions of a request, holder by holder: placeholders are shared within a holder. */
export const expressionGroupsOf = (
  request: DynamoDbRequest,
): readonly { readonly input: Json; readonly expressions: readonly NamedExpression[] }[] =>
  expressionHolders(request).map((input) => ({ input, expressions: expressionsIn(input) }));

export const expressionsOf = (request: DynamoDbRequest): readonly NamedExpression[] =>
  expressionGroupsOf(request).flatMap(({ expressions }) => expressions);

export const updatesOf = ({ input }: ItemCall): readonly Update[] =>
  expressionsIn(input).flatMap(({ updates }) => updates);

/** The keys that a Query or Scan reads by: those of its index, or of the table. */
export const readSchemaOf = ({ input, table }: DynamoDbRequest): KeySchema | undefined => {
  const schema = table(input['TableName']);
  const { IndexName } = input;
  return IndexName === undefined ? schema : schema?.indexes.find(({ name }) => name === IndexName);
};

export const typeOf = (value: Value | undefined): string => Object.keys(value ?? {})[0] ?? '';

/** Bytes of a key value: https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/CapacityUnitCalculations.html */
export const keyBytes = (value: Value | undefined): number => {
  if (typeof value?.['S'] === 'string') return Buffer.byteLength(value['S']);
  if (typeof value?.['B'] === 'string') return Buffer.byteLength(value['B'], 'base64');
  return 1;
};

/** `string` or `binary` for a value that has no byte; undefined for every other value. */
export const emptyKind = (value: Value | undefined): 'string' | 'binary' | undefined => {
  if (value?.['S'] === '') return 'string';
  return value?.['B'] === '' ? 'binary' : undefined;
};
