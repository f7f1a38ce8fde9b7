import { describe, expect, it } from '@jest/globals';
import type { SiteId } from '../../../lambdas/domain/identifiers.ts';
import { DEFAULT_CONVERSATION } from '../../../lambdas/domain/tenancy/conversation.ts';
import { answerPreflight } from '../../../lambdas/use-cases/sessions/answer-preflight.ts';
import { archiveSite } from '../../../lambdas/use-cases/tenancy/archive-site.ts';
import { changeSite } from '../../../lambdas/use-cases/tenancy/change-site.ts';
import { createSite } from '../../../lambdas/use-cases/tenancy/create-site.ts';
import {
  aMember,
  aSite,
  aWorkspace,
  lost,
  outcomeOf,
  SITE_ID,
  WORKSPACE_ID,
} from '../sessions/token-fixture.ts';
import { CALLER, eventOf, OTHER_SITE_ID, sitesOf, tenancyWith } from './tenancy-fixture.ts';

const SETTINGS = {
  name: 'Bakery',
  allowedOrigins: ['https://bakery.example'],
  model: 'gpt-realtime-2.1',
  voice: 'cedar',
  instructions: 'Sell bread.',
  tools: [],
  conversation: DEFAULT_CONVERSATION,
  requireEmbedToken: true,
  visitorLimits: { callsPerDay: 5, minutesPerDay: null },
  dataResidency: 'eu',
  control: 'open',
  clientSecretTtlSeconds: 120,
  maxDurationSeconds: 300,
  modelAutoUpgrade: true,
  ignoredOrigins: [],
} as const;

describe('creating a site', () => {
  it('stores its settings, an ID that begins with the workspace ID, its creator and the time', async () => {
    const { table, ports } = tenancyWith();
    const site = await createSite(ports)(CALLER, WORKSPACE_ID, SETTINGS);
    const siteId = `${WORKSPACE_ID}777777777777` as SiteId;
    expect(site).toStrictEqual({
      ...SETTINGS,
      siteId,
      workspaceId: WORKSPACE_ID,
      embedKey: null,
      modelMove: null,
      retirementNotices: {},
      createdAt: '2026-11-23T12:00:10.000Z',
      createdBy: 'somebody',
    });
    expect([...table.sites.values()]).toEqual([site]);
    expect(table.trail).toStrictEqual([eventOf('site.created', { siteId })]);
  });

  it('refuses functions on a locked site, whose calls have no data channel', async () => {
    const { table, ports } = tenancyWith();
    const tools = [{ name: 'get_order', description: '', parameters: '{"type":"object"}' }];
    const created = createSite(ports)(CALLER, WORKSPACE_ID, { ...SETTINGS, control: 'locked', tools });
    await expect(created).rejects.toMatchObject({ code: 'invalid_request', details: [{ path: 'tools' }] });
    expect(table.sites.size).toBe(0);
  });

  it.each([
    ['free', 1, 1],
    ['starter', 3, 3],
    ['starter', 3, 4],
    ['unknown', 0, 0],
  ])('is refused on the plan %s, which allows %d, with %d sites', async (plan, cap, count) => {
    const { table, ports } = tenancyWith({
      workspace: aWorkspace({ plan, billingMode: 'managed' }),
      sites: sitesOf(count),
    });
    const message = `The plan ${plan} allows ${cap} sites; this workspace has ${count}.`;
    await expect(createSite(ports)(CALLER, WORKSPACE_ID, SETTINGS)).rejects.toMatchObject({
      code: 'site_limit_reached',
      details: [{ path: 'max_sites', message }],
    });
    expect(table.sites.size).toBe(count);
    expect(table.trail).toEqual([]);
  });

  it.each([
    ['free', 1, 'byok'],
    ['starter', 3, 'byok'],
    ['starter', 2, 'managed'],
    ['enterprise', 50, 'byok'],
  ] as const)(
    'is allowed on the plan %s with %d sites and the billing mode %s',
    async (plan, count, billingMode) => {
      const workspace = aWorkspace({ plan, billingMode });
      const { table, ports } = tenancyWith({ workspace, sites: sitesOf(count) });
      await createSite(ports)(CALLER, WORKSPACE_ID, SETTINGS);
      expect(table.sites.size).toBe(count + 1);
    },
  );

  it('is refused as forbidden if the role of the person was lowered meanwhile', async () => {
    const { table, ports } = tenancyWith();
    const createSiteThatLoses = async (): Promise<never> => {
      table.members.set(CALLER.sub, aMember('viewer', CALLER.sub));
      return lost();
    };
    const tenancy = { ...ports.tenancy, createSite: createSiteThatLoses };
    expect(await outcomeOf(createSite({ ...ports, tenancy })(CALLER, WORKSPACE_ID, SETTINGS))).toBe(
      'forbidden',
    );
  });
});

