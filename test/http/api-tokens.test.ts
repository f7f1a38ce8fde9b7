import { describe, expect, it } from '@jest/globals';
import type { APIGatewayProxyEventV2 } from 'aws-lambda';
import { createApiTokenRequest } from '../../lambdas/contract/api-tokens.ts';
import { commonRefusals, ROUTES, type Route } from '../../lambdas/contract/routes.ts';
import { BrokerError } from '../../lambdas/domain/broker-error.ts';
import type { SiteId, WorkspaceId } from '../../lambdas/domain/identifiers.ts';
import type { ApiTokenOfCaller } from '../../lambdas/domain/tenancy/workspace.ts';
import { authenticate } from '../../lambdas/http/authenticate.ts';
import { apiTokenEndpoints } from '../../lambdas/http/endpoints/api-token-endpoints.ts';
import type { EndpointRequest } from '../../lambdas/http/endpoints/endpoint.ts';
import type { ShownApiToken } from '../../lambdas/use-cases/tenancy/api-tokens.ts';

const WORKSPACE_ID = '0123456789ab' as WorkspaceId;
const SITE_ID = `${WORKSPACE_ID}cdefghjkmnpq` as SiteId;
const NOW = new Date('2026-11-30T12:00:00.000Z');

const TOKEN: ApiTokenOfCaller = {
  workspaceId: WORKSPACE_ID,
  tokenId: 'tok_0123456789abcdef',
  name: 'Export',
  role: 'viewer',
  siteIds: null,
  createdAt: '2026-11-01T00:00:00.000Z',
  createdBy: 'ada',
};

/** The text of a token, as far as the router looks at it. */
const TEXT = ['spk', 'anything'].join('_');

const callerOf = async (
  route: Pick<Route, 'apiTokens'>,
  authorization: string,
  verifyApiToken?: (text: string) => Promise<ApiTokenOfCaller>,
) => {
  const asked: string[] = [];
  const accessTokens = {
    verify: async (token: string) => {
      asked.push(token);
      if (token === 'posing') return { sub: 'token:tok_0123456789abcdef', signInIsOld: false };
      return token === 'good' ? { sub: 'ada', signInIsOld: true } : undefined;
    },
  };
  const event = { headers: { authorization } } as unknown as APIGatewayProxyEventV2;
  try {
    const deps = { accessTokens, ...(verifyApiToken && { verifyApiToken }) };
    return [await authenticate(deps, route, event, '192.0.2.1'), asked];
  } catch (error) {
    if (!(error instanceof BrokerError)) throw error;
    return [error.code, error.details, asked];
  }
};

describe('the caller of a management route', () => {
  it('is a program on a route for API tokens, without a call of the access token verifier', async () => {
    const texts: string[] = [];
    const verify = async (text: string) => {
      texts.push(text);
      return TOKEN;
    };
    expect(await callerOf({ apiTokens: 'viewer' }, `Bearer ${TEXT}`, verify)).toEqual([
      { sub: 'token:tok_0123456789abcdef', sourceIp: '192.0.2.1', token: TOKEN },
      [],
    ]);
    expect(texts).toEqual([TEXT]);
  });

  it.each([
    ['the route is for people alone', {}, async () => TOKEN],
    ['the function has no place to read tokens', { apiTokens: 'viewer' } as const, undefined],
  ])('is refused with an API token if %s, without a read', async (_, route, verify) => {
    expect(await callerOf(route, `Bearer ${TEXT}`, verify)).toEqual([
      'unauthorized',
      [
        {
          path: 'authorization',
          message: 'This route does not accept API tokens. docs/api-tokens.md lists those that do.',
        },
      ],
      [],
    ]);
  });

  it('is a person with an access token on any route', async () => {
    const person = { sub: 'ada', sourceIp: '192.0.2.1', signInIsOld: true };
    expect(await callerOf({ apiTokens: 'viewer' }, 'Bearer good')).toEqual([person, ['good']]);
    expect(await callerOf({}, 'Bearer good')).toEqual([person, ['good']]);
    expect(await callerOf({ apiTokens: 'viewer' }, 'Bearer bad')).toEqual(['unauthorized', [], ['bad']]);
    expect(await callerOf({ apiTokens: 'viewer' }, `Basic ${TEXT}`)).toEqual(['unauthorized', [], []]);
  });
});

describe('an Authorization header', () => {
  it.each([
    'good',
    'Bearer',
    'Bearer good,Bearer good',
    'Bearer good, Bearer good',
    `Bearer ${TEXT}, Bearer good`,
    `Bearer good ${TEXT}`,
    `Basic ${TEXT}`,
    `Token ${TEXT}`,
    `Bearer=${TEXT}`,
    'Bearer \u0000good',
    '',
  ])(
    'with the value %j is refused on a route without an authorizer, and nothing is verified',
    async (header) => {
      const verify = async () => Promise.reject(new Error('was verified'));
      expect(await callerOf({ apiTokens: 'viewer' }, header, verify)).toEqual(['unauthorized', [], []]);
    },
  );
});

describe('a person whose subject looks like an API token', () => {
  it("is refused, so that the audit trail does not attribute the person's changes to the token", async () => {
    expect(await callerOf({ apiTokens: 'viewer' }, 'Bearer posing')).toEqual([
      'unauthorized',
      [],
      ['posing'],
    ]);
    expect(await callerOf({}, 'Bearer posing')).toEqual(['unauthorized', [], ['posing']]);
  });
});

