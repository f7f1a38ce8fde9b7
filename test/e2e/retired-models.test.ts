import { afterAll, describe, expect, it } from '@jest/globals';
import { startLocalOpenAi } from '../../local/openai/server.ts';
import { detailPaths, expectRefusal, expectSuccess } from '../support/answers.ts';
import { frozenClock } from '../support/frozen-clock.ts';
import { type Item, tablesAt } from '../support/key-tables.ts';
import { asOwner, makeKeyedTenant } from '../support/keyed-tenant.ts';
import { putOnPlan } from '../support/plan.ts';
import { BUNDLED, startTestStack } from '../support/stack.ts';
import { fakeKey, mint, ORIGIN, putWorkspaceKey, type Tenant } from '../support/tenant.ts';

const DAY_MS = 86_400_000;

/** The product and the stand-in for OpenAI, which stops serving a model on its shutdown date, on one clock. */
const startAt = async (start: string) => {
  const time = frozenClock(start);
  const openAi = await startLocalOpenAi({ now: () => time.clock().getTime() });
  const stack = await startTestStack({
    audited: false,
    runtime: { clock: time.clock },
    openAiBaseUrl: openAi.baseUrl,
  });
  const close = async () => {
    await stack.close();
    await openAi.close();
  };
  return { time, openAi, stack, close };
};

const { time, openAi, stack, close } = await startAt('2026-11-20T12:00:10.000Z');
const tables = tablesAt(stack.dynamoDb.endpoint);
afterAll(async () => {
  tables.close();
  await close();
});

const MODELS = [
  'gpt-realtime',
  'gpt-realtime-2025-08-28',
  'gpt-realtime-mini',
  'gpt-realtime-mini-2025-12-15',
] as const;
const successorOf = (model: string): string =>
  model.includes('mini') ? 'gpt-realtime-2.1-mini' : 'gpt-realtime-2.1';

const addSite = async (tenant: Tenant, model: string, settings = {}): Promise<Tenant> => {
  const { site_id } = expectSuccess(
    await stack.call('POST', `/v1/workspaces/${tenant.workspaceId}/sites`, {
      as: tenant.owner,
      body: { name: model, allowed_origins: [ORIGIN], model, ...settings },
    }),
    201,
  );
  return { ...tenant, siteId: site_id };
};
const readSite = (site: Tenant) => asOwner(stack, site, 'GET', `/v1/sites/${site.siteId}`);
const patch = (site: Tenant, body: unknown) =>
  stack.call('PATCH', `/v1/sites/${site.siteId}`, { as: site.owner, body });

const trailOf = async (tenant: Tenant, type: string) => {
  await stack.streams.drain();
  const path = `/v1/workspaces/${tenant.workspaceId}/audit?type=${type}&limit=100`;
  return (await asOwner(stack, tenant, 'GET', path)).items;
};

/** Changes the item of a site behind the API's back. */
const changeItem = async ({ workspaceId, siteId }: Tenant, change: Item): Promise<void> => {
  const sites = await tables.partition('tenancy', `WORKSPACE#${workspaceId}`);
  const site = sites.find(({ sk }) => sk === `SITE#${siteId}`);
  await tables.putItem('tenancy', { ...site, ...change });
};

const setClock = (day: string): void => time.advance(Date.parse(day) - time.clock().getTime());

