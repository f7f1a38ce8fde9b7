import { afterAll, afterEach, describe, expect, it } from '@jest/globals';
import { expectRefusal, expectSuccess } from '../support/answers.ts';
import { frozenClock } from '../support/frozen-clock.ts';
import { addSite, asOwner, changeWorkspace, makeKeyedTenant, needed } from '../support/keyed-tenant.ts';
import { openAiOf } from '../support/openai.ts';
import { putOnPlan } from '../support/plan.ts';
import { putPlatformKey } from '../support/platform-key.ts';
import { beginSession, endSession, playSession } from '../support/played-session.ts';
import { event, report, usageEvent } from '../support/reports.ts';
import { startTestStack } from '../support/stack.ts';
import { fakeKey, makeTenant, mint, putSiteKey, putWorkspaceKey, type Tenant } from '../support/tenant.ts';

const time = frozenClock();
const stack = await startTestStack({ runtime: { clock: time.clock }, audited: false });
afterAll(() => stack.close());
afterEach(() => openAiOf(stack).clearFaults());
await needed(stack, putPlatformKey(stack, fakeKey()));

const sessionsPath = ({ siteId }: Pick<Tenant, 'siteId'>, rest = ''): string =>
  `/v1/sites/${siteId}/sessions${rest}`;
const sessionsOf = (tenant: Tenant, query = '') => asOwner(stack, tenant, 'GET', sessionsPath(tenant, query));
const sessionOf = (tenant: Tenant, { session_id }: { readonly session_id: string }) =>
  asOwner(stack, tenant, 'GET', sessionsPath(tenant, `/${session_id}`));
const idsOf = ({ items }: { items: readonly { session_id: string }[] }) =>
  items.map((item) => item.session_id);

/** A mint that OpenAI fails. */
const failedMint = async (tenant: Tenant): Promise<void> => {
  openAiOf(stack).inject({ status: 500 });
  expectRefusal(await mint(stack, tenant), 502, 'openai_error');
  openAiOf(stack).clearFaults();
};

