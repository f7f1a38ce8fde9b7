import { describe, expect, it } from '@jest/globals';
import { BrokerError } from '../../../lambdas/domain/broker-error.ts';
import { type Budget, MICRO_CENTS_PER_USD } from '../../../lambdas/domain/budgets/budget.ts';
import { DEFAULT_CONVERSATION } from '../../../lambdas/domain/tenancy/conversation.ts';
import type { Caller, Site, SiteChange } from '../../../lambdas/domain/tenancy/workspace.ts';
import { changeSite } from '../../../lambdas/use-cases/tenancy/change-site.ts';
import { createSite } from '../../../lambdas/use-cases/tenancy/create-site.ts';
import { aBudget } from '../budgets/budget-fixture.ts';
import { aMember, aSite, lost, outcomeOf, SITE_ID, WORKSPACE_ID } from '../sessions/token-fixture.ts';
import { CALLER, eventOf, tenancyWith } from './tenancy-fixture.ts';

const TOOL = { name: 'get_order', description: '', parameters: '{"type":"object"}' };
const OLD = 'gpt-realtime-mini';
const MOVED = aSite({
  model: 'gpt-realtime-2.1-mini',
  modelMove: { from: OLD, to: 'gpt-realtime-2.1-mini', at: '2026-11-20T00:00:00.000Z' },
});

const changed = async (
  change: SiteChange,
  {
    site = aSite() as Site,
    budgets = [] as readonly Budget[] | null,
    role = 'admin' as const,
    caller = CALLER as Caller,
  } = {},
) => {
  const { table, ports } = tenancyWith({ sites: [site], members: [aMember(role, CALLER.sub)] });
  const readBudgets = async () => {
    if (budgets === null) throw new Error('not asked for budgets');
    return budgets;
  };
  const result = await changeSite({ ...ports, budgets: { readBudgets } })(caller, SITE_ID, change).catch(
    (error: unknown) => error,
  );
  return { result, site: table.sites.get(SITE_ID), trail: table.trail };
};
const refused = async (...given: Parameters<typeof changed>) => {
  const { result, trail } = await changed(...given);
  if (!(result instanceof BrokerError)) throw new Error('It was not refused.');
  expect(trail).toEqual([]);
  return { refusal: result.code, details: result.details };
};

describe('a change of the control of a site', () => {
  it('is refused if a budget could no longer be enforced, and names the site', async () => {
    const budgets = [aBudget({ action: 'notify' }), aBudget({ action: 'end_calls' })];
    expect(
      await refused({ control: 'open', name: 'Bakery' }, { site: aSite({ control: 'brokered' }), budgets }),
    ).toEqual({
      refusal: 'control_required',
      details: [{ path: 'control', message: 'The action end_calls needs brokered; Bakery has open.' }],
    });
    const unnamed = { site: aSite({ control: 'locked' }), budgets };
    expect((await refused({ control: 'open' }, unnamed)).details).toMatchObject([
      { message: expect.stringContaining('Shop site has open') },
    ]);
  });

  it('is allowed if each budget can still be enforced', async () => {
    const { site } = await changed({ control: 'locked' }, { budgets: [aBudget({ action: 'never_exceed' })] });
    expect(site?.control).toBe('locked');
  });

  it.each<[SiteChange, Partial<Site>]>([
    [{ control: 'locked' }, { control: 'brokered', tools: [TOOL] }],
    [{ tools: [TOOL] }, { control: 'locked' }],
    [{ control: 'locked', tools: [TOOL] }, { control: 'open' }],
  ])('of %j is refused for a site with %j, because a locked site has no functions', async (change, site) => {
    const refusal = await refused(change, { site: aSite(site), budgets: [] });
    expect(refusal).toMatchObject({ refusal: 'invalid_request', details: [{ path: 'tools' }] });
  });

  it('to locked is allowed together with the removal of its functions', async () => {
    const { site } = await changed(
      { control: 'locked', tools: [] },
      { site: aSite({ control: 'brokered', tools: [TOOL] }), budgets: [] },
    );
    expect(site).toMatchObject({ control: 'locked', tools: [] });
  });

  it('to the current value reads no budget', async () => {
    const { site } = await changed(
      { control: 'open', name: 'Bakery', instructions: aSite().instructions },
      { budgets: null },
    );
    expect(site?.name).toBe('Bakery');
  });
});

