import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';

/**
 * The services of one AWS account that `npm run deploy` asks, on 127.0.0.1: STS, CloudFormation, Lambda, Service Quotas,
 * CloudTrail and Cognito, in the protocols that the AWS SDK speaks. A stand-in: it knows only the operations below, and
 * answers what AWS's API references say. CloudFormation creates nothing; tests put stacks and users into its state.
 */

export interface AwsRequest {
  /** As in the endpoint's name, such as `cognito-idp`. */
  readonly service: string;
  readonly operation: string;
  /** The members of the input, nested as in the service's model. */
  readonly input: Readonly<Record<string, unknown>>;
  readonly region: string;
}

export interface StandInResource {
  readonly logicalId: string;
  readonly type: string;
  readonly physicalId: string;
  readonly status: string;
  /** Why it failed. */
  readonly reason?: string;
}

export interface StandInStack {
  readonly region: string;
  status: string;
  protected: boolean;
  outputs: Readonly<Record<string, string>>;
  resources: readonly StandInResource[];
}

export interface StandInUser {
  status: 'FORCE_CHANGE_PASSWORD' | 'CONFIRMED';
  modifiedAt: Date;
}

export interface AwsAccountState {
  account: string;
  caller: string;
  /** By name. A deleted stack stays in the list of deleted ones. */
  readonly stacks: Map<string, StandInStack>;
  readonly deleted: Map<string, StandInStack>;
  concurrency: { limit: number; unreserved: number };
  readonly reserved: Map<string, number>;
  /** Requests for more Lambda concurrency that AWS has not decided. */
  requestedConcurrency: readonly number[];
  trails: number;
  /** Prefixes of sign-in pages that are taken, in all of AWS. */
  readonly prefixes: Map<string, { readonly account: string; readonly pool: string }>;
  readonly users: Map<string, StandInUser>;
  /** Answers that replace the usual ones, by operation. */
  readonly refusals: Map<
    string,
    { readonly status: number; readonly code: string; readonly message: string }
  >;
  /** Called for each request, before it is answered. */
  onRequest: (request: AwsRequest) => void;
}

export interface AwsAccount {
  readonly url: string;
  readonly state: AwsAccountState;
  readonly requests: readonly AwsRequest[];
  /** Operations of this service so far. */
  readonly operations: (service: string) => readonly string[];
  /** The issuer behind `/oauth2/authorize` and `/oauth2/token`, in place of the pages of Cognito. */
  readonly signInAt: (issuer: string) => void;
  readonly close: () => Promise<void>;
}

class Refusal extends Error {
  readonly status: number;
  readonly code: string;
  constructor(status: number, code: string, message: string) {
    super(message);
    this.status = status;
    this.code = code;
  }
}

const escaped = (text: string): string =>
  text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');

/** An object as the XML of the query protocol: lists in `member` elements. */
const xmlOf = (value: unknown): string => {
  if (Array.isArray(value)) return value.map((item) => `<member>${xmlOf(item)}</member>`).join('');
  if (typeof value === 'object' && value !== null)
    return Object.entries(value)
      .filter(([, item]) => item !== undefined)
      .map(([name, item]) => `<${name}>${xmlOf(item)}</${name}>`)
      .join('');
  return escaped(String(value));
};

/** `A.member.1=x` and `B.C=y` of the query protocol as nested members. */
const inputOfForm = (form: URLSearchParams): Record<string, unknown> => {
  const input: Record<string, unknown> = {};
  for (const [path, value] of form) {
    if (path === 'Action' || path === 'Version') continue;
    const [name = '', list] = path.split('.');
    if (list === undefined) input[name] = value;
    else input[name] = [...(Array.isArray(input[name]) ? input[name] : []), value];
  }
  return input;
};

const stackIdOf = (name: string, { region }: StandInStack, account: string): string =>
  `arn:aws:cloudformation:${region}:${account}:stack/${name}/11111111-2222-3333-4444-555555555555`;