describe('a session', () => {
  it('has a receipt with payer, key, price, usage and cost, which is zero before it connects', async () => {
    const tenant = await makeKeyedTenant(stack, {}, { model: 'gpt-realtime-2.1' });
    const minted = expectSuccess(await mint(stack, tenant));
    expect(await sessionOf(tenant, minted)).toMatchObject({
      session_id: minted.session_id,
      site_id: tenant.siteId,
      state: 'issued',
      kind: 'visitor',
      mode: 'byok',
      model: 'gpt-realtime-2.1',
      created_at: time.clock().toISOString(),
      connected_at: null,
      ended_at: null,
      end_reason: null,
      seconds: 0,
      refusal: null,
      receipt: { payer: 'byok', key_scope: 'workspace', key_version: 1, cost_cents: 0, flags: [] },
    });
    const connectedAt = time.clock();
    expectSuccess(
      await report(stack, tenant, minted, [event('connected', connectedAt)], { signedAt: connectedAt }),
    );
    expect((await sessionOf(tenant, minted)).state).toBe('live');
    time.advance(65_000);
    await endSession(stack, tenant, time, minted, { audioIn: 1_000, textIn: 500, audioOut: 300 });
    expect(await sessionOf(tenant, minted)).toMatchObject({
      state: 'ended',
      connected_at: connectedAt.toISOString(),
      ended_at: time.clock().toISOString(),
      end_reason: 'hung_up',
      seconds: 65,
      billed_seconds: 0,
      receipt: {
        price_version: 'gpt-realtime-2.1@2026-07-01',
        tokens: { input_audio: 1_000, input_text: 500, output_audio: 300 },
        // $32, $4 and $64 per million.
        cost_cents: (1_000 * 32 + 500 * 4 + 300 * 64) / 10_000,
        estimated: true,
      },
    });
  });

  it('that fell silent ended one heartbeat after its last report', async () => {
    const tenant = await makeTenant(stack, { billing_mode: 'managed' });
    const minted = await beginSession(stack, tenant, time);
    time.advance(200_000);
    await stack.sweep();
    expect(await sessionOf(tenant, minted)).toMatchObject({
      state: 'ended',
      end_reason: 'silence',
      seconds: 20,
    });
  });

  it('with impossible reports shows the flagged usage and does not count it', async () => {
    const tenant = await makeTenant(stack, { billing_mode: 'managed' });
    const minted = await beginSession(stack, tenant, time);
    const now = time.clock();
    await report(stack, tenant, minted, [usageEvent(now, { audioOut: 1_000_000 })], { signedAt: now });
    const { receipt } = await sessionOf(tenant, minted);
    expect(receipt).toMatchObject({ flags: ['tokens_out_of_bounds'], estimated: true, cost_cents: 0 });
    expect(receipt.flagged_tokens.output_audio).toBe(1_000_000);
    expect(receipt.tokens.output_audio).toBe(0);
  });

  it('of a model without a known price has no cost', async () => {
    const tenant = await makeTenant(stack, { billing_mode: 'managed' }, { model: 'gpt-realtime-unheard-of' });
    const minted = await mint(stack, tenant);
    // The stand-in knows OpenAI's models only: the mint is refused and the session stays on the list.
    expect(minted.status).toBeGreaterThanOrEqual(400);
    const { items } = await sessionsOf(tenant);
    expect(items).toEqual([
      expect.objectContaining({
        state: 'refused',
        refusal: expect.any(String),
        receipt: expect.objectContaining({ price_version: null, cost_cents: null, estimated: true }),
      }),
    ]);
  });

  it('keeps its payer when the workspace changes its mode, and the next session has the new payer', async () => {
    const tenant = await makeKeyedTenant(stack, { billing_mode: 'managed' });
    await putOnPlan(stack, tenant, 'starter');
    const first = await beginSession(stack, tenant, time);
    time.advance(30_000);
    await changeWorkspace(stack, tenant, { billing_mode: 'byok' });
    const second = await beginSession(stack, tenant, time);
    time.advance(30_000);
    await endSession(stack, tenant, time, first, { audioOut: 50 });
    await endSession(stack, tenant, time, second, { audioOut: 50 });
    expect(await sessionOf(tenant, first)).toMatchObject({
      mode: 'managed',
      billed_seconds: 60,
      receipt: { payer: 'managed', key_scope: 'platform', estimated: true },
    });
    expect(await sessionOf(tenant, second)).toMatchObject({
      mode: 'byok',
      billed_seconds: 0,
      receipt: { payer: 'byok', key_scope: 'workspace', estimated: true },
    });
    const path = `/v1/workspaces/${tenant.workspaceId}/usage?group_by=mode`;
    const { rows, plan } = await asOwner(stack, tenant, 'GET', path);
    expect(rows.map((row: { mode: string; seconds: number }) => [row.mode, row.seconds])).toEqual([
      ['byok', 30],
      ['managed', 60],
    ]);
    expect(plan.used_seconds).toBe(60);
  });

  it('of another site, of a site of another workspace, or without an owner is not found', async () => {
    const tenant = await makeKeyedTenant(stack);
    await putOnPlan(stack, tenant, 'enterprise');
    const other = await addSite(stack, tenant);
    const minted = expectSuccess(await mint(stack, tenant));
    for (const id of [minted.session_id, `ses_${'0'.repeat(26)}`, 'ses_x', 'SESSION%23', 'a%2Fb'])
      expectRefusal(
        await stack.call('GET', sessionsPath(other, `/${id}`), { as: tenant.owner }),
        404,
        'session_not_found',
      );
    const stranger = await makeTenant(stack);
    const answer = await stack.call('GET', sessionsPath(tenant, `/${minted.session_id}`), {
      as: stranger.owner,
    });
    expectRefusal(answer, 404, 'site_not_found');
  });
});

