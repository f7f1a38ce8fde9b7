import { afterAll, describe, expect, it } from '@jest/globals';
import { expectRefusal, expectSuccess } from '../support/answers.ts';
import { expectNothingReached, makeKeyedTenant } from '../support/keyed-tenant.ts';
import { openAiOf } from '../support/openai.ts';
import { addMember } from '../support/people.ts';
import { startTestStack, type TestStack } from '../support/stack.ts';
import { fakeKey, makeTenant, type Tenant } from '../support/tenant.ts';

const MAX_AGE_SECONDS = 900;
const stack = await startTestStack({
  audited: false,
  variables: { RECENT_SIGN_IN_SECONDS: String(MAX_AGE_SECONDS) },
});
const lenient = await startTestStack({ audited: false, variables: { RECENT_SIGN_IN_SECONDS: '0' } });
afterAll(async () => {
  await stack.close();
  await lenient.close();
});

const nowSeconds = (): number => Math.floor(Date.now() / 1_000);

/** Sends a request of the owner, who signed in this many seconds ago; undefined: the token does not say. */
const callSignedIn = async (
  at: TestStack,
  tenant: Tenant,
  secondsAgo: number | undefined,
  [method, path, body]: readonly [string, string, unknown],
) => {
  const claims = { auth_time: secondsAgo === undefined ? undefined : nowSeconds() - secondsAgo };
  const token = await at.issuer.issue({ sub: tenant.owner, expiresInSeconds: 600, claims });
  return at.call(method, path, { body, headers: { authorization: `Bearer ${token}` } });
};

/** Changes that outlive a stolen token. */
const sensitive = (tenant: Tenant, member: string) => {
  const workspace = `/v1/workspaces/${tenant.workspaceId}`;
  const origins = ['https://shop.example', 'https://evil.example'];
  return {
    'replacing a key': ['PUT', `${workspace}/openai-key`, { api_key: fakeKey() }],
    'adding an origin': ['PATCH', `/v1/sites/${tenant.siteId}`, { allowed_origins: origins }],
    'storing a site key alongside a workspace key': [
      'PUT',
      `/v1/sites/${tenant.siteId}/openai-key`,
      { api_key: fakeKey() },
    ],
    'storing an embed key': ['PUT', `/v1/sites/${tenant.siteId}/embed-key`, { algorithm: 'HS256' }],
    'making an admin': ['PUT', `${workspace}/members/${member}`, { role: 'admin' }],
    'making an owner': ['PUT', `${workspace}/members/${member}`, { role: 'owner' }],
    'inviting an admin by user ID': ['PUT', `${workspace}/members/mallory`, { role: 'admin' }],
    'inviting an admin': ['POST', `${workspace}/invitations`, { email: 'eve@evil.example', role: 'admin' }],
    'inviting an owner': ['POST', `${workspace}/invitations`, { email: 'eve@evil.example', role: 'owner' }],
    'adding a site': [
      'POST',
      `${workspace}/sites`,
      { name: 'New', allowed_origins: ['https://evil.example'] },
    ],
  } as const;
};

describe('a sensitive change', () => {
  it('is refused before any cost if the person signed in long ago, and changes nothing', async () => {
    const tenant = await makeKeyedTenant(stack);
    const member = await addMember(stack, tenant, 'viewer');
    openAiOf(stack).clearRequests();
    for (const [name, request] of Object.entries(sensitive(tenant, member)))
      for (const age of [MAX_AGE_SECONDS + 120, undefined]) {
        const answer = await callSignedIn(stack, tenant, age, request);
        expect({ name, code: answer.error?.code, status: answer.status }).toEqual({
          name,
          code: 'recent_sign_in_required',
          status: 401,
        });
      }
    expectNothingReached(stack);
    const key = await stack.call('GET', `/v1/workspaces/${tenant.workspaceId}/openai-key`, {
      as: tenant.owner,
    });
    expect(expectSuccess(key).version).toBe(1);
  });

  it('cannot be split into a deletion and a first key', async () => {
    const tenant = await makeKeyedTenant(stack);
    const path = `/v1/workspaces/${tenant.workspaceId}/openai-key`;
    const day = 86_400;
    expect((await callSignedIn(stack, tenant, day, ['DELETE', path, undefined])).error).toBeUndefined();
    const answer = await callSignedIn(stack, tenant, day, ['PUT', path, { api_key: fakeKey() }]);
    expectRefusal(answer, 401, 'recent_sign_in_required');
  });

  it('is accepted from a person who has just signed in', async () => {
    const tenant = await makeKeyedTenant(stack);
    const member = await addMember(stack, tenant, 'viewer');
    const { 'adding a site': _, ...changes } = sensitive(tenant, member);
    for (const request of Object.values(changes))
      expect((await callSignedIn(stack, tenant, MAX_AGE_SECONDS - 60, request)).error).toBeUndefined();
  });

  it('is accepted if the deployment does not require a recent sign-in', async () => {
    const tenant = await makeKeyedTenant(lenient);
    const member = await addMember(lenient, tenant, 'viewer');
    const { 'adding a site': _, ...changes } = sensitive(tenant, member);
    for (const request of Object.values(changes))
      expect((await callSignedIn(lenient, tenant, undefined, request)).error).toBeUndefined();
  });
});

describe('a change that is not sensitive', () => {
  it('needs no recent sign-in: the first key of a scope without a key', async () => {
    const tenant = await makeTenant(stack);
    const paths = [
      `/v1/sites/${tenant.siteId}/openai-key`,
      `/v1/workspaces/${tenant.workspaceId}/openai-key`,
    ];
    for (const path of paths)
      expect(
        (await callSignedIn(stack, tenant, 86_400, ['PUT', path, { api_key: fakeKey() }])).error,
      ).toBeUndefined();
  });

  it('needs no recent sign-in: fewer origins, a lower role, an invited viewer, a kill switch', async () => {
    const tenant = await makeKeyedTenant(stack);
    const admin = await addMember(stack, tenant, 'admin');
    const workspace = `/v1/workspaces/${tenant.workspaceId}`;
    const requests = [
      ['PATCH', `/v1/sites/${tenant.siteId}`, { name: 'Renamed', allowed_origins: ['https://shop.example'] }],
      ['PUT', `${workspace}/members/${admin}`, { role: 'viewer' }],
      ['POST', `${workspace}/invitations`, { email: 'ada@customer.example', role: 'viewer' }],
      ['PUT', `${workspace}/members/ada`, { role: 'viewer' }],
      ['POST', `${workspace}/openai-key/suspend`, {}],
    ] as const;
    for (const request of requests)
      expect((await callSignedIn(stack, tenant, 86_400, request)).error).toBeUndefined();
  });

  it('is refused to a person without the role, with no mention of sign-ins', async () => {
    const tenant = await makeKeyedTenant(stack);
    const viewer = await addMember(stack, tenant, 'viewer');
    const [method, path, body] = sensitive(tenant, viewer)['adding an origin'];
    const answer = await callSignedIn(stack, { ...tenant, owner: viewer }, 86_400, [method, path, body]);
    expectRefusal(answer, 403, 'forbidden');
  });
});
