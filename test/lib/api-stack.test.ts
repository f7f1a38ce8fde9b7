import { describe, expect, test } from '@jest/globals';
import { z } from 'zod';
import { ENVIRONMENTS } from '../../lambdas/contract/environment.ts';
import { ROUTES, type Route, routeKeyOf } from '../../lambdas/contract/routes.ts';
import { functionNameOf } from './permissions.ts';
import { exampleApp, inWords, ofType, type Resource, templateOf } from './synthesized.ts';

const { data, api, audit } = exampleApp({
  settings: { signIn: { issuer: 'https://issuer.example.com/', audience: 'spelo-byok' } },
});
const own = templateOf(api);
const auditStack = templateOf(audit);
const words = (value: unknown) => inWords(value, own, templateOf(data));
/** The functions behind the API, then those behind streams. */
/** Tags of every resource of the stage `dev`. */
const TAGS = [
  { Key: 'owner', Value: 'platform' },
  { Key: 'product', Value: 'spelo-byok' },
  { Key: 'stage', Value: 'dev' },
];

const NAMES = ['Token', 'Events', 'Keys', 'Rotate', 'Audit', 'Manage', 'Usage'];

const functions = ofType(own, 'AWS::Lambda::Function');
const only = (type: string): Resource => {
  const [found, ...more] = ofType(own, type);
  if (found === undefined || more.length > 0) throw new Error(`There is not exactly one ${type}.`);
  return found;
};

/** `integrations/<integration>`, followed to the construct of the function behind it. */
const functionBehind = (route: Resource): string => {
  const target = words(route.Properties['Target']).replace('integrations/', '');
  const integration = ofType(own, 'AWS::ApiGatewayV2::Integration').find(({ name }) => name === target);
  return words(integration?.Properties['IntegrationUri']).replace('/Function', '').toLowerCase();
};

