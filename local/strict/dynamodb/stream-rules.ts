import { constraint, type Rule } from '../rule.ts';
import type { DynamoDbRequest } from './request.ts';
import { streamsApi } from './sources.ts';

/** Of the service model. Shard ids and sequence numbers of the local engine are shorter than those of AWS. */
const LENGTHS = { StreamArn: [37, 1_024], ShardIterator: [1, 2_048] } as const;

const MAX_LIMIT: Readonly<Record<string, number>> = {
  DescribeStream: 100,
  ListStreams: 100,
  GetRecords: 1_000,
};
const NEEDS_NUMBER = ['AT_SEQUENCE_NUMBER', 'AFTER_SEQUENCE_NUMBER'];

const camel = (member: string): string => member.charAt(0).toLowerCase() + member.slice(1);

/** DynamoDB Streams. */
export const streamRules: readonly Rule<DynamoDbRequest>[] = [
  {
    name: 'The ARN of a stream has 37 to 1,024 characters and an iterator 1 to 2,048',
    source: streamsApi('GetShardIterator'),
    refuses: ({ input }) => {
      for (const [member, [min, max]] of Object.entries(LENGTHS)) {
        const value = input[member];
        if (typeof value !== 'string') continue;
        if (value.length < min)
          return constraint(camel(member), value, `have length greater than or equal to ${min}`);
        if (value.length > max)
          return constraint(camel(member), value, `have length less than or equal to ${max}`);
      }
      return undefined;
    },
  },
  {
    name: 'A read of a stream asks for 1 to 1,000 records, a list for 1 to 100 entries',
    source: streamsApi('GetRecords'),
    refuses: ({ operation, input }) => {
      const max = MAX_LIMIT[operation];
      const { Limit } = input;
      if (max === undefined || typeof Limit !== 'number' || (Limit >= 1 && Limit <= max)) return undefined;
      return constraint(
        'limit',
        Limit,
        Limit < 1 ? 'have value greater than or equal to 1' : `have value less than or equal to ${max}`,
      );
    },
  },
  {
    name: 'An iterator at or after a record names its sequence number, and no other iterator does',
    source: streamsApi('GetShardIterator'),
    refuses: ({ operation, input }) => {
      if (operation !== 'GetShardIterator') return undefined;
      const needed = NEEDS_NUMBER.includes(String(input['ShardIteratorType']));
      const given = input['SequenceNumber'] !== undefined;
      if (needed === given) return undefined;
      return needed
        ? 'SequenceNumber must be specified for this ShardIteratorType'
        : 'SequenceNumber must not be specified for this ShardIteratorType';
    },
  },
  {
    name: 'A stream that is described exists',
    source: streamsApi('DescribeStream'),
    error: 'ResourceNotFoundException',
    refuses: ({ operation, input, shardsOf }) => {
      const named = operation === 'DescribeStream' || operation === 'GetShardIterator';
      return named && shardsOf(input['StreamArn']) === undefined
        ? `Requested resource not found: Stream: ${String(input['StreamArn'])} not found`
        : undefined;
    },
  },
  {
    name: 'An iterator is for a shard of the stream',
    source: streamsApi('GetShardIterator'),
    error: 'ResourceNotFoundException',
    refuses: ({ operation, input, shardsOf }) =>
      operation === 'GetShardIterator' &&
      shardsOf(input['StreamArn'])?.includes(String(input['ShardId'])) === false
        ? `Requested resource not found: Shard does not exist`
        : undefined,
  },
];