describe('the shutdown of four models on 2027-01-20', () => {
  let tenant: Tenant;
  let sites: readonly { readonly model: string; readonly site: Tenant }[];
  let stays: Tenant;

  it('begins with sites on each of the models, one of which opts out', async () => {
    tenant = await makeKeyedTenant(stack, { openai_tier: 5 });
    await putOnPlan(stack, tenant, 'enterprise');
    sites = await Promise.all(MODELS.map(async (model) => ({ model, site: await addSite(tenant, model) })));
    stays = await addSite(tenant, 'gpt-realtime', { model_auto_upgrade: false, data_residency: 'global' });
    expect(await readSite(stays)).toMatchObject({ model_auto_upgrade: false, model_moved: null });
  });

  it('gives each site three notices, 60, 30 and 7 days ahead, each once and with both prices', async () => {
    const sent: string[] = [];
    // A day without a run, and days with two, change nothing.
    for (const day of [
      '2026-11-20',
      '2026-11-21',
      '2026-11-21',
      '2026-11-22',
      '2026-12-21',
      '2027-01-05',
      '2027-01-13',
      '2027-01-14',
    ]) {
      setClock(`${day}T12:00:10Z`);
      const before = (await trailOf(tenant, 'site.model_retiring')).length;
      await stack.retireModels();
      const after = (await trailOf(tenant, 'site.model_retiring')).length;
      if (after > before) sent.push(`${day}: ${after - before}`);
    }
    expect(sent).toEqual(['2026-11-21: 5', '2026-12-21: 5', '2027-01-13: 5']);
    const rows = await trailOf(tenant, 'site.model_retiring');
    const ofStaying = rows.filter(({ site_id }: { site_id: string }) => site_id === stays.siteId);
    expect(ofStaying.map(({ facts }: { facts: Record<string, unknown> }) => facts['notice_days'])).toEqual([
      7, 30, 60,
    ]);
    expect(ofStaying[0]).toMatchObject({
      actor: 'system:retire-models',
      facts: {
        model: 'gpt-realtime',
        successor: 'gpt-realtime-2.1',
        shutdown_date: '2027-01-20',
        days_left: 7,
        auto_upgrade: false,
        price: 'text $4 in, $0.4 cached, $16 out; audio $32 in, $0.4 cached, $64 out per 1M tokens',
        successor_price: 'text $4 in, $0.4 cached, $24 out; audio $32 in, $0.4 cached, $64 out per 1M tokens',
      },
    });
  });

  it('sends each notice to the event bus once, with the site and the same facts as the audit trail', async () => {
    // A bundle announces to the bus of the bundled run, which keeps none.
    if (BUNDLED) return;
    const own = stack.incidents.siteNotices.filter(({ workspaceId }) => workspaceId === tenant.workspaceId);
    expect(own).toHaveLength(15);
    expect(new Set(own.map(({ noticeId }) => noticeId)).size).toBe(15);
    expect(own[0]).toMatchObject({ kind: 'model_retiring', facts: { notice_days: 60 } });
  });

  it('a run on 2027-01-18 changes no model', async () => {
    setClock('2027-01-18T23:59:50Z');
    await stack.retireModels();
    for (const { model, site } of sites) expect((await readSite(site)).model).toBe(model);
  });

  it('a run on 2027-01-19 moves every site that did not opt out, once and with an audit row, and no mint fails', async () => {
    setClock('2027-01-19T06:00:10Z');
    for (const { site } of sites) expectSuccess(await mint(stack, site));
    await stack.retireModels();
    await stack.retireModels();
    for (const { model, site } of sites) {
      expect(await readSite(site)).toMatchObject({
        model: successorOf(model),
        model_moved: { from: model, to: successorOf(model), at: '2027-01-19T06:00:10.000Z' },
        warnings: [],
      });
      expect(expectSuccess(await mint(stack, site)).model).toBe(successorOf(model));
    }
    expect(await readSite(stays)).toMatchObject({ model: 'gpt-realtime', model_moved: null });
    const rows = await trailOf(tenant, 'site.model_moved');
    expect(rows).toHaveLength(4);
    expect(rows.find(({ site_id }: { site_id: string }) => site_id === sites[0]?.site.siteId)).toMatchObject({
      actor: 'system:retire-models',
      facts: { model_before: 'gpt-realtime', model: 'gpt-realtime-2.1', shutdown_date: '2027-01-20' },
    });
  });

  it('lets an owner undo the move: the site opts out, stays through the next run, and still mints', async () => {
    const { site, model } = sites[0] ?? { site: stays, model: '' };
    const back = expectSuccess(await patch(site, { model }));
    expect(back).toMatchObject({ model, model_auto_upgrade: false, model_moved: null });
    expect(back.warnings).toEqual([
      { code: 'model_retiring', message: expect.stringContaining('opted out') },
    ]);
    await stack.retireModels();
    expect(await readSite(site)).toMatchObject({ model, model_auto_upgrade: false });
    expect(expectSuccess(await mint(stack, site)).model).toBe('gpt-realtime');
    // And forward again.
    expectSuccess(await patch(site, { model_auto_upgrade: true }));
    await stack.retireModels();
    expect(await readSite(site)).toMatchObject({ model: 'gpt-realtime-2.1' });
  });

  it('a run on 2027-01-20 refuses only the visitors of the site that opted out', async () => {
    setClock('2027-01-20T00:00:10Z');
    for (const { model, site } of sites)
      expect(expectSuccess(await mint(stack, site)).model).toBe(successorOf(model));
    expectRefusal(await mint(stack, stays), 422, 'openai_key_rejected');
    expect((await readSite(stays)).warnings).toEqual([
      { code: 'model_shut_down', message: expect.stringContaining('Choose gpt-realtime-2.1') },
    ]);
  });

  it('does not let an owner choose the old model after the shutdown date', async () => {
    const { site } = sites[1] ?? { site: stays };
    const refused = await patch(site, { model: 'gpt-realtime-2025-08-28' });
    expectRefusal(refused, 400, 'invalid_request');
    expect(refused.error.details).toEqual([
      {
        path: 'model',
        message: 'OpenAI shut gpt-realtime-2025-08-28 down on 2027-01-20. Choose gpt-realtime-2.1.',
      },
    ]);
    // A setting alongside it can be changed on a site that stayed, without choosing a model first.
    expectSuccess(await patch(stays, { name: 'Renamed', model: 'gpt-realtime' }));
  });
});