describe('the API routes', () => {
  const deployed = ofType(own, 'AWS::ApiGatewayV2::Route').map((route) => ({
    routeKey: route.Properties['RouteKey'],
    servedBy: functionBehind(route),
    authorization: route.Properties['AuthorizationType'],
    authorizer: route.Properties['AuthorizerId'] && words(route.Properties['AuthorizerId']),
  }));
  const withAuthorizer = { authorization: 'JWT', authorizer: only('AWS::ApiGatewayV2::Authorizer').name };
  const withoutAuthorizer = { authorization: 'NONE', authorizer: undefined };

  test('are those of the contract, behind the authorizer unless public or open to API tokens, and $default for the rest', () => {
    const contract = Object.values<Route>(ROUTES).map((route) => ({
      routeKey: routeKeyOf(route),
      servedBy: route.servedBy,
      ...(route.access === 'public' || route.apiTokens !== undefined ? withoutAuthorizer : withAuthorizer),
    }));
    const byKey = (a: { routeKey: unknown }, b: { routeKey: unknown }) =>
      String(a.routeKey).localeCompare(String(b.routeKey));
    expect([...deployed].sort(byKey)).toEqual(
      [...contract, { routeKey: '$default', servedBy: 'manage', ...withoutAuthorizer }].sort(byKey),
    );
  });

  test('without an authorizer are exactly these', () => {
    expect(
      deployed.filter(({ authorizer }) => authorizer === undefined).map(({ routeKey }) => routeKey),
    ).toEqual([
      'OPTIONS /v1/{siteId}/token',
      'POST /v1/{siteId}/token',
      'OPTIONS /v1/{siteId}/calls',
      'POST /v1/{siteId}/calls',
      'OPTIONS /v1/{siteId}/sessions/{sessionId}/events',
      'POST /v1/{siteId}/sessions/{sessionId}/events',
      // These accept API tokens.
      'GET /v1/workspaces/{workspaceId}',
      'GET /v1/workspaces/{workspaceId}/audit',
      'GET /v1/workspaces/{workspaceId}/audit/verify',
      'GET /v1/workspaces/{workspaceId}/sites',
      'GET /v1/sites/{siteId}',
      'GET /v1/sites/{siteId}/former-instructions',
      'PATCH /v1/sites/{siteId}',
      'GET /v1/sites/{siteId}/openai-key',
      'GET /v1/sites/{siteId}/openai-key/versions',
      'POST /v1/sites/{siteId}/openai-key/suspend',
      'GET /v1/workspaces/{workspaceId}/openai-keys',
      'GET /v1/workspaces/{workspaceId}/openai-key',
      'GET /v1/workspaces/{workspaceId}/openai-key/versions',
      'POST /v1/workspaces/{workspaceId}/openai-key/suspend',
      'GET /v1/sites/{siteId}/budget',
      'GET /v1/workspaces/{workspaceId}/budgets',
      'GET /v1/workspaces/{workspaceId}/budget',
      'GET /v1/workspaces/{workspaceId}/overview',
      'GET /v1/workspaces/{workspaceId}/usage',
      'GET /v1/sites/{siteId}/usage',
      'GET /v1/sites/{siteId}/sessions',
      'GET /v1/sites/{siteId}/sessions/{sessionId}',
      'GET /v1/workspaces/{workspaceId}/sessions',
      'POST /v1/sites/{siteId}/sessions/{sessionId}/end',
      'GET /v1/workspaces/{workspaceId}/live',
      'GET /v1/workspaces/{workspaceId}/errors',
      'GET /v1/workspaces/{workspaceId}/concurrency',
      'POST /v1/workspaces/{workspaceId}/cost-estimate',
      'GET /v1/workspaces/{workspaceId}/webhooks',
      'GET /v1/workspaces/{workspaceId}/deliveries',
      'GET /v1/workspaces/{workspaceId}/mail-alerts',
      'GET /v1/pricing',
      'POST /v1/cost-estimate',
      'GET /v1/health',
      '$default',
    ]);
  });

  test('are invoked with payload version 2.0, which the handlers parse', () => {
    for (const { Properties } of ofType(own, 'AWS::ApiGatewayV2::Integration'))
      expect(Properties).toMatchObject({ IntegrationType: 'AWS_PROXY', PayloadFormatVersion: '2.0' });
  });

  test('may invoke their functions, from this API only; the permission of $default matches its ARN', () => {
    const permissions = ofType(own, 'AWS::Lambda::Permission').map(({ Properties }) => [
      words(Properties['FunctionName']),
      Properties['Principal'],
      words(Properties['SourceArn']).split(':').at(-1),
    ]);
    const caller = 'apigateway.amazonaws.com';
    expect(permissions).toHaveLength(NAMES.length + 1);
    expect(permissions).toEqual(
      expect.arrayContaining([
        ...NAMES.map((name) => [`${name}/Function`, caller, 'Api/Http/*/*/*']),
        ['Manage/Function', caller, 'Api/Http/*/*'],
      ]),
    );
  });
});

describe('the API authorizer', () => {
  test('accepts tokens of the issuer for the audience of the stage, in the Authorization header', () => {
    expect(only('AWS::ApiGatewayV2::Authorizer').Properties).toMatchObject({
      AuthorizerType: 'JWT',
      IdentitySource: ['$request.header.Authorization'],
      JwtConfiguration: { Issuer: 'https://issuer.example.com/', Audience: ['spelo-byok'] },
    });
  });
});