describe('a site that the service has moved to another model', () => {
  it('opts out of moves when a person goes back, so that the next run does not move it again', async () => {
    const { result, site, trail } = await changed({ model: OLD }, { site: MOVED });
    expect(site).toEqual({ ...MOVED, model: OLD, modelAutoUpgrade: false, modelMove: null });
    expect(result).toEqual(site);
    // The event names what the person asked for.
    expect(trail).toEqual([eventOf('site.changed', { siteId: SITE_ID, facts: { fields: 'model' } })]);
  });

  it('stays in automatic moves if the person asks for that in the same request', async () => {
    const { site } = await changed({ model: OLD, modelAutoUpgrade: true }, { site: MOVED });
    expect(site).toMatchObject({ model: OLD, modelAutoUpgrade: true });
  });

  it('is no longer marked as moved when a person selects a third model, and stays in automatic moves', async () => {
    const { site } = await changed({ model: 'gpt-realtime-2.1' }, { site: MOVED });
    expect(site).toMatchObject({ model: 'gpt-realtime-2.1', modelAutoUpgrade: true, modelMove: null });
  });

  it.each<[string, SiteChange]>([
    ['something else', { voice: 'cedar' }],
    ['the model to what it is', { model: MOVED.model }],
  ])('stays marked as moved when a person changes %s', async (_, change) => {
    expect((await changed(change, { site: MOVED })).site?.modelMove).toEqual(MOVED.modelMove);
  });
});

describe('a change of the model of a site', () => {
  const model = 'gpt-realtime-3';

  it('is refused under a never_exceed budget if the price of the model is unknown', async () => {
    const budgets = [aBudget({ action: 'never_exceed', amountMicroCents: 100 * MICRO_CENTS_PER_USD })];
    expect(await refused({ model }, { budgets })).toEqual({
      refusal: 'price_required',
      details: [{ path: 'model', message: `The price of ${model}, the model of Shop site, is not known.` }],
    });
    expect((await changed({ model: 'gpt-realtime-2.1' }, { budgets })).site).toMatchObject({
      model: 'gpt-realtime-2.1',
    });
  });

  it('to one without a price is allowed under other budgets, which count it as free', async () => {
    expect((await changed({ model }, { budgets: [aBudget()] })).site).toMatchObject({ model });
  });
});

describe('a site under a never_exceed budget', () => {
  const costly = { ...DEFAULT_CONVERSATION, maxOutputTokens: 4_096 };
  const cheap = aSite({ conversation: { ...DEFAULT_CONVERSATION, maxOutputTokens: 1 }, instructions: '' });
  const never = (amountMicroCents: number) => [aBudget({ action: 'never_exceed', amountMicroCents })];

  it.each<[string, SiteChange]>([
    ['its instructions', { instructions: 'x'.repeat(10_000) }],
    ['its conversation', { conversation: costly }],
    ['its model', { model: 'gpt-realtime-2.1' }],
    ['its region', { dataResidency: 'eu' }],
  ])('refuses a change of %s if one response could then cost more than the budget', async (_, change) => {
    const { refusal, details } = await refused(change, { site: cheap, budgets: never(1) });
    expect(refusal).toBe('invalid_request');
    expect(details).toMatchObject([
      {
        path: 'conversation.max_output_tokens',
        message: expect.stringMatching(/could cost \d+\.\d\d USD/),
      },
    ]);
    const budgets = never(100 * MICRO_CENTS_PER_USD);
    expect((await changed(change, { site: cheap, budgets })).site).toMatchObject(change);
    expect((await changed(change, { site: cheap, budgets: [aBudget()] })).site).toMatchObject(change);
  });

  it('cannot be created if one response could cost more than the budget of the workspace', async () => {
    const { table, ports } = tenancyWith({ members: [aMember('admin', CALLER.sub)] });
    const create = (amountMicroCents: number) =>
      outcomeOf(
        createSite({ ...ports, budgets: { readBudgets: async () => never(amountMicroCents) } })(
          CALLER,
          WORKSPACE_ID,
          aSite({ control: 'locked' }),
        ),
      );
    expect(await create(1)).toBe('invalid_request');
    expect(table.trail).toEqual([]);
    expect(await create(100 * MICRO_CENTS_PER_USD)).toBe('done');
  });
});

