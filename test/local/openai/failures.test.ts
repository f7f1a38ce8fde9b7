import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { type LocalOpenAi, playableFailures, startLocalOpenAi } from '../../../local/openai/server.ts';
import { fakeKey, listOf, mint, models, refusalOf } from './driver.ts';

let openAi: LocalOpenAi;
beforeAll(async () => {
  openAi = await startLocalOpenAi();
});
afterAll(() => openAi.close());

/** The suffix's answer on the mint and on the list of models: status, and code if there is one. */
const refusals: Record<string, { mint: [number, (string | null)?]; models: [number, (string | null)?] }> = {
  revoked: { mint: [401, 'invalid_api_key'], models: [401, 'invalid_api_key'] },
  expired: { mint: [401, null], models: [401, null] },
  noscope: { mint: [401, null], models: [403, 'missing_scope'] },
  readonly: { mint: [401, 'missing_scope'], models: [200] },
  restricted: { mint: [200], models: [403, null] },
  nomodel: { mint: [403, 'model_not_found'], models: [200] },
  latenomodel: { mint: [200], models: [200] },
  latenoquota: { mint: [200], models: [200] },
  lateratelimited: { mint: [200], models: [200] },
  latebusy: { mint: [200], models: [200] },
  wrongregion: { mint: [401, 'incorrect_hostname'], models: [401, 'incorrect_hostname'] },
  notregional: { mint: [401, 'incorrect_hostname'], models: [401, 'incorrect_hostname'] },
  deactivated: { mint: [401, 'account_deactivated'], models: [401, 'account_deactivated'] },
  archived: {
    mint: [401, 'not_authorized_invalid_project'],
    models: [401, 'not_authorized_invalid_project'],
  },
  otherproject: { mint: [401, 'mismatched_project'], models: [401, 'mismatched_project'] },
  unverified: { mint: [403, null], models: [200] },
  nobilling: { mint: [429, 'billing_not_active'], models: [200] },
  hardlimit: { mint: [400, 'billing_hard_limit_reached'], models: [200] },
  badip: { mint: [401, 'ip_not_authorized'], models: [401, 'ip_not_authorized'] },
  nocountry: {
    mint: [403, 'unsupported_country_region_territory'],
    models: [403, 'unsupported_country_region_territory'],
  },
  noorg: { mint: [401, null], models: [401, null] },
  noquota: { mint: [429, 'insufficient_quota'], models: [200] },
  nocredit: { mint: [429, 'credit_balance_exhausted'], models: [200] },
  spendlimit: { mint: [429, 'project_spend_limit_exceeded'], models: [200] },
  orgspendlimit: { mint: [429, 'organization_spend_limit_exceeded'], models: [200] },
  usagelimit: { mint: [429, 'organization_usage_limit_exceeded'], models: [200] },
  ratelimited: { mint: [429, 'rate_limit_exceeded'], models: [429, 'rate_limit_exceeded'] },
  slowdown: { mint: [429, 'slow_down'], models: [429, 'slow_down'] },
  err500: { mint: [500, null], models: [500, null] },
  err503: { mint: [503, 'server_is_overloaded'], models: [503, 'server_is_overloaded'] },
};

const oddAnswers = [
  'html502',
  'blocked',
  'badjson',
  'truncated',
  'nosecret',
  'empty',
  'redirect',
  'hang',
  'slowbody',
  'reset',
  'huge',
];

async function statusAndCode(response: Response): Promise<unknown[]> {
  if (response.ok) return [response.status];
  const { status, code } = await refusalOf(response);
  return [status, code];
}