const timestamp = '2026-11-30T09:00:00.000Z';

type Handler = (state: AwsAccountState, input: Readonly<Record<string, unknown>>) => unknown;

const missing = (name: string): Refusal =>
  new Refusal(400, 'ValidationError', `Stack with id ${name} does not exist`);

const findStack = (
  { stacks, deleted, account }: AwsAccountState,
  nameOrId: unknown,
): readonly [string, StandInStack] => {
  for (const [name, stack] of [...stacks, ...deleted])
    if (nameOrId === stackIdOf(name, stack, account) || (nameOrId === name && stacks.get(name) === stack))
      return [name, stack];
  throw missing(String(nameOrId));
};

const HANDLERS: Readonly<Record<string, Readonly<Record<string, Handler>>>> = {
  sts: {
    GetCallerIdentity: ({ account, caller }) => ({ Account: account, Arn: caller, UserId: 'AIDAEXAMPLE' }),
    AssumeRole: (_state, { RoleArn }) => ({
      Credentials: {
        AccessKeyId: 'ASIAROLE',
        SecretAccessKey: 'role-secret',
        SessionToken: 'role-session',
        Expiration: '2026-11-30T10:00:00Z',
      },
      AssumedRoleUser: { Arn: RoleArn, AssumedRoleId: 'AROAEXAMPLE:platform-key' },
    }),
  },
  cloudformation: {
    DescribeStacks: (state, { StackName }) => {
      const [name, stack] = findStack(state, StackName);
      return {
        Stacks: [
          {
            StackId: stackIdOf(name, stack, state.account),
            StackName: name,
            CreationTime: timestamp,
            StackStatus: stack.status,
            EnableTerminationProtection: stack.protected,
            Outputs: Object.entries(stack.outputs).map(([OutputKey, OutputValue]) => ({
              OutputKey,
              OutputValue,
            })),
          },
        ],
      };
    },
    ListStackResources: (state, { StackName }) => ({
      StackResourceSummaries: findStack(state, StackName)[1].resources.map((resource) => ({
        LogicalResourceId: resource.logicalId,
        PhysicalResourceId: resource.physicalId,
        ResourceType: resource.type,
        ResourceStatus: resource.status,
        LastUpdatedTimestamp: timestamp,
      })),
    }),
    ListStacks: ({ deleted, account }) => ({
      StackSummaries: [...deleted].map(([name, stack]) => ({
        StackId: stackIdOf(name, stack, account),
        StackName: name,
        StackStatus: 'DELETE_COMPLETE',
        CreationTime: timestamp,
      })),
    }),
    // Newest first, as CloudFormation lists them.
    DescribeStackEvents: (state, { StackName }) => {
      const [name, stack] = findStack(state, StackName);
      const id = stackIdOf(name, stack, state.account);
      const event = (fields: object) => ({
        StackId: id,
        EventId: 'e',
        StackName: name,
        Timestamp: timestamp,
        ...fields,
      });
      return {
        StackEvents: [
          event({ PhysicalResourceId: id, ResourceStatus: stack.status }),
          ...stack.resources
            .filter(({ reason }) => reason !== undefined)
            .toReversed()
            .map(({ logicalId, type, physicalId, reason }) =>
              event({
                LogicalResourceId: logicalId,
                PhysicalResourceId: physicalId,
                ResourceType: type,
                ResourceStatus: 'CREATE_FAILED',
                ResourceStatusReason: reason,
              }),
            ),
          event({ PhysicalResourceId: id, ResourceStatus: 'CREATE_IN_PROGRESS' }),
        ],
      };
    },
    DeleteStack: (state, { StackName }) => {
      const [name, stack] = findStack(state, StackName);
      if (stack.protected)
        throw new Refusal(
          400,
          'ValidationError',
          `Stack [${name}] cannot be deleted while TerminationProtection is enabled`,
        );
      state.stacks.delete(name);
      state.deleted.set(name, stack);
      stack.resources = stack.resources.map((resource) => ({
        ...resource,
        status: /DynamoDB|KMS|S3|CloudTrail|UserPool$/.test(resource.type)
          ? 'DELETE_SKIPPED'
          : 'DELETE_COMPLETE',
      }));
      return {};
    },
  },
  lambda: {
    GetAccountSettings: ({ concurrency }) => ({
      AccountLimit: {
        ConcurrentExecutions: concurrency.limit,
        UnreservedConcurrentExecutions: concurrency.unreserved,
      },
    }),
    GetFunctionConcurrency: ({ reserved }, { FunctionName }) => {
      const containers = reserved.get(String(FunctionName));
      if (containers === undefined)
        throw new Refusal(404, 'ResourceNotFoundException', `Function not found: ${String(FunctionName)}`);
      return { ReservedConcurrentExecutions: containers };
    },
  },
  servicequotas: {
    ListRequestedServiceQuotaChangeHistoryByQuota: ({ requestedConcurrency }) => ({
      RequestedQuotas: requestedConcurrency.map((DesiredValue) => ({ DesiredValue, Status: 'CASE_OPENED' })),
    }),
  },
  cloudtrail: {
    DescribeTrails: ({ trails }) => ({
      trailList: Array.from({ length: trails }, (_, index) => ({ Name: `trail-${index}` })),
    }),
  },
  'cognito-idp': {
    DescribeUserPoolDomain: ({ prefixes }, { Domain }) => {
      const taken = prefixes.get(String(Domain));
      return {
        DomainDescription:
          taken === undefined
            ? {}
            : { Domain, AWSAccountId: taken.account, UserPoolId: taken.pool, Status: 'ACTIVE' },
      };
    },
    ListUsers: ({ users }) => ({
      Users: [...users].map(([Username, { status }]) => ({ Username, UserStatus: status })),
    }),
    AdminGetUser: ({ users }, { Username }) => {
      const user = users.get(String(Username));
      if (user === undefined) throw new Refusal(400, 'UserNotFoundException', 'User does not exist.');
      return {
        Username,
        UserStatus: user.status,
        UserLastModifiedDate: user.modifiedAt.getTime() / 1_000,
      };
    },
    AdminCreateUser: ({ users }, { Username, MessageAction, UserAttributes, DesiredDeliveryMediums }) => {
      const name = String(Username);
      const again = MessageAction === 'RESEND';
      if (!again && users.has(name))
        throw new Refusal(400, 'UsernameExistsException', 'User account already exists');
      if (again && !users.has(name)) throw new Refusal(400, 'UserNotFoundException', 'User does not exist.');
      if (!again && !JSON.stringify(UserAttributes ?? []).includes('"email"'))
        throw new Refusal(400, 'InvalidParameterException', 'Attribute email is required');
      // Without it Cognito would send a text message, and the pool has none.
      if (!JSON.stringify(DesiredDeliveryMediums ?? []).includes('EMAIL'))
        throw new Refusal(400, 'InvalidParameterException', 'SMS configuration is missing');
      users.set(name, { status: 'FORCE_CHANGE_PASSWORD', modifiedAt: new Date() });
      return { User: { Username, UserStatus: 'FORCE_CHANGE_PASSWORD' } };
    },
  },
};

