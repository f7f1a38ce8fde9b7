import {
  B,
  BINARY,
  type Call,
  check,
  type Input,
  KEY,
  many,
  N,
  put,
  query,
  S,
  TAB,
  transaction,
  update,
} from './dynamodb-requests.ts';

const EMPTY = 'The AttributeValue for a key attribute cannot contain an empty';
const NOT_VALID = 'One or more parameter values are not valid.';
const INVALID = 'One or more parameter values were invalid:';
const HASH_SIZE = `${INVALID} Size of hashkey has exceeded the maximum size limit of2048 bytes`;
const RANGE_SIZE = `${INVALID} Aggregated size of all range keys has exceeded the size limit of 1024 bytes`;
const LONG = 'x'.repeat(256);
export const pkOf = (i: number) => ({ pk: S(`k${i}`), sk: S('x') });
const EMPTY_DUE: Input = { ...KEY, grp: S('g'), due: S('') };

/** A request that breaks a rule, with the message of DynamoDB. */
export type Broken = readonly [call: Call, message: string];

export interface Stream {
  readonly streamArn: string;
  readonly shardId: string;
}

const onStream = ({ streamArn, shardId }: Stream, input: Input): Input => ({
  StreamArn: streamArn,
  ShardId: shardId,
  ...input,
});