describe('invalid settings of a site', () => {
  it.each([
    ['no Realtime model', 'gpt-5', /not a Realtime model.*gpt-realtime-2\.1-mini/],
    ['a model that only translates', 'gpt-realtime-translate', /not a Realtime model/],
    [
      'a model that is shut down',
      'gpt-4o-realtime-preview',
      /shut .* down on 2026-05-07\. Choose gpt-realtime-2\.1\./,
    ],
  ])('are refused: %s', async (_, model, message) => {
    expect(await refused({ model })).toEqual({
      refusal: 'invalid_request',
      details: [{ path: 'model', message: expect.stringMatching(message) }],
    });
  });

  it('do not block other changes if the model was shut down meanwhile', async () => {
    const site = aSite({ model: 'gpt-4o-realtime-preview' });
    const change = { model: 'gpt-4o-realtime-preview', name: 'Bakery' };
    expect((await changed(change, { site })).site?.name).toBe('Bakery');
  });

  it('are refused all together, and a wildcard on a shared domain is named by its position', async () => {
    const allowedOrigins = ['https://shop.example', 'https://*.github.io', 'https://*.shop.example'];
    const { details } = await refused({ model: 'gpt-5', allowedOrigins });
    expect(details).toEqual([
      { path: 'model', message: expect.any(String) },
      { path: 'allowed_origins.1', message: expect.stringContaining('https://your-site.github.io') },
    ]);
  });
});

describe('a person who changes a site', () => {
  it('gets a conflict if another person changed it meanwhile', async () => {
    const { ports } = tenancyWith({ sites: [aSite()] });
    const tenancy = { ...ports.tenancy, changeSite: lost };
    const run = changeSite({ ...ports, tenancy })(CALLER, SITE_ID, { name: 'Bakery' });
    expect(await outcomeOf(run)).toBe('version_conflict');
  });
});

describe('an API token that changes a site', () => {
  const caller: Caller = {
    sub: 'token:tok_0123456789abcdef',
    sourceIp: CALLER.sourceIp,
    token: {
      workspaceId: WORKSPACE_ID,
      tokenId: 'tok_0123456789abcdef',
      name: 'Deploy',
      role: 'admin',
      siteIds: null,
      createdAt: '2026-11-24T00:00:00.000Z',
      createdBy: CALLER.sub,
    },
  };
  const STRICT = aSite({
    control: 'brokered',
    requireEmbedToken: true,
    visitorLimits: { callsPerDay: 5, minutesPerDay: 10 },
    clientSecretTtlSeconds: 60,
    maxDurationSeconds: 300,
    dataResidency: 'eu',
  });

  it.each<[SiteChange, readonly string[]]>([
    [{ allowedOrigins: [...STRICT.allowedOrigins, 'https://evil.example'] }, ['allowed_origins']],
    [{ control: 'open' }, ['control']],
    [{ requireEmbedToken: false }, ['require_embed_token']],
    [{ visitorLimits: { callsPerDay: 6, minutesPerDay: 10 } }, ['visitor_limits.calls_per_day']],
    [{ visitorLimits: { callsPerDay: 5, minutesPerDay: 11 } }, ['visitor_limits.minutes_per_day']],
    [
      { visitorLimits: { callsPerDay: null, minutesPerDay: null } },
      ['visitor_limits.calls_per_day', 'visitor_limits.minutes_per_day'],
    ],
    [{ clientSecretTtlSeconds: 61 }, ['client_secret_ttl_seconds']],
    [{ maxDurationSeconds: 301 }, ['max_duration_seconds']],
    [{ dataResidency: 'global' }, ['data_residency']],
    [{ name: 'Bakery', requireEmbedToken: false, control: 'open' }, ['control', 'require_embed_token']],
  ])('cannot make it less strict: %j is refused and changes nothing', async (change, paths) => {
    const { refusal, details } = await refused(change, { site: STRICT, caller });
    expect([refusal, details?.map(({ path }) => path)]).toEqual(['api_token_not_allowed', paths]);
    const byPerson = await changed(change, { site: STRICT });
    expect(byPerson.site).toEqual({ ...STRICT, ...change });
  });

  it.each<SiteChange>([
    { control: 'locked' },
    { allowedOrigins: STRICT.allowedOrigins.slice(0, 1) },
    { visitorLimits: { callsPerDay: 4, minutesPerDay: 10 } },
    { clientSecretTtlSeconds: 30, maxDurationSeconds: 60 },
    { name: 'Bakery', instructions: 'Sell bread.', voice: 'cedar' },
    { requireEmbedToken: true, control: 'brokered', dataResidency: 'eu', maxDurationSeconds: 300 },
  ])('can make it stricter or leave it as strict with %j', async (change) => {
    const { site } = await changed(change, { site: STRICT, caller });
    expect(site).toEqual({ ...STRICT, ...change });
  });

  it('can set limits on a site without limits', async () => {
    const visitorLimits = { callsPerDay: 1, minutesPerDay: null };
    const { site } = await changed(
      { visitorLimits, requireEmbedToken: true },
      { site: aSite({ requireEmbedToken: false }), caller },
    );
    expect(site).toMatchObject({ visitorLimits, requireEmbedToken: true });
  });
});
