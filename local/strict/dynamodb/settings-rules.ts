import { constraint, type Rule } from '../rule.ts';
import { type DynamoDbRequest, entries, type Item, itemCallsOf, type Json } from './request.ts';
import { ATTRIBUTE_LIMITS, api, LIMITS } from './sources.ts';

const MAX_NAME_BYTES = 65_535;
const MAX_KEY_NAME_BYTES = 255;

const attributeNames = (request: DynamoDbRequest): readonly string[] =>
  itemCallsOf(request).flatMap(({ input }) => [
    ...Object.keys((input['Item'] ?? {}) as Item),
    ...entries(input['ExpressionAttributeNames']).map(([, name]) => String(name)),
  ]);

const ttlOf = ({ operation, input }: DynamoDbRequest): Json | undefined =>
  operation === 'UpdateTimeToLive' ? (input['TimeToLiveSpecification'] as Json | undefined) : undefined;

const creation = ({ operation, input }: DynamoDbRequest): Json | undefined =>
  operation === 'CreateTable' ? input : undefined;

/** Names of attributes, expiry, and what a table is created with. */
export const settingsRules: readonly Rule<DynamoDbRequest>[] = [
  {
    name: 'An attribute has a name',
    source: ATTRIBUTE_LIMITS,
    refuses: (request) =>
      attributeNames(request).includes('')
        ? 'One or more parameter values were invalid: Empty attribute name'
        : undefined,
  },
  {
    name: 'The name of an attribute has less than 64 KB',
    source: ATTRIBUTE_LIMITS,
    refuses: (request) =>
      attributeNames(request).some((name) => Buffer.byteLength(name) > MAX_NAME_BYTES)
        ? 'One or more parameter values were invalid: Attribute name is too large, must be less than 65536 bytes'
        : undefined,
  },
  {
    name: 'The name of a key attribute has 1 to 255 bytes',
    source: LIMITS,
    refuses: (request) => {
      const definitions = (creation(request)?.['AttributeDefinitions'] ?? []) as readonly Json[];
      const index = definitions.findIndex(
        ({ AttributeName }) => Buffer.byteLength(String(AttributeName)) > MAX_KEY_NAME_BYTES,
      );
      return index < 0
        ? undefined
        : constraint(
            `attributeDefinitions.${index + 1}.member.attributeName`,
            definitions[index]?.['AttributeName'],
            `have length less than or equal to ${MAX_KEY_NAME_BYTES}`,
          );
    },
  },
  {
    name: 'The attribute that expires items has a name of 1 to 255 bytes',
    source: api('TimeToLiveSpecification'),
    refuses: (request) => {
      const name = ttlOf(request)?.['AttributeName'];
      return typeof name === 'string' && Buffer.byteLength(name) > MAX_KEY_NAME_BYTES
        ? constraint(
            'timeToLiveSpecification.attributeName',
            name,
            `have length less than or equal to ${MAX_KEY_NAME_BYTES}`,
          )
        : undefined;
    },
  },
  {
    name: 'Expiry is switched on only where it is off, and off only where it is on',
    source: api('UpdateTimeToLive'),
    refuses: (request) => {
      const ttl = ttlOf(request);
      if (ttl === undefined || typeof ttl['Enabled'] !== 'boolean') return undefined;
      const { ttlAttribute } = request;
      if (ttl['Enabled'] !== (ttlAttribute !== undefined)) return undefined;
      if (ttlAttribute === undefined) return 'TimeToLive is already disabled';
      return ttlAttribute === ttl['AttributeName']
        ? 'TimeToLive is already enabled'
        : `TimeToLive is active on a different AttributeName: current AttributeName is ${ttlAttribute}`;
    },
  },
  {
    name: 'A stream that is switched on has a view type',
    source: api('StreamSpecification'),
    refuses: (request) => {
      const stream = creation(request)?.['StreamSpecification'] as Json | undefined;
      return stream?.['StreamEnabled'] === true && stream['StreamViewType'] === undefined
        ? 'One or more parameter values were invalid: StreamViewType must be specified when StreamEnabled is true'
        : undefined;
    },
  },
  {
    name: 'A table with provisioned capacity says how much',
    source: api('CreateTable'),
    refuses: (request) => {
      const table = creation(request);
      const provisioned = table !== undefined && table['BillingMode'] !== 'PAY_PER_REQUEST';
      return provisioned && table['ProvisionedThroughput'] === undefined
        ? 'One or more parameter values were invalid: ReadCapacityUnits and WriteCapacityUnits must both be specified when BillingMode is PROVISIONED'
        : undefined;
    },
  },
];