describe('the routes that accept API tokens', () => {
  const accepting = Object.entries<Route>(ROUTES).filter(([, { apiTokens }]) => apiTokens !== undefined);

  it('need a role, belong to one workspace or site, and name the refusals of tokens', () => {
    expect(accepting.length).toBeGreaterThan(20);
    for (const [id, route] of accepting) {
      expect([id, ['viewer', 'admin', 'owner'].includes(route.access)]).toEqual([id, true]);
      expect([id, /\{(workspaceId|siteId)\}/.test(route.path)]).toEqual([id, true]);
      expect(commonRefusals(route)).toEqual(
        expect.arrayContaining(['api_token_invalid', 'api_token_not_allowed']),
      );
    }
  });

  it('require the same role from a token as from a person, and an auditor instead of an owner', () => {
    for (const [id, { access, apiTokens }] of accepting)
      expect([id, apiTokens]).toEqual([id, access === 'owner' ? 'auditor' : access]);
  });

  it('never store, replace, delete or open a key, and never add rights', () => {
    const never =
      /members|invitations|api-tokens|embed-key|budget$|webhooks\/|rotate|rollback|resume|\/test$/;
    for (const [id, { method, path }] of accepting.filter(([, route]) => route.method !== 'GET'))
      expect([id, method, never.test(path)]).toEqual([id, method, false]);
    const changes = accepting.filter(([, { method }]) => method !== 'GET').map(([id]) => id);
    expect(changes.sort()).toEqual([
      'changeSite',
      'compareOwnMonth',
      'endSession',
      'suspendSiteKey',
      'suspendWorkspaceKey',
    ]);
  });
});

describe('the request for a new API token', () => {
  const issuesOf = (body: object): readonly string[] => [
    ...new Set(createApiTokenRequest.safeParse(body).error?.issues.map(({ path }) => path.join('.'))),
  ];

  it('defaults to 90 days and the whole workspace', () => {
    expect(createApiTokenRequest.parse({ name: ' Export ', role: 'viewer' })).toEqual({
      name: 'Export',
      role: 'viewer',
      site_ids: null,
      expires_in_days: 90,
    });
  });

  it.each([
    ['no name', { name: '' }, 'name'],
    ['a name that could pass for another', { name: 'Expоrt' }, 'name'],
    ['a name with a key in it', { name: `my ${['sk', 'proj', '0'.repeat(20)].join('-')}` }, 'name'],
    ['a name with a token in it', { name: `my ${TEXT}${'0'.repeat(20)}` }, 'name'],
    ['the role owner', { role: 'owner' }, 'role'],
    ['no sites at all', { site_ids: [] }, 'site_ids'],
    ['sites for an auditor', { role: 'auditor', site_ids: [SITE_ID] }, 'site_ids'],
    ['more than a year', { expires_in_days: 366 }, 'expires_in_days'],
    ['no expiry', { expires_in_days: null }, 'expires_in_days'],
    ['an immediate expiry', { expires_in_days: 0 }, 'expires_in_days'],
    ['a field that does not exist', { token_id: 'tok_x' }, ''],
  ])('is refused with %s', (_, change, path) => {
    expect(issuesOf({ name: 'Export', role: 'viewer', ...change })).toEqual([path]);
  });
});

describe('the routes of API tokens', () => {
  const { createdBy, ...facts } = TOKEN;
  const shown: ShownApiToken = {
    ...facts,
    createdBy,
    siteIds: [SITE_ID],
    expiresAt: '2026-11-30T12:00:00.000Z',
    lastUsedAt: undefined,
    effectiveRole: undefined,
  };
  const calls: unknown[][] = [];
  const endpoints = apiTokenEndpoints({
    clock: () => NOW,
    createApiToken: async (...call) => {
      calls.push(call);
      return { shown: { ...shown, effectiveRole: 'viewer' }, text: TEXT };
    },
    listApiTokens: async () => [shown, { ...shown, lastUsedAt: '2026-11-29T00:00:00.000Z', siteIds: null }],
    revokeApiToken: async (...call) => {
      calls.push(call);
    },
  });
  const request = (extra: object) =>
    ({
      caller: { sub: 'ada' },
      path: { workspaceId: WORKSPACE_ID, tokenId: TOKEN.tokenId },
      ...extra,
    }) as never;
  const presented = {
    token_id: TOKEN.tokenId,
    name: 'Export',
    role: 'viewer',
    site_ids: [SITE_ID],
    created_at: TOKEN.createdAt,
    created_by: 'ada',
    expires_at: '2026-11-30T12:00:00.000Z',
    expired: true,
    last_used_at: null,
    effective_role: null,
  };

  it('list the tokens with their state', async () => {
    expect(await endpoints.listApiTokens(request({}))).toEqual({
      items: [presented, { ...presented, last_used_at: '2026-11-29T00:00:00.000Z', site_ids: null }],
    });
  });

  it('create a token and return its text', async () => {
    const body: EndpointRequest<'createApiToken'>['body'] = {
      name: 'Export',
      role: 'viewer',
      site_ids: [SITE_ID],
      expires_in_days: 7,
    };
    expect(await endpoints.createApiToken(request({ body }))).toEqual({
      ...presented,
      effective_role: 'viewer',
      token: TEXT,
    });
    expect(calls.at(-1)?.slice(1)).toEqual([
      WORKSPACE_ID,
      { name: 'Export', role: 'viewer', siteIds: [SITE_ID], days: 7 },
    ]);
  });

  it('revoke a token', async () => {
    expect(await endpoints.revokeApiToken(request({}))).toEqual({ deleted: true });
    expect(calls.at(-1)?.slice(1)).toEqual([WORKSPACE_ID, TOKEN.tokenId]);
  });
});