const LAMBDA_ROUTES: readonly (readonly [RegExp, string])[] = [
  [/^\/2016-08-19\/account-settings$/, 'GetAccountSettings'],
  [/^\/2019-09-30\/functions\/(?<FunctionName>[^/]+)\/concurrency$/, 'GetFunctionConcurrency'],
];

const bodyOf = async (request: IncomingMessage): Promise<string> => {
  const chunks: Buffer[] = [];
  for await (const chunk of request as AsyncIterable<Buffer>) chunks.push(chunk);
  return Buffer.concat(chunks).toString('utf8');
};

/** The operation of a signed request, in whichever of the three protocols it came. */
const parse = async (request: IncomingMessage): Promise<AwsRequest> => {
  // Credential=<key>/<date>/<region>/<service>/aws4_request
  const [, , region = '', service = ''] =
    request.headers.authorization?.split('Credential=')[1]?.split('/') ?? [];
  const body = await bodyOf(request);
  const target = request.headers['x-amz-target'];
  if (typeof target === 'string')
    return { service, region, operation: target.split('.').at(-1) ?? '', input: JSON.parse(body) };
  if (request.method === 'POST') {
    const form = new URLSearchParams(body);
    return { service, region, operation: form.get('Action') ?? '', input: inputOfForm(form) };
  }
  for (const [pattern, operation] of LAMBDA_ROUTES) {
    const found = pattern.exec(request.url ?? '');
    if (found !== null) return { service, region, operation, input: { ...found.groups } };
  }
  return { service, region, operation: request.url ?? '', input: {} };
};