describe('the failure that the end of a key selects', () => {
  it('is documented in one line each', () => {
    expect(Object.keys(playableFailures).sort()).toEqual([...Object.keys(refusals), ...oddAnswers].sort());
    for (const description of Object.values(playableFailures)) expect(description).toMatch(/^\S[^\n]+$/);
  });

  it.each(Object.entries(refusals))('%s applies to the mint and to the models', async (suffix, expected) => {
    expect(await statusAndCode(await mint(openAi, fakeKey(suffix)))).toEqual(expected.mint);
    expect(await statusAndCode(await models(openAi, fakeKey(suffix)))).toEqual(expected.models);
  });

  it('quotes both ends of a revoked key, as OpenAI does', async () => {
    const key = fakeKey('revoked');
    const { message } = await refusalOf(await mint(openAi, key));
    expect(message).toContain(`Incorrect API key provided: ${key.slice(0, 12)}****${key.slice(-4)}`);
  });

  it('names the missing scope', async () => {
    const { message: onMint } = await refusalOf(await mint(openAi, fakeKey('noscope')));
    const { message: onModels } = await refusalOf(await models(openAi, fakeKey('restricted')));
    expect(onMint).toContain('Missing scopes: api.model.request');
    expect(onModels).toContain('Missing scopes: api.model.read');
  });

  it('names the correct host for a key of another region', async () => {
    const { message } = await refusalOf(await mint(openAi, fakeKey('wrongregion')));
    expect(message).toContain('Please make your request to us.api.openai.com');
  });

  it('has Retry-After and the organization if the rate limit is reached', async () => {
    const response = await mint(openAi, fakeKey('ratelimited'));
    expect(response.headers.get('retry-after')).toBe('7');
    expect((await refusalOf(response))['message']).toContain('in organization org-');
  });

  it('reports missing credit with the type insufficient_quota, whatever the code', async () => {
    for (const suffix of ['noquota', 'nocredit', 'spendlimit', 'orgspendlimit', 'usagelimit']) {
      expect((await refusalOf(await mint(openAi, fakeKey(suffix))))['type']).toBe('insufficient_quota');
    }
  });

  it('asks for a retry if OpenAI is overloaded', async () => {
    const response = await mint(openAi, fakeKey('err503'));
    expect(response.headers.get('x-should-retry')).toBe('true');
  });

  it('removes the Realtime models from the list of a project without access', async () => {
    const data = await listOf(await models(openAi, fakeKey('nomodel')));
    expect(data.length).toBeGreaterThan(0);
    expect(data.filter(({ id }) => id.startsWith('gpt-realtime'))).toEqual([]);
    expect((await models(openAi, fakeKey('nomodel'), 'gpt-realtime-2.1')).status).toBe(404);
  });
});

describe('an undocumented response of the stand-in', () => {
  it('html502 is an HTML page', async () => {
    const response = await mint(openAi, fakeKey('html502'));
    expect([response.status, response.headers.get('content-type')]).toEqual([
      502,
      'text/html; charset=utf-8',
    ]);
    await response.text();
  });

  it('badjson and empty are complete responses that do not parse', async () => {
    for (const suffix of ['badjson', 'empty']) {
      const response = await mint(openAi, fakeKey(suffix));
      expect(response.status).toBe(200);
      await expect(response.json()).rejects.toThrow('JSON');
    }
  });

  it('nosecret is a successful response without a secret', async () => {
    const response = await mint(openAi, fakeKey('nosecret'));
    expect(response.status).toBe(200);
    expect(await response.json()).not.toHaveProperty('value');
  });

  it('truncated stops within the body', async () => {
    const response = await mint(openAi, fakeKey('truncated'));
    expect(response.status).toBe(200);
    await expect(response.text()).rejects.toThrow();
  });

  it('reset breaks the connection before any response', async () => {
    await expect(mint(openAi, fakeKey('reset'))).rejects.toThrow('fetch failed');
  });

  it('redirect leads to a URL that records whether the key follows', async () => {
    openAi.clearRequests();
    const response = await mint(openAi, fakeKey('redirect'));
    expect(response.status).toBe(302);
    await fetch(response.headers.get('location') ?? '');
    expect(openAi.requests.map(({ path }) => path)).toEqual(['/v1/realtime/client_secrets', '/elsewhere']);
  });

  it('huge is a valid response of excessive size', async () => {
    const text = await (await mint(openAi, fakeKey('huge'))).text();
    expect(text.length).toBeGreaterThan(20_000_000);
    expect(JSON.parse(text)).toHaveProperty('value');
  });

  it('hang does not answer until the caller gives up', async () => {
    const caller = new AbortController();
    openAi.clearRequests();
    const pending = mint(openAi, fakeKey('hang'), undefined, { signal: caller.signal });
    pending.catch(() => undefined);
    while (openAi.requests.length === 0) await new Promise(setImmediate);
    caller.abort();
    await expect(pending).rejects.toThrow('aborted');
  });

  it('slowbody sends the headers immediately and the body byte by byte', async () => {
    const caller = new AbortController();
    const response = await mint(openAi, fakeKey('slowbody'), undefined, { signal: caller.signal });
    expect(response.status).toBe(200);
    const first = await response.body?.getReader().read();
    expect(first?.value).toHaveLength(1);
    caller.abort();
  });

  it('of any kind ends immediately when the stand-in closes', async () => {
    const other = await startLocalOpenAi();
    const hanging = mint(other, fakeKey('hang'));
    hanging.catch(() => undefined);
    const slow = await mint(other, fakeKey('slowbody'));
    while (other.requests.length < 2) await new Promise(setImmediate);
    await other.close();
    await expect(hanging).rejects.toThrow();
    await expect(slow.text()).rejects.toThrow();
    await other.close();
  });
});
