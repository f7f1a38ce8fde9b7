import { afterAll, afterEach, describe, expect, it } from '@jest/globals';
import { expectRefusal, expectSuccess } from '../support/answers.ts';
import { frozenClock } from '../support/frozen-clock.ts';
import { tablesAt } from '../support/key-tables.ts';
import { asOwner, makeKeyedTenant } from '../support/keyed-tenant.ts';
import { mintAnswered, mintRefused, openAiFingerprint, openAiOf } from '../support/openai.ts';
import { startTestStack } from '../support/stack.ts';
import { fakeKey, mint, putWorkspaceKey, type Tenant } from '../support/tenant.ts';

/** Every workspace of a deployment calls OpenAI from one address: when an edge blocks it, all of them meet this at once. */

const time = frozenClock();
const stack = await startTestStack({ audited: false, runtime: { clock: time.clock } });
const openAi = openAiOf(stack);
const tables = tablesAt(stack.dynamoDb.endpoint);
afterAll(async () => {
  tables.close();
  await stack.close();
});
afterEach(() => openAi.clearFaults());

const PAGE =
  '<!DOCTYPE html><html><body><h1>Sorry, you have been blocked</h1><p>You are unable to access api.openai.com</p></body></html>';
const HTML = { 'content-type': 'text/html; charset=utf-8' };

const keyPath = ({ workspaceId }: Tenant): string => `/v1/workspaces/${workspaceId}/openai-key`;
const stateOf = async (tenant: Tenant): Promise<string> =>
  (await asOwner(stack, tenant, 'GET', keyPath(tenant))).state;
const incidentsOf = async ({ workspaceId }: Tenant): Promise<readonly unknown[]> =>
  (await tables.scan('audit')).filter(
    ({ pk, type }) => String(pk).includes(workspaceId) && type === 'anomaly.detected',
  );
const guarded = () => makeKeyedTenant(stack, { anomaly_response: 'suspend' });

describe.each([
  ['a page of status 403', mintAnswered(PAGE, 403, HTML)],
  ['a page of status 401', mintAnswered(PAGE, 401, HTML)],
  ['an empty body of status 401', mintAnswered('', 401)],
  ['the JSON of a gateway, of status 403', mintAnswered({ message: 'Forbidden' }, 403)],
  ['an error that is a text, of status 401', mintAnswered({ error: 'invalid_api_key' }, 401)],
  ['a page of status 429', mintAnswered(PAGE, 429, HTML)],
])('while the path to OpenAI is blocked with %s', (_what, fault) => {
  it('visitors are asked to retry, no key is suspended, and sessions open again when OpenAI answers', async () => {
    const tenants = [await guarded(), await guarded()];
    openAi.inject(fault);
    for (const tenant of tenants)
      for (let visit = 0; visit < 6; visit++) {
        const answer = await mint(stack, tenant);
        expectRefusal(answer, 502, 'openai_error');
        expect(answer.headers.get('retry-after')).toBe('10');
      }
    await stack.streams.drain();
    openAi.clearFaults();
    for (const tenant of tenants) {
      expect(await stateOf(tenant)).toBe('active');
      expect(await incidentsOf(tenant)).toEqual([]);
      expectSuccess(await mint(stack, tenant));
    }
  });
});

describe('a key that OpenAI revoked', () => {
  it('is suspended, even if the path to OpenAI was blocked in between', async () => {
    const tenant = await guarded();
    const other = await guarded();
    const revoked = {
      ...mintRefused(401, { message: 'Incorrect API key provided.', code: 'invalid_api_key' }),
      keyFingerprint: openAiFingerprint(tenant.key),
    };
    const visit = async (): Promise<number> => (await mint(stack, tenant)).status;
    openAi.inject(revoked);
    expect([await visit(), await visit()]).toEqual([422, 422]);
    openAi.clearFaults();
    openAi.inject(mintAnswered(PAGE, 403, HTML));
    expect(await visit()).toBe(502);
    openAi.clearFaults();
    openAi.inject(revoked);
    expect(await visit()).toBe(422);
    await stack.streams.drain();
    expect(await stateOf(tenant)).toBe('suspended');
    expect(await incidentsOf(tenant)).toHaveLength(1);
    expect(await stateOf(other)).toBe('active');
  });
});

describe('a key that is replaced while the path to OpenAI is blocked', () => {
  it('stays in use, and the new key is stored once OpenAI answers', async () => {
    const tenant = await guarded();
    openAi.inject({ path: '/v1/models', status: 403, body: PAGE, headers: HTML });
    openAi.inject(mintAnswered(PAGE, 403, HTML));
    const next = fakeKey();
    expectRefusal(await putWorkspaceKey(stack, tenant, next), 409, 'openai_key_unverified');
    expect(await stateOf(tenant)).toBe('active');
    openAi.clearFaults();
    expect(expectSuccess(await putWorkspaceKey(stack, tenant, next))).toMatchObject({
      version: 2,
      state: 'active',
    });
  });
});