const QUERY = new Set(['sts', 'cloudformation']);

const answerTo = (
  state: AwsAccountState,
  request: AwsRequest,
): { readonly status: number; readonly body: string } => {
  const { service, operation, input } = request;
  const isQuery = QUERY.has(service);
  try {
    const refusal = state.refusals.get(operation);
    if (refusal !== undefined) throw new Refusal(refusal.status, refusal.code, refusal.message);
    const handler = HANDLERS[service]?.[operation];
    if (handler === undefined) throw new Refusal(400, 'UnknownOperationException', `${service} ${operation}`);
    const output = handler(state, input);
    const body = isQuery
      ? `<${operation}Response><${operation}Result>${xmlOf(output)}</${operation}Result></${operation}Response>`
      : JSON.stringify(output);
    return { status: 200, body };
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    const { status, code, message } = error;
    const body = isQuery
      ? `<ErrorResponse><Error><Type>Sender</Type><Code>${code}</Code><Message>${escaped(message)}</Message></Error></ErrorResponse>`
      : JSON.stringify({ __type: code, message });
    return { status, body };
  }
};

/** Starts an empty account: nothing deployed, room for everything. */
export const startAwsAccount = async (): Promise<AwsAccount> => {
  const state: AwsAccountState = {
    account: '123456789012',
    caller: 'arn:aws:sts::123456789012:assumed-role/AWSReservedSSO_Ops_0123456789abcdef/ada',
    stacks: new Map(),
    deleted: new Map(),
    concurrency: { limit: 1_000, unreserved: 1_000 },
    reserved: new Map(),
    requestedConcurrency: [],
    trails: 0,
    prefixes: new Map(),
    users: new Map(),
    refusals: new Map(),
    onRequest: () => undefined,
  };
  const requests: AwsRequest[] = [];
  let issuer = '';
  const server = createServer(async (incoming, response) => {
    const page = /^\/oauth2(\/(?:authorize|token).*)$/.exec(incoming.url ?? '')?.[1];
    if (page !== undefined) {
      response.writeHead(307, { location: `${issuer}${page}` }).end();
      return;
    }
    const request = await parse(incoming);
    requests.push(request);
    state.onRequest(request);
    const { status, body } = answerTo(state, request);
    const isQuery = QUERY.has(request.service);
    const code = status === 200 ? undefined : /"__type":"(\w+)"/.exec(body)?.[1];
    response
      .writeHead(status, {
        'content-type': isQuery ? 'text/xml' : 'application/x-amz-json-1.1',
        ...(code !== undefined && { 'x-amzn-errortype': code }),
      })
      .end(body);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', () => resolve()));
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    state,
    requests,
    signInAt: (address) => {
      issuer = address;
    },
    operations: (service) =>
      requests.filter((request) => request.service === service).map(({ operation }) => operation),
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
};
