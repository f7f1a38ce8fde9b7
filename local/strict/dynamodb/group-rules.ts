import { constraint, type Rule } from '../rule.ts';
import { type DynamoDbRequest, entries, type ItemCall, itemCallsOf, objects } from './request.ts';
import { api, LIMITS } from './sources.ts';

const MAX_ACTIONS = 100;
const MAX_WRITES = 25;
const MAX_READS = 100;
const MAX_TOKEN = 36;
const MAX_BATCH_BYTES = 16 * 1_024 * 1_024;

const isTransaction = ({ operation }: DynamoDbRequest): boolean => operation.startsWith('Transact');

const batched = ({ operation, input }: DynamoDbRequest, of: string): readonly [string, unknown][] =>
  operation === of ? entries(input['RequestItems']) : [];

const count = (lists: readonly unknown[]): number =>
  lists.reduce<number>((sum, list) => sum + objects(list).length, 0);

const missing = (request: DynamoDbRequest, kind: ItemCall['kind'], member: string): string | undefined => {
  const call = isTransaction(request)
    ? itemCallsOf(request).find((each) => each.kind === kind && each.input[member] === undefined)
    : undefined;
  const name = member.charAt(0).toLowerCase() + member.slice(1);
  return call && constraint(`${call.at}${name}`, undefined, 'not be null');
};

/** Transactions and batches. */
export const groupRules: readonly Rule<DynamoDbRequest>[] = [
  {
    name: 'A transaction has 1 to 100 actions',
    source: LIMITS,
    refuses: (request) => {
      const { length } = objects(request.input['TransactItems']);
      if (!isTransaction(request) || (length >= 1 && length <= MAX_ACTIONS)) return undefined;
      const demand = length === 0 ? 'greater than or equal to 1' : `less than or equal to ${MAX_ACTIONS}`;
      return constraint('transactItems', `[${length} items]`, `have length ${demand}`);
    },
  },
  {
    name: 'Each action of a transaction does one thing',
    source: api('TransactWriteItem'),
    refuses: (request) =>
      isTransaction(request) &&
      objects(request.input['TransactItems']).some((part) => Object.keys(part).length !== 1)
        ? 'TransactItems can only contain one of Check, Put, Update or Delete'
        : undefined,
  },
  {
    name: 'A condition check of a transaction has a condition',
    source: api('ConditionCheck'),
    refuses: (request) => missing(request, 'ConditionCheck', 'ConditionExpression'),
  },
  {
    name: 'An update of a transaction has an update expression',
    source: api('Update'),
    refuses: (request) => missing(request, 'Update', 'UpdateExpression'),
  },
  {
    name: 'The client token of a transaction has 1 to 36 characters',
    source: api('TransactWriteItems'),
    refuses: (request) => {
      const { ClientRequestToken: token } = request.input;
      if (typeof token !== 'string' || (token.length >= 1 && token.length <= MAX_TOKEN)) return undefined;
      const demand = token === '' ? 'greater than or equal to 1' : `less than or equal to ${MAX_TOKEN}`;
      return constraint('clientRequestToken', token, `have length ${demand}`);
    },
  },
  {
    name: 'A failed condition returns ALL_OLD or NONE',
    source: api('PutItem'),
    refuses: (request) => {
      const member = 'ReturnValuesOnConditionCheckFailure';
      const call = itemCallsOf(request).find(
        ({ input }) => input[member] !== undefined && !['ALL_OLD', 'NONE'].includes(String(input[member])),
      );
      return (
        call &&
        constraint(
          `${call.at}returnValuesOnConditionCheckFailure`,
          call.input[member],
          'satisfy enum value set: [ALL_OLD, NONE]',
        )
      );
    },
  },
  {
    name: 'A batch writes 1 to 25 items',
    source: api('BatchWriteItem'),
    refuses: (request) => {
      const tables = batched(request, 'BatchWriteItem');
      const writes = count(tables.map(([, requests]) => requests));
      return writes > MAX_WRITES
        ? constraint(
            'requestItems',
            `{${writes} requests}`,
            `have length less than or equal to ${MAX_WRITES}`,
          )
        : undefined;
    },
  },
  {
    name: 'Each request of a batch puts one item or deletes one item',
    source: api('WriteRequest'),
    refuses: (request) =>
      batched(request, 'BatchWriteItem').some(([, requests]) =>
        objects(requests).some((each) => Object.keys(each).length !== 1),
      )
        ? 'Supplied AttributeValue has more than one datatypes set, must contain exactly one of the supported datatypes'
        : undefined,
  },
  {
    name: 'A batch reads at most 100 items',
    source: api('BatchGetItem'),
    refuses: (request) => {
      const reads = count(
        batched(request, 'BatchGetItem').map(([, part]) => (part as { Keys?: unknown }).Keys),
      );
      return reads > MAX_READS ? 'Too many items requested for the BatchGetItem call' : undefined;
    },
  },
  {
    name: 'A batch write has at most 16 MB',
    source: api('BatchWriteItem'),
    error: 'RequestEntityTooLargeException',
    status: 413,
    refuses: ({ operation, input }) =>
      operation === 'BatchWriteItem' && Buffer.byteLength(JSON.stringify(input)) > MAX_BATCH_BYTES
        ? 'Request size exceeds 16777216 bytes'
        : undefined,
  },
];