describe('the API', () => {
  const stage = only('AWS::ApiGatewayV2::Stage');

  test('allows no origin itself, because the functions answer for each site', () => {
    expect(only('AWS::ApiGatewayV2::Api').Properties).not.toHaveProperty('CorsConfiguration');
  });

  test('throttles every route, with separate limits for tokens, calls and events', () => {
    expect(stage.Properties).toMatchObject({
      StageName: '$default',
      DefaultRouteSettings: { ThrottlingRateLimit: 100, ThrottlingBurstLimit: 200 },
      RouteSettings: {
        'POST /v1/{siteId}/token': { ThrottlingRateLimit: 50, ThrottlingBurstLimit: 100 },
        'POST /v1/{siteId}/calls': { ThrottlingRateLimit: 50, ThrottlingBurstLimit: 100 },
        'POST /v1/{siteId}/sessions/{sessionId}/events': {
          ThrottlingRateLimit: 200,
          ThrottlingBurstLimit: 400,
        },
      },
    });
    // Metrics by route cost money, and no alarm and no widget uses them; the access log names the route.
    expect(JSON.stringify(stage.Properties)).not.toContain('DetailedMetricsEnabled');
    expect(Object.keys(Object(stage.Properties['RouteSettings']))).toEqual(
      [ROUTES.mintToken, ROUTES.openCall, ROUTES.reportEvents].map(routeKeyOf),
    );
  });

  test('logs each request as one JSON object without any input of the caller', () => {
    const { DestinationArn, Format } = Object(stage.Properties['AccessLogSettings']);
    expect(words(DestinationArn)).toBe('Api/AccessLogs');
    expect(Object.values(JSON.parse(Format)).sort()).toEqual([
      '$context.error.responseType',
      '$context.identity.sourceIp',
      '$context.integrationLatency',
      '$context.integrationStatus',
      '$context.requestId',
      '$context.requestTime',
      '$context.responseLatency',
      '$context.responseLength',
      '$context.routeKey',
      '$context.status',
    ]);
  });

  test('shows its URL to the operator', () => {
    const endpoint = { 'Fn::GetAtt': [only('AWS::ApiGatewayV2::Api').logicalId, 'ApiEndpoint'] };
    expect(own.outputs['ApiUrl']).toEqual({ Value: endpoint });
  });
});

describe('the API functions', () => {
  test('are those in the route table', () => {
    expect(functions.map(({ name }) => name)).toEqual(NAMES.map((name) => `${name}/Function`));
  });

  test.each(functions.map((found) => [found.name, found] as const))(
    'include %s with Node 24 on arm64, which ends before API Gateway stops waiting',
    (name, { Properties }) => {
      expect(Properties).toMatchObject({
        Runtime: 'nodejs24.x',
        Architectures: ['arm64'],
        Handler: 'index.handler',
        Timeout: name === 'Token/Function' ? 29 : 25,
        TracingConfig: { Mode: 'Active' },
        MemorySize: name === 'Token/Function' ? 1024 : 512,
      });
    },
  );

  test.each(functions.map((found) => [found.name, found] as const))(
    'include %s, which logs JSON to its own log group',
    (name, { Properties }) => {
      const { LogFormat, LogGroup } = Object(Properties['LoggingConfig']);
      expect([LogFormat, words(LogGroup)]).toEqual(['JSON', name.replace('/Function', '/Logs')]);
    },
  );

  test.each(functions.map((found) => [found.name, found] as const))(
    'include %s with the role of the same name',
    (name, { Properties }) => {
      expect(words(Properties['Role'])).toBe(name.replace('/Function', '/Role'));
    },
  );

  test('keep logs, like the API, for the days of the stage, even if the stack is deleted', () => {
    const groups = ofType(own, 'AWS::Logs::LogGroup');
    expect(groups.map(({ name }) => name)).toEqual([
      ...NAMES.map((name) => `${name}/Logs`),
      'Api/AccessLogs',
    ]);
    for (const { Properties, DeletionPolicy } of groups)
      expect([Properties, DeletionPolicy]).toEqual([
        { RetentionInDays: 30, Tags: TAGS },
        'RetainExceptOnCreate',
      ]);
  });
});

