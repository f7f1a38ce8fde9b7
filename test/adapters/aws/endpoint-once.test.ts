import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { GetItemCommand } from '@aws-sdk/client-dynamodb';
import { DescribeKeyCommand } from '@aws-sdk/client-kms';
import { GetCommand, TransactWriteCommand } from '@aws-sdk/lib-dynamodb';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { dynamoDbClient, kmsClient, plainDynamoDbClient } from '../../../lambdas/adapters/aws/clients.ts';

interface Sent {
  readonly protocol: string;
  readonly hostname: string;
  readonly headers: Readonly<Record<string, string>>;
}
interface Configured {
  readonly config: {
    readonly endpointProvider: (...given: never[]) => unknown;
    readonly requestHandler: object;
  };
}

let server: Server;
let url: string;
let answered: number;

beforeEach(async () => {
  answered = 0;
  server = createServer((_, response) => {
    answered++;
    response.writeHead(200).end('{}');
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  process.env['AWS_ACCESS_KEY_ID'] = 'local';
  process.env['AWS_SECRET_ACCESS_KEY'] = 'local';
});

afterEach(() => {
  server.closeAllConnections();
  server.close();
  delete process.env['AWS_USE_FIPS_ENDPOINT'];
  delete process.env['AWS_USE_DUALSTACK_ENDPOINT'];
});

/** Counts how often the client asks the SDK's rule set for an endpoint. */
const countRules = ({ config }: Configured): { times: number } => {
  const counted = { times: 0 };
  const { endpointProvider } = config;
  Object.assign(config, {
    endpointProvider: (...given: never[]) => {
      counted.times++;
      return endpointProvider(...given);
    },
  });
  return counted;
};

/** Collects the requests of a client instead of sending them. */
const collect = ({ config }: Configured): readonly Sent[] => {
  const sent: Sent[] = [];
  Object.assign(config.requestHandler, {
    handle: async (request: Sent) => {
      sent.push(request);
      throw new Error('Nothing leaves this machine.');
    },
  });
  return sent;
};

const twice = async (call: () => Promise<unknown>): Promise<void> => {
  await call().catch(() => undefined);
  await call().catch(() => undefined);
};

test('a DynamoDB client resolves the endpoint of each operation once, and each call arrives there', async () => {
  const dynamoDb = dynamoDbClient({ AWS_REGION: 'eu-west-1', AWS_ENDPOINT_URL_DYNAMODB: url });
  const rules = countRules(dynamoDb as unknown as Configured);
  for (const TableName of ['keys', 'sessions', 'usage'])
    await dynamoDb.send(new GetCommand({ TableName, Key: { pk: 'K1' } }));
  expect(rules.times).toBe(1);
  await dynamoDb.send(new TransactWriteCommand({ TransactItems: [] }));
  await dynamoDb.send(new TransactWriteCommand({ TransactItems: [] }));
  expect(rules.times).toBe(2);
  expect(answered).toBe(5);
});

test('a KMS client resolves the endpoint of each operation once, and each call arrives there', async () => {
  const kms = kmsClient({ AWS_REGION: 'eu-west-1', AWS_ENDPOINT_URL_KMS: url });
  const rules = countRules(kms as unknown as Configured);
  await kms.send(new DescribeKeyCommand({ KeyId: 'key-1' }));
  await kms.send(new DescribeKeyCommand({ KeyId: 'key-2' }));
  expect(rules.times).toBe(1);
  expect(answered).toBe(2);
});

test.each([
  {
    settings: 'FIPS endpoints',
    variable: 'AWS_USE_FIPS_ENDPOINT',
    hosts: ['dynamodb-fips.us-west-2.amazonaws.com', 'kms-fips.us-west-2.amazonaws.com'],
  },
  {
    settings: 'dual-stack endpoints',
    variable: 'AWS_USE_DUALSTACK_ENDPOINT',
    hosts: ['dynamodb.us-west-2.api.aws', 'kms.us-west-2.api.aws'],
  },
  {
    settings: 'no settings',
    variable: undefined,
    hosts: ['dynamodb.us-west-2.amazonaws.com', 'kms.us-west-2.amazonaws.com'],
  },
])('with $settings, the first and each later call use the host of the SDK', async ({ variable, hosts }) => {
  if (variable !== undefined) process.env[variable] = 'true';
  const dynamoDb = dynamoDbClient({ AWS_REGION: 'us-west-2' });
  const kms = kmsClient({ AWS_REGION: 'us-west-2' });
  const toTables = collect(dynamoDb as unknown as Configured);
  const toKeys = collect(kms as unknown as Configured);
  await twice(() => dynamoDb.send(new GetCommand({ TableName: 'keys', Key: { pk: 'K1' } })));
  await twice(() => kms.send(new DescribeKeyCommand({ KeyId: 'key-1' })));
  expect(toTables.map(({ protocol, hostname }) => [protocol, hostname])).toEqual([
    ['https:', hosts[0]],
    ['https:', hosts[0]],
  ]);
  expect(toKeys.map(({ hostname }) => hostname)).toEqual([hosts[1], hosts[1]]);
});

test('an endpoint with its own signing rules applies them to the first and each later call', async () => {
  const dynamoDb = dynamoDbClient({ AWS_REGION: 'local' });
  const sent = collect(dynamoDb as unknown as Configured);
  await twice(() => dynamoDb.send(new GetCommand({ TableName: 'keys', Key: { pk: 'K1' } })));
  const signedFor = sent.map(
    ({ headers }) => /\/(\S+)\/dynamodb\//.exec(headers['authorization'] ?? '')?.[1],
  );
  expect(signedFor.map((scope) => scope?.split('/').at(-1))).toEqual(['us-east-1', 'us-east-1']);
});

test('a client refuses to send if the SDK has no endpoint middleware of the expected name', () => {
  const { middlewareStack } = plainDynamoDbClient({ AWS_REGION: 'eu-west-1' });
  // A command gets its middleware when it is sent; before that, its stack is empty.
  const without = new GetItemCommand({ TableName: 'keys', Key: {} }).middlewareStack;
  expect(() => middlewareStack.concat(without as never)).toThrow(
    'The SDK has no endpointV2Middleware any more.',
  );
});
