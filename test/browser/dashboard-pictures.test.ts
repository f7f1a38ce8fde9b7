import { afterAll, beforeAll, it } from '@jest/globals';
import { expectSuccess } from '../support/answers.ts';
import { addSite, asOwner } from '../support/keyed-tenant.ts';
import { event, type MintedSession, report, usageEvent } from '../support/reports.ts';
import { fakeKey, makeTenant, mint, ORIGIN, putWorkspaceKey, type Tenant } from '../support/tenant.ts';
import { describeInBrowser } from './support/browser.ts';
import { type DashboardRun, documentStep, openPage, signIn, startDashboard } from './support/dashboard.ts';

/** The pages whose pictures the documents show, by the name of the picture. The first page is where a sign-in leads to. */
const pagesOf = ({ siteId }: Tenant): Readonly<Record<string, string>> => ({
  home: '',
  sessions: 'usage?tab=sessions',
  site: `sites/${siteId}`,
});
/** Sessions of the two sites: their length, and the tokens that were heard and spoken. */
const SESSIONS = [
  { seconds: 74, audioIn: 410, audioOut: 890 },
  { seconds: 212, audioIn: 1_350, audioOut: 2_640 },
  { seconds: 31, audioIn: 160, audioOut: 270 },
  { seconds: 148, audioIn: 820, audioOut: 1_910 },
  { seconds: 95, audioIn: 520, audioOut: 1_130 },
  { seconds: 187, audioIn: 1_020, audioOut: 2_210 },
];

let run: DashboardRun;
let tenant: Tenant;

const play = async (site: Tenant, { seconds, ...tokens }: (typeof SESSIONS)[number]): Promise<void> => {
  const { stack } = run;
  const minted: MintedSession = expectSuccess(await mint(stack, site));
  const began = stack.now();
  expectSuccess(await report(stack, site, minted, [event('connected', began)], { signedAt: began }));
  stack.advance(seconds * 1_000);
  const ended = stack.now();
  const events = [usageEvent(ended, tokens), event('ended', ended, { reason: 'hung_up' })];
  expectSuccess(await report(stack, site, minted, events, { signedAt: ended }));
};

beforeAll(async () => {
  run = await startDashboard({
    browser: { viewport: { width: 1280, height: 900 }, colorScheme: 'light', deviceScaleFactor: 1 },
  });
  const { stack } = run;
  const tools = [
    { name: 'get_order', description: 'Looks up an order of this visitor.' },
    { name: 'open_cart', description: 'Opens the cart.' },
  ];
  tenant = await makeTenant(stack, { name: 'Harbour Books' }, { name: 'Book shop', tools });
  expectSuccess(await putWorkspaceKey(stack, tenant, fakeKey()));
  const events = await addSite(stack, tenant);
  await asOwner(stack, events, 'PATCH', `/v1/sites/${events.siteId}`, { name: 'Readings and events' });
  const budget = { period: 'month', amount_usd: 50, action: 'refuse' };
  await asOwner(stack, tenant, 'PUT', `/v1/workspaces/${tenant.workspaceId}/budget`, budget);
  for (const [index, session] of SESSIONS.entries())
    await play({ ...tenant, siteId: index % 3 === 2 ? events.siteId : tenant.siteId }, session);
  // One visitor is talking.
  const live: MintedSession = expectSuccess(await mint(stack, tenant, {}, ORIGIN));
  const now = stack.now();
  expectSuccess(await report(stack, tenant, live, [event('connected', now)], { signedAt: now }));
  await stack.streams.drain();
  await signIn(run, tenant.owner);
}, 120_000);
afterAll(() => run?.close());

describeInBrowser('the screenshots of the dashboard for the documents', () => {
  it.each(['light', 'dark'] as const)(
    'exist for each page, %s',
    async (colorScheme) => {
      await run.page.emulateMedia({ colorScheme, reducedMotion: 'reduce' });
      for (const [name, path] of Object.entries(pagesOf(tenant))) {
        await openPage(run, tenant.workspaceId, path);
        await run.page.evaluate('document.fonts.ready.then(() => undefined)');
        await documentStep(run, `${name}-${colorScheme}`);
      }
    },
    120_000,
  );
});