/** By the name of the rule, for the tables of `startStrictTables`. */
export const DYNAMODB_CASES: Readonly<Record<string, (stream: Stream) => readonly Broken[]>> = {
  'A transaction has 1 to 100 actions': () => [
    [
      transaction(many(101, (i) => ({ Put: { ...TAB, Item: pkOf(i) } }))),
      "1 validation error detected: Value '[101 items]' at 'transactItems' failed to satisfy constraint: Member must have length less than or equal to 100",
    ],
    [
      transaction([]),
      "1 validation error detected: Value '[0 items]' at 'transactItems' failed to satisfy constraint: Member must have length greater than or equal to 1",
    ],
  ],
  'Each action of a transaction does one thing': () =>
    [{ Put: { ...TAB, Item: KEY }, Delete: { ...TAB, Key: pkOf(1) } }, {}].map((action) => [
      transaction([action]),
      'TransactItems can only contain one of Check, Put, Update or Delete',
    ]),
  'A condition check of a transaction has a condition': () => [
    [
      transaction([{ Put: { ...TAB, Item: pkOf(1) } }, { ConditionCheck: { ...TAB, Key: KEY } }]),
      "1 validation error detected: Value null at 'transactItems.2.member.conditionCheck.conditionExpression' failed to satisfy constraint: Member must not be null",
    ],
  ],
  'An update of a transaction has an update expression': () => [
    [
      transaction([{ Update: { ...TAB, Key: KEY } }]),
      "1 validation error detected: Value null at 'transactItems.1.member.update.updateExpression' failed to satisfy constraint: Member must not be null",
    ],
  ],
  'The client token of a transaction has 1 to 36 characters': () => [
    [
      transaction([{ Put: { ...TAB, Item: KEY } }], { ClientRequestToken: '' }),
      "1 validation error detected: Value '' at 'clientRequestToken' failed to satisfy constraint: Member must have length greater than or equal to 1",
    ],
    [
      transaction([{ Put: { ...TAB, Item: KEY } }], { ClientRequestToken: 't'.repeat(37) }),
      `1 validation error detected: Value '${'t'.repeat(37)}' at 'clientRequestToken' failed to satisfy constraint: Member must have length less than or equal to 36`,
    ],
  ],
  'A failed condition returns ALL_OLD or NONE': () => [
    [
      put(KEY, { ReturnValuesOnConditionCheckFailure: 'ALL_NEW' }),
      "1 validation error detected: Value 'ALL_NEW' at 'returnValuesOnConditionCheckFailure' failed to satisfy constraint: Member must satisfy enum value set: [ALL_OLD, NONE]",
    ],
    [
      transaction([{ Put: { ...TAB, Item: KEY, ReturnValuesOnConditionCheckFailure: 'X' } }]),
      "1 validation error detected: Value 'X' at 'transactItems.1.member.put.returnValuesOnConditionCheckFailure' failed to satisfy constraint: Member must satisfy enum value set: [ALL_OLD, NONE]",
    ],
  ],
  'A batch writes 1 to 25 items': () => [
    [
      [
        'BatchWriteItem',
        {
          RequestItems: {
            things: many(13, (i) => ({ DeleteRequest: { Key: pkOf(i) } })),
            binaries: many(13, (i) => ({ DeleteRequest: { Key: { pk: B('a'), sk: N(i) } } })),
          },
        },
      ],
      "1 validation error detected: Value '{26 requests}' at 'requestItems' failed to satisfy constraint: Member must have length less than or equal to 25",
    ],
  ],
  'Each request of a batch puts one item or deletes one item': () => [
    [
      [
        'BatchWriteItem',
        { RequestItems: { things: [{ PutRequest: { Item: KEY }, DeleteRequest: { Key: pkOf(1) } }] } },
      ],
      'Supplied AttributeValue has more than one datatypes set, must contain exactly one of the supported datatypes',
    ],
  ],
  'A batch reads at most 100 items': () => [
    [
      [
        'BatchGetItem',
        {
          RequestItems: {
            things: { Keys: many(51, pkOf) },
            binaries: { Keys: many(50, (i) => ({ pk: B('a'), sk: N(i) })) },
          },
        },
      ],
      'Too many items requested for the BatchGetItem call',
    ],
  ],
  'A batch write has at most 16 MB': () => [
    [
      [
        'BatchWriteItem',
        {
          RequestItems: {
            things: many(25, (i) => ({ PutRequest: { Item: { ...pkOf(i), text: S('x'.repeat(700_000)) } } })),
          },
        },
      ],
      'Request size exceeds 16777216 bytes',
    ],
  ],
  'A key condition has the form "partition key = value", and at most one condition on the sort key': () => {
    const p = { ':p': S('a') };
    const both = { ...p, ':s': S('b') };
    const operator = 'Invalid operator used in KeyConditionExpression:';
    return [
      [query('pk > :p', p), 'Query key condition not supported'],
      [query('begins_with(pk, :p)', p), 'Query key condition not supported'],
      [query('sk = :p', p), 'Query condition missed key schema element: pk'],
      [query('pk = :p AND extra = :s', both), 'Query condition missed key schema element: sk'],
      [
        query('grp = :p AND sk = :s', both, { IndexName: 'by-group' }),
        'Query condition missed key schema element: due',
      ],
      [query('pk = :p OR sk = :s', both), `${operator} OR`],
      [query('NOT pk = :p', p), `${operator} NOT`],
      [query('pk = :p AND sk <> :s', both), `${operator} <>`],
      [query('pk = :p AND sk IN (:s)', both), `${operator} IN`],
      [query('pk = :p AND contains(sk, :s)', both), `${operator} contains`],
      [query('pk = :p AND attribute_exists(sk)', p), `${operator} attribute_exists`],
      [
        query('pk = :p AND sk > :s AND sk < :t', { ...both, ':t': S('c') }),
        'Invalid KeyConditionExpression: KeyConditionExpressions must only contain one condition per key',
      ],
      [
        query('pk = :p AND pk = :s', both),
        'Invalid KeyConditionExpression: KeyConditionExpressions must only contain one condition per key',
      ],
      [
        query('pk = :p AND sk > :s AND extra = :t', { ...both, ':t': S('c') }),
        'The number of query conditions (3) exceeds the number of key attributes defined in the schema (2)',
      ],
      [
        query('pk = sk', p),
        'Invalid condition in KeyConditionExpression: Multiple attribute names used in one condition',
      ],
      [query(':p = :s', both), 'Invalid condition in KeyConditionExpression: No key attribute specified'],
      [
        query('pk = :p AND size(sk) = :s', both),
        'Invalid KeyConditionExpression: KeyConditionExpressions cannot contain nested operations',
      ],
      [
        query('pk = :p AND sk.part = :s', both),
        'Invalid KeyConditionExpression: KeyConditionExpressions cannot have conditions on nested attributes',
      ],
    ];
  },
  'An operator of a key condition compares with a type that keys can have': () =>
    [
      ['begins_with(sk, :s)', N(1), 'begins_with', 'N'],
      ['sk < :s', { BOOL: true }, '<', 'BOOL'],
      [':s >= sk', { BOOL: true }, '<=', 'BOOL'],
      ['sk BETWEEN :s AND :s', { NULL: true }, 'BETWEEN', 'NULL'],
    ].map(([condition, value, operator, type]) => [
      query(`pk = :p AND ${condition}`, { ':p': S('a'), ':s': value }),
      `Invalid KeyConditionExpression: Incorrect operand type for operator or function; operator or function: ${operator}, operand type: ${type}`,
    ]),
  'A key condition compares with the type of the key attribute': () => {
    const message = `${INVALID} Condition parameter type does not match schema type`;
    return [
      [query('pk = :p', { ':p': N(1) }), message],
      [query('pk = :p AND sk = :s', { ':p': S('a'), ':s': { BOOL: true } }), message],
      [query('grp = :p AND due <= :s', { ':p': S('a'), ':s': N(1) }, { IndexName: 'by-group' }), message],
      [
        [
          'Query',
          {
            ...BINARY,
            KeyConditionExpression: 'pk = :p AND begins_with(sk, :s)',
            ExpressionAttributeValues: { ':p': B('a'), ':s': S('a') },
          },
        ],
        message,
      ],
    ];
  },
  'A key condition compares with no empty string and no empty binary': () => {
    const p = { ':p': S('a') };
    const message = (key: string, kind = 'string') => `${NOT_VALID} ${EMPTY} ${kind} value. Key: ${key}`;
    const index = { IndexName: 'by-group' };
    return [
      [query('pk = :p', { ':p': S('') }), message('pk')],
      [query('pk = :p AND sk = :s', { ...p, ':s': S('') }), message('sk')],
      [query('pk = :p AND sk > :s', { ...p, ':s': S('') }), message('sk')],
      [query('pk = :p AND :s < sk', { ...p, ':s': S('') }), message('sk')],
      [query('#k = :p', { ':p': S('') }, { ExpressionAttributeNames: { '#k': 'pk' } }), message('pk')],
      [query('pk = :p AND begins_with(sk, :s)', { ...p, ':s': S('') }), message('sk')],
      [query('pk = :p AND sk BETWEEN :s AND :t', { ...p, ':s': S(''), ':t': S('z') }), message('sk')],
      [
        query('grp = :p AND due BETWEEN :s AND :t', { ...p, ':s': S(''), ':t': S('z') }, index),
        message('due'),
      ],
      [query('grp = :p', { ':p': S('') }, index), message('grp')],
      [
        [
          'Query',
          { ...TAB, KeyConditions: { pk: { ComparisonOperator: 'EQ', AttributeValueList: [S('')] } } },
        ],
        message('pk'),
      ],
      [
        [
          'Query',
          { ...BINARY, KeyConditionExpression: 'pk = :p', ExpressionAttributeValues: { ':p': B('') } },
        ],
        message('pk', 'binary'),
      ],
    ];
  },
  'A value in a key condition is no longer than a key can be': () => [
    [query('pk = :p', { ':p': S('x'.repeat(2_049)) }), HASH_SIZE],
    [query('pk = :p AND sk <= :s', { ':p': S('a'), ':s': S('é'.repeat(513)) }), RANGE_SIZE],
  ],
  'The start key of a page holds no empty string and no empty binary': () => {
    const message = `The provided starting key is invalid: ${NOT_VALID} ${EMPTY} string value. Key: sk`;
    const ExclusiveStartKey = { pk: S('a'), sk: S('') };
    return [
      [query('pk = :p', { ':p': S('a') }, { ExclusiveStartKey }), message],
      [['Scan', { ...TAB, ExclusiveStartKey }], message],
    ];
  },
  'The start key of a page lies within the key condition of the query': () => [
    [
      query('pk = :p', { ':p': S('a') }, { ExclusiveStartKey: { pk: S('b'), sk: S('x') } }),
      'The provided starting key is outside query boundaries based on provided conditions',
    ],
    [
      query('pk = :p AND sk > :s', { ':p': S('a'), ':s': S('m') }, { ExclusiveStartKey: KEY }),
      'The provided starting key does not match the range key predicate',
    ],
  ],
  'A key of an item holds no empty string and no empty binary': () => {
    const Key = { pk: S('a'), sk: S('') };
    const message = `${NOT_VALID} ${EMPTY} string value. Key: sk`;
    const expression = { UpdateExpression: 'SET x = :x', ExpressionAttributeValues: { ':x': N(1) } };
    const calls: Call[] = [
      ['GetItem', { ...TAB, Key }],
      ['DeleteItem', { ...TAB, Key }],
      ['UpdateItem', { ...TAB, Key, ...expression }],
      put(Key),
      ['BatchGetItem', { RequestItems: { things: { Keys: [Key] } } }],
      ['BatchWriteItem', { RequestItems: { things: [{ PutRequest: { Item: Key } }] } }],
      ['BatchWriteItem', { RequestItems: { things: [{ DeleteRequest: { Key } }] } }],
      ['TransactGetItems', { TransactItems: [{ Get: { ...TAB, Key } }] }],
      transaction([{ Put: { ...TAB, Item: Key } }]),
      transaction([{ Update: { ...TAB, Key, ...expression } }]),
      transaction([{ Delete: { ...TAB, Key } }]),
      transaction([{ ConditionCheck: { ...TAB, Key, ConditionExpression: 'attribute_exists(pk)' } }]),
    ];
    return [
      ...calls.map((call) => [call, message] as const),
      [
        ['GetItem', { ...BINARY, Key: { pk: B(''), sk: N(1) } }],
        `${NOT_VALID} ${EMPTY} binary value. Key: pk`,
      ],
    ];
  },
  'A partition key has at most 2,048 bytes and a sort key at most 1,024': () => [
    [put({ pk: S('x'.repeat(2_049)), sk: S('b') }), HASH_SIZE],
    [['GetItem', { ...TAB, Key: { pk: S('a'), sk: S('é'.repeat(513)) } }], RANGE_SIZE],
  ],
  'A key of a secondary index is never set to an empty string or an empty binary': () => {
    const written = `${NOT_VALID} A value specified for a secondary index key is not supported. ${EMPTY} string value. IndexName: by-group, IndexKey: due`;
    const changed = `${NOT_VALID} The update expression attempted to update a secondary index key to a value that is not supported. ${EMPTY} string value.`;
    const empty = { ':e': S('') };
    return [
      [put(EMPTY_DUE), written],
      [transaction([{ Put: { ...TAB, Item: EMPTY_DUE } }]), written],
      [['BatchWriteItem', { RequestItems: { things: [{ PutRequest: { Item: EMPTY_DUE } }] } }], written],
      [update('SET due = :e', empty), changed],
      [
        update('SET #d = if_not_exists(#d, :e)', empty, { ExpressionAttributeNames: { '#d': 'due' } }),
        changed,
      ],
    ];
  },
  'A key of a secondary index has at most 2,048 bytes as partition key and 1,024 as sort key': () => [
    [put({ ...KEY, grp: S('x'.repeat(2_049)), due: S('d') }), HASH_SIZE],
    [put({ ...KEY, grp: S('g'), due: S('x'.repeat(1_025)) }), RANGE_SIZE],
    [update('SET due = :d', { ':d': S('x'.repeat(1_025)) }), RANGE_SIZE],
  ],
  'An expression has at most 300 operators and functions': () => [
    [
      check(many(151, () => 'a=:a').join(' OR '), { ':a': S('a') }),
      'Invalid ConditionExpression: The expression contains too many operators; operator count: 301',
    ],
  ],
  'IN has at most 100 operands': () => {
    const values = Object.fromEntries(many(101, (i) => [`:v${i}`, N(i)]));
    return [
      [
        check(`NOT a IN (${Object.keys(values)})`, values),
        'Invalid ConditionExpression: The IN operator is provided with too many operands; number of operands: 101',
      ],
    ];
  },
  'attribute_type names a type of DynamoDB': () => [
    [
      check('attribute_type(a, :a)', { ':a': S('STRING') }),
      'Invalid ConditionExpression: Invalid attribute type name found; type: STRING, valid types: {B,NULL,SS,BOOL,L,BS,N,NS,S,M}',
    ],
  ],
  'An ordering comparison has only strings, numbers and binaries as operands': () =>
    [
      ['a < :a', '<'],
      ['NOT (a >= :a)', '>='],
      ['a BETWEEN :a AND :a', 'BETWEEN'],
    ].map(([condition = '', operator]) => [
      check(condition, { ':a': { BOOL: true } }),
      `Invalid ConditionExpression: Incorrect operand type for operator or function; operator or function: ${operator}, operand type: BOOL`,
    ]),
  'A comparison does not compare an attribute with itself': () => [
    [
      check('a = a'),
      'Invalid ConditionExpression: The first operand must be distinct from the remaining operands for this operator or function; operator: =, first operand: [a]',
    ],
  ],
  'Every value that is given is used in an expression': () => [
    [
      update('SET a = :a', { ':a': S('a'), ':b': S('b') }),
      'Value provided in ExpressionAttributeValues unused in expressions: keys: {:b}',
    ],
    [
      transaction([
        {
          Put: {
            ...TAB,
            Item: KEY,
            ConditionExpression: 'attribute_not_exists(pk)',
            ExpressionAttributeValues: { ':b': S('b') },
          },
        },
      ]),
      'Value provided in ExpressionAttributeValues unused in expressions: keys: {:b}',
    ],
  ],
  'Every name that is given is used in an expression': () => [
    [
      update('SET a = :a', { ':a': S('a') }, { ExpressionAttributeNames: { '#b': 'b' } }),
      'Value provided in ExpressionAttributeNames unused in expressions: keys: {#b}',
    ],
  ],
  'A placeholder has at most 255 bytes': () => [
    [
      check(`a = :${LONG}`, { [`:${LONG}`]: S('a') }),
      `ExpressionAttributeValues contains invalid key: The expression attribute map contains a key that is too long; key: ":${LONG}"`,
    ],
  ],
  'Names and values of an expression have at most 2 MB together': () => [
    [
      check('a <> :a', { ':a': S('x'.repeat(2_097_152)) }),
      'The total size of the substitution variables has exceeded the maximum allowed size of 2 MB',
    ],
  ],
  'A query of a global secondary index asks only for attributes that the index holds': () => [
    [
      query('grp = :p', { ':p': S('a') }, { IndexName: 'by-group', ProjectionExpression: 'pk, extra' }),
      `${INVALID} Global secondary index by-group does not project [extra]`,
    ],
  ],
  'An attribute has a name': () => [[put({ ...KEY, '': S('x') }), `${INVALID} Empty attribute name`]],
  'The name of an attribute has less than 64 KB': () => [
    [
      put({ ...KEY, ['n'.repeat(65_536)]: S('x') }),
      `${INVALID} Attribute name is too large, must be less than 65536 bytes`,
    ],
  ],
  'The name of a key attribute has 1 to 255 bytes': () => [
    [
      [
        'CreateTable',
        {
          TableName: 'long',
          BillingMode: 'PAY_PER_REQUEST',
          AttributeDefinitions: [{ AttributeName: LONG, AttributeType: 'S' }],
          KeySchema: [{ AttributeName: LONG, KeyType: 'HASH' }],
        },
      ],
      `1 validation error detected: Value '${LONG}' at 'attributeDefinitions.1.member.attributeName' failed to satisfy constraint: Member must have length less than or equal to 255`,
    ],
  ],
  'The attribute that expires items has a name of 1 to 255 bytes': () => [
    [
      ['UpdateTimeToLive', { ...TAB, TimeToLiveSpecification: { AttributeName: LONG, Enabled: true } }],
      `1 validation error detected: Value '${LONG}' at 'timeToLiveSpecification.attributeName' failed to satisfy constraint: Member must have length less than or equal to 255`,
    ],
  ],
  'Expiry is switched on only where it is off, and off only where it is on': () => [
    [
      ['UpdateTimeToLive', { ...TAB, TimeToLiveSpecification: { AttributeName: 'ttl', Enabled: false } }],
      'TimeToLive is already disabled',
    ],
  ],
  'A stream that is switched on has a view type': () => [
    [
      [
        'CreateTable',
        {
          TableName: 'streamed',
          BillingMode: 'PAY_PER_REQUEST',
          AttributeDefinitions: [{ AttributeName: 'pk', AttributeType: 'S' }],
          KeySchema: [{ AttributeName: 'pk', KeyType: 'HASH' }],
          StreamSpecification: { StreamEnabled: true },
        },
      ],
      `${INVALID} StreamViewType must be specified when StreamEnabled is true`,
    ],
  ],
  'A table with provisioned capacity says how much': () => [
    [
      [
        'CreateTable',
        {
          TableName: 'provisioned',
          AttributeDefinitions: [{ AttributeName: 'pk', AttributeType: 'S' }],
          KeySchema: [{ AttributeName: 'pk', KeyType: 'HASH' }],
        },
      ],
      `${INVALID} ReadCapacityUnits and WriteCapacityUnits must both be specified when BillingMode is PROVISIONED`,
    ],
  ],
  'The ARN of a stream has 37 to 1,024 characters and an iterator 1 to 2,048': () => [
    [
      ['streams.DescribeStream', { StreamArn: 'arn' }],
      "1 validation error detected: Value 'arn' at 'streamArn' failed to satisfy constraint: Member must have length greater than or equal to 37",
    ],
    [
      ['streams.GetRecords', { ShardIterator: 'i'.repeat(2_049) }],
      `1 validation error detected: Value '${'i'.repeat(2_049)}' at 'shardIterator' failed to satisfy constraint: Member must have length less than or equal to 2048`,
    ],
  ],
  'A read of a stream asks for 1 to 1,000 records, a list for 1 to 100 entries': (stream) => [
    [
      ['streams.GetRecords', { ShardIterator: 'iterator', Limit: 1_001 }],
      "1 validation error detected: Value '1001' at 'limit' failed to satisfy constraint: Member must have value less than or equal to 1000",
    ],
    [
      ['streams.ListStreams', { Limit: 101 }],
      "1 validation error detected: Value '101' at 'limit' failed to satisfy constraint: Member must have value less than or equal to 100",
    ],
    [
      ['streams.DescribeStream', { StreamArn: stream.streamArn, Limit: 0 }],
      "1 validation error detected: Value '0' at 'limit' failed to satisfy constraint: Member must have value greater than or equal to 1",
    ],
  ],
  'An iterator at or after a record names its sequence number, and no other iterator does': (stream) => [
    [
      ['streams.GetShardIterator', onStream(stream, { ShardIteratorType: 'AFTER_SEQUENCE_NUMBER' })],
      'SequenceNumber must be specified for this ShardIteratorType',
    ],
    [
      ['streams.GetShardIterator', onStream(stream, { ShardIteratorType: 'LATEST', SequenceNumber: '1' })],
      'SequenceNumber must not be specified for this ShardIteratorType',
    ],
  ],
  'A stream that is described exists': (stream) => [
    [
      ['streams.DescribeStream', { StreamArn: `${stream.streamArn}9` }],
      `Requested resource not found: Stream: ${stream.streamArn}9 not found`,
    ],
  ],
  'An iterator is for a shard of the stream': (stream) => [
    [
      ['streams.GetShardIterator', onStream(stream, { ShardId: 'shardId-9', ShardIteratorType: 'LATEST' })],
      'Requested resource not found: Shard does not exist',
    ],
  ],
};
