import {
  BatchGetItemCommand,
  DeleteItemCommand,
  type DynamoDBClient,
  GetItemCommand,
  PutItemCommand,
  QueryCommand as QueryItemsCommand,
  ScanCommand as ScanItemsCommand,
  TransactWriteItemsCommand,
  UpdateItemCommand,
} from '@aws-sdk/client-dynamodb';
import {
  BatchGetCommand,
  DeleteCommand,
  DynamoDBDocumentClient,
  GetCommand,
  PutCommand,
  QueryCommand,
  ScanCommand,
  TransactWriteCommand,
  UpdateCommand,
} from '@aws-sdk/lib-dynamodb';
import { generateIdempotencyToken } from '@smithy/core/serde';
import { type Attributes, type NativeItem, toAttributes, toNative } from './attribute-values.ts';
import { jsonSerde } from './json-serde.ts';

type Fields = Readonly<Record<string, unknown>>;
/** A command of the plain client. Its input and output types are valid outside of `send`. */
type PlainCommand = new (
  input: never,
) => { resolveMiddleware(stack: never, config: never, options: undefined): unknown };

/** How the fields of an operation that hold items are converted; the other fields stay as they are. */
interface Operation {
  readonly command: PlainCommand;
  readonly request: (input: Fields) => Fields;
  readonly answer: (output: Fields) => Fields;
}

type Convert = (value: never) => unknown;

const fields =
  (converted: Readonly<Record<string, Convert>>) =>
  (given: Fields): Fields => {
    const result: Record<string, unknown> = { ...given };
    for (const name in converted)
      if (result[name] !== undefined) result[name] = converted[name]?.(result[name] as never);
    return result;
  };
const each =
  (convert: Convert) =>
  (list: readonly never[]): unknown =>
    list.map((one) => convert(one));
const eachValue =
  (convert: Convert) =>
  (map: Readonly<Record<string, never>>): unknown =>
    Object.fromEntries(Object.entries(map).map(([name, one]) => [name, convert(one)]));

const requestOfItem = fields({
  Key: (key: NativeItem) => toAttributes(key),
  Item: (item: NativeItem) => toAttributes(item),
  ExpressionAttributeValues: (values: NativeItem) => toAttributes(values),
  ExclusiveStartKey: (key: NativeItem) => toAttributes(key),
});
const requestOfTransaction = fields({ TransactItems: each(eachValue(requestOfItem)) });
const native = (attributes: Attributes): unknown => toNative(attributes);
const ofItem = (command: PlainCommand): Operation => ({
  command,
  request: requestOfItem,
  answer: fields({ Item: native, Attributes: native, LastEvaluatedKey: native, Items: each(native) }),
});

const OPERATIONS: ReadonlyMap<unknown, Operation> = new Map<unknown, Operation>([
  [GetCommand, ofItem(GetItemCommand)],
  [PutCommand, ofItem(PutItemCommand)],
  [UpdateCommand, ofItem(UpdateItemCommand)],
  [DeleteCommand, ofItem(DeleteItemCommand)],
  [QueryCommand, ofItem(QueryItemsCommand)],
  [ScanCommand, ofItem(ScanItemsCommand)],
  [
    BatchGetCommand,
    {
      command: BatchGetItemCommand,
      request: fields({
        RequestItems: eachValue(fields({ Keys: each((key: NativeItem) => toAttributes(key)) })),
      }),
      answer: fields({
        Responses: eachValue(each(native)),
        UnprocessedKeys: eachValue(fields({ Keys: each(native) })),
      }),
    },
  ],
  [
    TransactWriteCommand,
    {
      command: TransactWriteItemsCommand,
      // The SDK's serializer adds this token, so that a retry after a lost response takes effect once.
      request: (input: Fields) => ({
        ClientRequestToken: generateIdempotencyToken(),
        ...requestOfTransaction(input),
      }),
      answer: (output: Fields) => output,
    },
  ],
]);

type Handler = (args: { readonly input: Fields }) => Promise<{ readonly output: Fields }>;

/**
 * A replacement of the SDK's document client for the operations of OPERATIONS. With each call, the SDK's client resolves
 * its middleware, copies its whole configuration five times and walks the schema of input and output. This one resolves
 * each operation once and converts items to JSON in one pass (docs/performance.md). Retries, signature, credentials and
 * errors are the SDK's. `plain` belongs to the result: it is changed.
 */
export const documentClient = (plain: DynamoDBClient): DynamoDBDocumentClient => {
  jsonSerde(plain);
  const handlers = new Map<Operation, Handler>();
  const handlerOf = (operation: Operation): Handler => {
    const known = handlers.get(operation);
    if (known !== undefined) return known;
    const resolved = new operation.command({} as never).resolveMiddleware(
      plain.middlewareStack as never,
      endpointConfig(plain) as never,
      undefined,
    ) as Handler;
    handlers.set(operation, resolved);
    return resolved;
  };
  const send = async (command: { readonly input: Fields }, ...rest: readonly unknown[]): Promise<Fields> => {
    const operation = OPERATIONS.get(command.constructor);
    if (operation === undefined || rest.length > 0)
      throw new Error('This client sends the operations of OPERATIONS, without options.');
    const { output } = await handlerOf(operation)({ input: operation.request(command.input) });
    return operation.answer(output);
  };
  const client = DynamoDBDocumentClient.from(plain);
  client.send = send as unknown as DynamoDBDocumentClient['send'];
  return client;
};

/**
 * The only configuration that the SDK's endpoint middleware uses, which it copies with each call. It excludes
 * account-specific endpoints and a search in configuration files.
 */
const endpointConfig = ({ config }: DynamoDBClient): object => {
  const { logger, requestHandler, endpointProvider, endpoint, isCustomEndpoint, region } = config;
  const { useDualstackEndpoint, useFipsEndpoint, serviceId } = config;
  return {
    logger,
    requestHandler,
    endpointProvider,
    endpoint,
    isCustomEndpoint,
    region,
    useDualstackEndpoint,
    useFipsEndpoint,
    serviceId,
    ignoreConfiguredEndpointUrls: true,
  };
};