describe('the environment of a function', () => {
  /** Set by Lambda, by the local run alone, or left at a default that is right for every deployment. */
  const NOT_DEPLOYED = new Set([
    'AWS_REGION',
    'AWS_CALL_TIMEOUT_MS',
    'AWS_ENDPOINT_URL_DYNAMODB',
    'AWS_ENDPOINT_URL_KMS',
    'AWS_ENDPOINT_URL_S3',
    'AWS_ENDPOINT_URL_EVENTBRIDGE',
    'AWS_ENDPOINT_URL_SQS',
    'AWS_ENDPOINT_URL_SESV2',
    'AWS_ENDPOINT_URL_LAMBDA',
    'OPENAI_BASE_URL',
    'OPENAI_TIMEOUT_MS',
  ]);
  const variablesOf = ({ Properties }: Resource): Readonly<Record<string, unknown>> =>
    z.object({ Variables: z.record(z.string(), z.unknown()) }).parse(Properties['Environment']).Variables;

  const deployed = [
    ...functions.map((found) => ({ found, stack: own })),
    ...ofType(auditStack, 'AWS::Lambda::Function').map((found) => ({ found, stack: auditStack })),
  ];
  const isFunction = (name: string): name is keyof typeof ENVIRONMENTS => name in ENVIRONMENTS;
  const cases = deployed.map(({ found, stack }) => {
    const name = functionNameOf(found.name.replace(/\/.*/, ''));
    if (!isFunction(name)) throw new Error(`${name} has no environment in the contract.`);
    const variables = Object.entries(variablesOf(found)).map(([variable, value]) => [
      variable,
      // What CloudFormation puts in at deployment: here the name of the construct.
      typeof value === 'string' ? value : inWords(value, stack, templateOf(data)),
    ]);
    return [name, z.record(z.string(), z.string()).parse(Object.fromEntries(variables))] as const;
  });

  test('is defined for every function of the contract', () => {
    expect(cases.map(([name]) => name).sort()).toEqual(Object.keys(ENVIRONMENTS).sort());
  });

  test.each(cases)('of %s has exactly the variables that its code reads', (name, variables) => {
    const asked = Object.keys(ENVIRONMENTS[name].shape).filter((variable) => !NOT_DEPLOYED.has(variable));
    expect(Object.keys(variables).sort()).toEqual([...asked, 'NODE_OPTIONS'].sort());
  });

  test.each(cases)('of %s is valid when its code starts', (name, variables) => {
    const atRunTime = Object.fromEntries(
      Object.entries(variables).map(([variable, value]) => {
        if (variable.endsWith('_ARN')) return [variable, `arn:${value}`];
        if (variable.endsWith('_QUEUE_URL')) return [variable, `https://sqs.example/${value}`];
        return [variable, variable.endsWith('_BUCKET') ? value.toLowerCase() : value];
      }),
    );
    expect(ENVIRONMENTS[name].safeParse({ ...atRunTime, AWS_REGION: 'eu-central-1' }).success).toBe(true);
  });

  test('gives each variable the matching resource', () => {
    const own = { STAGE: 'dev', NODE_OPTIONS: '--enable-source-maps' };
    const custody = { TENANCY_TABLE: 'TenancyTable', KEYS_TABLE: 'KeysTable', LIMITS_TABLE: 'LimitsTable' };
    const sessions = { SESSIONS_TABLE: 'SessionsTable' };
    const usage = { USAGE_TABLE: 'UsageTable' };
    const plans = { PLANS: '' };
    const edge = { EDGE_PROOF_DIGESTS: '' };
    const hangUps = { HANGUP_QUEUE_URL: 'HangUps/Queue' };
    const notices = { NOTICE_QUEUE_URL: 'Notices/Queue' };
    const mail = { MAIL_SENDER: '' };
    const oidc = {
      OIDC_ISSUER: 'https://issuer.example.com/',
      OIDC_AUDIENCE: 'spelo-byok',
      OIDC_ACCESS_RULE: 'marked',
      RECENT_SIGN_IN_SECONDS: '0',
    };
    const shared = { ...own, ...custody, ...sessions, ...oidc, ...edge };
    const derivation = { DERIVATION_KEY_ARN: 'DerivationKey' };
    const marks = { MARKS_KEY_ARN: 'MarksKey' };
    const master = { MASTER_KEY_ARN: 'MasterKey' };
    const fingerprint = { FINGERPRINT_KEY_ARN: 'FingerprintKey' };
    const watchers = { WATCH_FUNCTION: 'spelo-byok-dev-watch' };
    const retired = { RETIRED_MASTER_KEY_ARNS: '' };
    const trail = { AUDIT_TABLE: 'AuditTable', AUDIT_KEY_ARN: 'AuditKey' };
    expect(Object.fromEntries(cases)).toEqual({
      token: {
        ...shared,
        ...derivation,
        ...marks,
        ...master,
        ...retired,
        ...usage,
        ...plans,
        ...hangUps,
        MANAGED_MINTS: 'allow',
        IP_LIMIT_PER_MINUTE: '60',
        IP_LIMIT_PER_SECOND: '20',
        SITE_LIMIT_PER_MINUTE: '200',
        ADDRESS_SLOT_PERCENT: '34',
        WATCH: 'eager',
        ...watchers,
      },
      events: {
        ...own,
        ...edge,
        TENANCY_TABLE: 'TenancyTable',
        LIMITS_TABLE: 'LimitsTable',
        ...sessions,
        ...usage,
        ...derivation,
        ...plans,
        ...hangUps,
      },
      keys: {
        ...shared,
        ...derivation,
        ...marks,
        ...master,
        ...fingerprint,
        ...hangUps,
        KEY_RETENTION_HOURS: '24',
      },
      rotate: { ...shared, ...derivation, ...marks, ...master, ...retired, ...fingerprint },
      audit: { ...shared, ...trail },
      manage: {
        ...shared,
        ...usage,
        ...derivation,
        ...plans,
        ...hangUps,
        ...notices,
        ...mail,
        WATCH: 'eager',
        WORKSPACES_PER_DAY: '5',
      },
      usage: {
        ...own,
        ...edge,
        ...custody,
        ...sessions,
        ...usage,
        ...plans,
        ...oidc,
      },
      projector: { ...own, ...trail },
      archiver: { ...own, ARCHIVE_BUCKET: 'ArchiveBucket' },
      heartbeat: { ...own, TENANCY_TABLE: 'TenancyTable' },
      reconcile: {
        ...own,
        ...trail,
        ...master,
        ...retired,
        CHECKPOINTS_KEY_ARN: 'CheckpointsKey',
        TRAIL_BUCKET: 'TrailBucket',
        ARCHIVE_BUCKET: 'ArchiveBucket',
        EVIDENCE_DAYS: '400',
        EVENT_BUS_NAME: 'default',
      },
      detector: {
        ...own,
        ...custody,
        ...sessions,
        ...usage,
        ...marks,
        ...hangUps,
        ...notices,
        EVENT_BUS_NAME: 'default',
      },
      'rotate-on-request': {
        ...own,
        ...custody,
        ...sessions,
        ...marks,
        ...master,
        ...retired,
        ...fingerprint,
      },
      sweeper: {
        ...own,
        ...plans,
        TENANCY_TABLE: 'TenancyTable',
        ...sessions,
        LIMITS_TABLE: 'LimitsTable',
        ...usage,
        ...hangUps,
        ...watchers,
        WATCH: 'eager',
      },
      hangup: {
        ...own,
        ...plans,
        TENANCY_TABLE: 'TenancyTable',
        KEYS_TABLE: 'KeysTable',
        LIMITS_TABLE: 'LimitsTable',
        ...sessions,
        ...usage,
        ...master,
        ...retired,
        ...hangUps,
      },
      watch: {
        ...own,
        TENANCY_TABLE: 'TenancyTable',
        KEYS_TABLE: 'KeysTable',
        ...sessions,
        ...usage,
        ...master,
        ...retired,
        ...hangUps,
        ...watchers,
        ...plans,
      },
      notices: {
        ...own,
        TENANCY_TABLE: 'TenancyTable',
        LIMITS_TABLE: 'LimitsTable',
        ...sessions,
        ...usage,
        ...derivation,
        ...notices,
        ...mail,
        DASHBOARD_URL: '',
      },
      'retire-models': { ...own, TENANCY_TABLE: 'TenancyTable' },
    });
  });

  test.each(cases)('of %s contains no secret, by name or by value', (_, variables) => {
    for (const [variable, value] of Object.entries(variables)) {
      expect(variable).not.toMatch(/SECRET|PASSWORD|TOKEN|API_KEY|CREDENTIAL|PRIVATE/);
      if (variable === 'EDGE_PROOF_DIGESTS') continue;
      expect(value).not.toMatch(/\bsk-|\bek_|\bAKIA|-----BEGIN|[A-Za-z0-9+/_=-]{32,}/);
    }
  });
});