describe('a site that no run moved in time', () => {
  it('mints with the successor from the shutdown date on, and its session and receipt name that model', async () => {
    setClock('2027-01-20T08:00:10Z');
    const tenant = await makeKeyedTenant(stack, {}, { data_residency: 'eu' });
    await changeItem(tenant, { model: 'gpt-realtime' });
    expect((await readSite(tenant)).model).toBe('gpt-realtime');
    openAi.clearRequests();
    const minted = expectSuccess(await mint(stack, tenant));
    expect(minted.model).toBe('gpt-realtime-2.1');
    expect(openAi.requests).toHaveLength(1);
    const path = `/v1/sites/${tenant.siteId}/sessions/${minted.session_id}`;
    expect(await asOwner(stack, tenant, 'GET', path)).toMatchObject({ model: 'gpt-realtime-2.1' });
    expect(await tables.sessionsOf(tenant.siteId)).toMatchObject([
      { model: 'gpt-realtime-2.1', dataResidency: 'eu', state: 'issued' },
    ]);
  });
});

describe('a request for an unavailable model', () => {
  it.each([
    'whisper-1',
    'gpt-4o',
    'gpt-4o-realtime-preview',
    'gpt-realtime-translate',
    'gpt-live-1',
    'gpt-realtime',
  ])('is refused at creation and at a change without a call to OpenAI: %s', async (model) => {
    setClock('2027-02-01T12:00:10Z');
    const tenant = await makeKeyedTenant(stack);
    const created = await stack.call('POST', `/v1/workspaces/${tenant.workspaceId}/sites`, {
      as: tenant.owner,
      body: { name: 'Other', allowed_origins: [ORIGIN], model },
    });
    for (const answer of [created, await patch(tenant, { model })]) {
      expectRefusal(answer, 400, 'invalid_request');
      expect(detailPaths(answer)).toEqual(['model']);
    }
    expect((await readSite(tenant)).model).toBe('gpt-realtime-2.1-mini');
  });

  it('is accepted with a warning if the model is unknown', async () => {
    const tenant = await makeKeyedTenant(stack);
    const { model, warnings } = expectSuccess(await patch(tenant, { model: 'gpt-realtime-9' }));
    expect(model).toBe('gpt-realtime-9');
    expect(warnings).toEqual([{ code: 'model_unknown', message: expect.stringContaining('price list') }]);
  });
});

describe('a move and a change by a person at the same time', () => {
  it("keep the person's choice, and record at most one move", async () => {
    setClock('2027-01-19T12:00:10Z');
    const tenant = await makeKeyedTenant(stack);
    expectSuccess(await patch(tenant, { model: 'gpt-realtime' }));
    const [, changed] = await Promise.all([
      stack.retireModels(),
      patch(tenant, { model_auto_upgrade: false }),
    ]);
    expectSuccess(changed);
    await stack.retireModels();
    const { model, model_moved } = await readSite(tenant);
    const moves = await trailOf(tenant, 'site.model_moved');
    expect(moves).toHaveLength(model === 'gpt-realtime' ? 0 : 1);
    expect(model_moved === null).toBe(model === 'gpt-realtime');
  });
});

describe('a run that cannot read one site', () => {
  it('fails so that its alarm fires, and still moves the other sites', async () => {
    setClock('2027-01-19T18:00:10Z');
    const broken = await makeKeyedTenant(stack);
    const good = await makeKeyedTenant(stack);
    expectSuccess(await patch(good, { model: 'gpt-realtime-mini' }));
    await changeItem(broken, { voice: 7 });
    if (BUNDLED) await stack.retireModels().catch(() => undefined);
    else await expect(stack.retireModels()).rejects.toThrow();
    await changeItem(broken, { voice: 'marin' });
    expect((await readSite(good)).model).toBe('gpt-realtime-2.1-mini');
    time.advance(DAY_MS);
  });
});

describe('a key test for a model with a shutdown date', () => {
  it('returns the shutdown date in its verdict', async () => {
    setClock('2027-01-10T12:00:10Z');
    const tenant = await makeKeyedTenant(stack);
    expectSuccess(await putWorkspaceKey(stack, tenant, fakeKey()));
    expectSuccess(await patch(tenant, { model: 'gpt-realtime' }));
    const verdict = await asOwner(stack, tenant, 'PUT', `/v1/sites/${tenant.siteId}/openai-key`, {
      api_key: fakeKey(),
    });
    expect(verdict.verdict).toMatchObject({
      code: 'model_retiring',
      message: expect.stringContaining('2027-01-20'),
    });
  });
});