describe('the list of sessions', () => {
  it('is sorted newest first, and paging by cursor yields every session once for every page size', async () => {
    const tenant = await makeKeyedTenant(stack);
    const minted: string[] = [];
    for (let i = 0; i < 5; i++) {
      minted.unshift(expectSuccess(await mint(stack, tenant)).session_id);
      time.advance(1_000);
    }
    for (const [limit, filter] of [1, 2, 5, 100].flatMap((size) => [
      [size, ''],
      [size, '&mode=byok'],
      [size, '&state=issued&from=2026-11-01'],
    ])) {
      const ids: string[] = [];
      let cursor = '';
      do {
        const page = await sessionsOf(tenant, `?limit=${limit}${filter}${cursor}`);
        ids.push(...idsOf(page));
        cursor = page.next_cursor === null ? '' : `&cursor=${page.next_cursor}`;
      } while (cursor !== '');
      expect(ids).toEqual(minted);
    }
  });

  it('accepts only its own cursors', async () => {
    const tenant = await makeKeyedTenant(stack);
    for (let i = 0; i < 2; i++) {
      expectSuccess(await mint(stack, tenant));
      time.advance(1_000);
    }
    const { next_cursor } = await sessionsOf(tenant, '?limit=1');
    expect(next_cursor).not.toBeNull();
    const other = await makeKeyedTenant(stack);
    for (const [who, path] of [
      [tenant, sessionsPath(tenant, `?state=issued&cursor=${next_cursor}`)],
      [tenant, `/v1/workspaces/${tenant.workspaceId}/errors?cursor=${next_cursor}`],
      [other, sessionsPath(other, `?cursor=${next_cursor}`)],
    ] as const)
      expectRefusal(await stack.call('GET', path, { as: who.owner }), 400, 'invalid_request');
  });

  it('can be filtered by state, payer and day, also page by page', async () => {
    const tenant = await makeKeyedTenant(stack);
    const ended = await playSession(stack, tenant, time, { seconds: 10 });
    const live = await beginSession(stack, tenant, time);
    const issued = expectSuccess(await mint(stack, tenant));
    await failedMint(tenant);
    expectSuccess(await putSiteKey(stack, tenant, fakeKey()));
    await asOwner(stack, tenant, 'POST', `/v1/sites/${tenant.siteId}/openai-key/test`);
    const by = async (query: string) => idsOf(await sessionsOf(tenant, query));
    expect(await by('?state=ended')).toEqual([ended.session_id]);
    expect(await by('?state=live')).toEqual([live.session_id]);
    const { items: minted } = await sessionsOf(tenant, '?state=issued');
    expect(minted.map(({ kind }: { kind: string }) => kind).sort()).toEqual(['test', 'visitor']);
    expect(idsOf({ items: minted })).toContain(issued.session_id);
    expect(await by('?state=refused')).toHaveLength(1);
    await asOwner(stack, tenant, 'POST', `/v1/sites/${tenant.siteId}/openai-key/rotate`);
    const { items: used } = await sessionsOf(tenant, '?state=used');
    expect(used).toEqual([expect.objectContaining({ kind: 'reencryption', seconds: 0, billed_seconds: 0 })]);
    expect(await by('?mode=managed')).toEqual([]);
    expect(await by('?mode=byok')).toHaveLength(6);
    const page = await sessionsOf(tenant, '?state=ended&limit=1');
    expect(idsOf(page)).toEqual([ended.session_id]);

    const day = time.clock().toISOString().slice(0, 10);
    time.advance(86_400_000);
    const next = expectSuccess(await mint(stack, tenant));
    expect(await by(`?from=${day}&to=${day}`)).toHaveLength(6);
    expect(await by(`?to=${day}`)).toHaveLength(6);
    expect(await by(`?from=${time.clock().toISOString().slice(0, 10)}`)).toEqual([next.session_id]);
    expectRefusal(
      await stack.call('GET', sessionsPath(tenant, '?from=2020-01-01'), { as: tenant.owner }),
      400,
      'invalid_request',
    );
  });
});

describe('the list of errors', () => {
  it('can be filtered by site and by source', async () => {
    const tenant = await makeKeyedTenant(stack);
    await putOnPlan(stack, tenant, 'enterprise');
    const other = await addSite(stack, tenant);
    await failedMint(tenant);
    await failedMint(other);
    const minted = await beginSession(stack, tenant, time);
    const now = time.clock();
    const failed = event('error', now, { source: 'media', code: 'NotAllowedError' });
    expectSuccess(await report(stack, tenant, minted, [failed], { signedAt: now }));
    const errorsOf = (query: string) =>
      asOwner(stack, tenant, 'GET', `/v1/workspaces/${tenant.workspaceId}/errors${query}`);
    const by = async (query: string) =>
      (await errorsOf(query)).items.map((row: { site_id: string; source: string }) => [
        row.site_id,
        row.source,
      ]);
    expect((await by('')).length).toBe(3);
    expect(await by(`?site_id=${other.siteId}`)).toEqual([[other.siteId, 'mint']]);
    expect(await by('?source=media')).toEqual([[tenant.siteId, 'media']]);
    const walked: unknown[] = [];
    // The last page may be empty: rows of other sites can follow the last one that is wanted.
    for (let cursor = ''; ; ) {
      const page = await errorsOf(`?site_id=${tenant.siteId}&limit=1${cursor}`);
      walked.push(...page.items);
      expect(page.items.length).toBeLessThanOrEqual(1);
      if (page.next_cursor === null) break;
      cursor = `&cursor=${page.next_cursor}`;
    }
    expect(walked).toEqual((await errorsOf(`?site_id=${tenant.siteId}`)).items);
    expect(walked).toHaveLength(2);
    expect(await by(`?site_id=${other.siteId}&source=media`)).toEqual([]);
  });
});