describe('changing a site', () => {
  it.each([
    [{ voice: 'cedar', name: 'Bakery' }, ['name,voice']],
    [{}, []],
  ])('by %j keeps the other settings, and its events name the fields %j', async (change, events) => {
    const { table, ports } = tenancyWith({ sites: sitesOf(2) });
    const changed = { ...aSite(), ...change };
    expect(await changeSite(ports)(CALLER, SITE_ID, change)).toStrictEqual(changed);
    expect([...table.sites.values()]).toStrictEqual([changed, sitesOf(2)[1]]);
    expect(table.trail).toStrictEqual(
      events.map((fields) => eventOf('site.changed', { siteId: SITE_ID, facts: { fields } })),
    );
  });

  it('by two people at once, in different settings, keeps both changes', async () => {
    const { table, ports } = tenancyWith({ sites: [aSite()] });
    const changes = [{ name: 'Bakery' }, { voice: 'cedar' }];
    await Promise.all(changes.map((change) => changeSite(ports)(CALLER, SITE_ID, change)));
    expect(table.sites.get(SITE_ID)).toEqual({ ...aSite(), name: 'Bakery', voice: 'cedar' });
  });
});

describe('archiving a site', () => {
  it('removes it with an event, keeps the other sites, and cannot be repeated', async () => {
    const { table, ports } = tenancyWith({ sites: sitesOf(2) });
    const archive = () => outcomeOf(archiveSite(ports)(CALLER, SITE_ID));
    expect(await archive()).toBe('done');
    expect([...table.sites.keys()]).toEqual([OTHER_SITE_ID]);
    expect(table.trail).toStrictEqual([eventOf('site.archived', { siteId: SITE_ID })]);
    expect(await archive()).toBe('site_not_found');
  });
});

describe('the preflight of a page', () => {
  const site = aSite({ allowedOrigins: ['https://*.shop.example', 'https://shop.example'] });
  const { ports } = tenancyWith({ sites: [site] });

  it.each([
    ['https://shop.example', SITE_ID, 'https://shop.example'],
    ['https://www.shop.example', SITE_ID, 'https://www.shop.example'],
    ['https://evil.example', SITE_ID, 'origin_not_allowed'],
    [undefined, SITE_ID, 'origin_not_allowed'],
    ['https://shop.example', OTHER_SITE_ID, 'site_not_found'],
    [undefined, OTHER_SITE_ID, 'site_not_found'],
  ])('from %s, about the site %s, returns %s', async (origin, siteId, answer) => {
    const asked = answerPreflight({ sites: ports.tenancy })(siteId, origin, true);
    expect(await asked.catch(({ code }) => code)).toBe(answer);
  });

  it.each([
    ['is counted if the browser sent it', true, [undefined]],
    ['is not counted again for a refused request', false, []],
  ])('that is refused %s', async (_, isPreflight, noted) => {
    const counted: unknown[] = [];
    const noteRefused = async (_site: unknown, origin: string | undefined) => {
      counted.push(origin);
    };
    const asked = answerPreflight({ sites: ports.tenancy, noteRefused })(SITE_ID, undefined, isPreflight);
    await expect(asked).rejects.toThrow();
    expect(counted).toEqual(noted);
  });
});