describe('concurrency', () => {
  it('shows the used slots of each key, the sites that use them, and when the first one is free', async () => {
    const tenant = await makeKeyedTenant(stack, { concurrency_limit: 4, site_share_percent: 75 });
    await putOnPlan(stack, tenant, 'enterprise');
    const other = await addSite(stack, tenant);
    const own = await addSite(stack, tenant);
    expectSuccess(await putSiteKey(stack, own, fakeKey()));
    const read = () => asOwner(stack, tenant, 'GET', `/v1/workspaces/${tenant.workspaceId}/concurrency`);
    const idle = { limit: 4, active: 0, earliest_release_at: null, sites: [] };
    const nobodyTalks = [
      { scope: 'workspace', scope_id: tenant.workspaceId, ...idle },
      { scope: 'site', scope_id: own.siteId, ...idle },
    ];
    expect(await read()).toEqual({ at: time.clock().toISOString(), keys: nobodyTalks });

    const first = await beginSession(stack, tenant, time);
    await beginSession(stack, tenant, time);
    await beginSession(stack, other, time);
    await beginSession(stack, own, time);
    const { keys } = await read();
    const [workspaceKey] = keys.filter(({ scope }: { scope: string }) => scope === 'workspace');
    expect(workspaceKey).toEqual({
      scope: 'workspace',
      scope_id: tenant.workspaceId,
      limit: 4,
      active: 3,
      earliest_release_at: expect.stringMatching(/Z$/),
      sites: [
        { site_id: tenant.siteId, active: 2 },
        { site_id: other.siteId, active: 1 },
      ],
    });
    expect(keys.filter(({ scope }: { scope: string }) => scope === 'site')).toEqual([
      expect.objectContaining({
        scope_id: own.siteId,
        active: 1,
        sites: [{ site_id: own.siteId, active: 1 }],
      }),
    ]);

    await endSession(stack, tenant, time, first);
    expect((await read()).keys.map(({ active }: { active: number }) => active).sort()).toEqual([1, 2]);
    time.advance(600_000);
    expect((await read()).keys).toEqual(nobodyTalks);
  });
});

describe("the calculator on a workspace's own month", () => {
  it('replays the month with your own key and on each plan, for either payer', async () => {
    const tenant = await makeTenant(stack, { billing_mode: 'managed' }, { model: 'gpt-realtime-2.1' });
    await putOnPlan(stack, tenant, 'starter');
    await playSession(stack, tenant, time, { seconds: 120, audioOut: 1_000 });
    expectSuccess(await putWorkspaceKey(stack, tenant, fakeKey()));
    await changeWorkspace(stack, tenant, { billing_mode: 'byok' });
    await playSession(stack, tenant, time, { seconds: 30, audioOut: 500 });
    const path = `/v1/workspaces/${tenant.workspaceId}/cost-estimate`;
    const answer = await asOwner(stack, tenant, 'POST', path, {});
    expect(answer.from_history).toMatchObject({
      period: time.clock().toISOString().slice(0, 7),
      sessions: 2,
      seconds: 150,
      minutes: 3,
      estimated: true,
      unpriced_sessions: 0,
    });
    expect(answer.byok.cost_cents).toBe((1_500 * 64) / 10_000);
    expect(answer.plans.map(({ name, cost_cents }: never) => [name, cost_cents])).toEqual([
      ['free', 0],
      ['starter', 2_900],
      ['pro', 9_900],
      ['enterprise', null],
    ]);
    const before = await asOwner(stack, tenant, 'POST', path, { month: '2026-01' });
    expect(before.from_history).toMatchObject({ period: '2026-01', sessions: 0 });
    for (const month of ['2026-13', '2026-1', 'last'])
      expectRefusal(
        await stack.call('POST', path, { as: tenant.owner, body: { month } }),
        400,
        'invalid_request',
      );
  });
});
