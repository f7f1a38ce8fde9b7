import { describe, expect, it } from '@jest/globals';
import type { DataOf } from '../../../web/dashboard/src/api/routes.ts';
import { adviceFor } from '../../../web/dashboard/src/home/advice.ts';
import { openErrors, recentAnomalies } from '../../../web/dashboard/src/home/recent.ts';
import { nextStep, type StepFacts, stepsDone } from '../../../web/dashboard/src/home/steps.ts';

type AuditRow = DataOf<'listAudit'>['items'][number];
type ErrorRow = DataOf<'listErrors'>['items'][number];
type Site = DataOf<'readSite'>;

const OWN = 'https://dashboard.example';
const NOW = Date.parse('2026-11-23T12:00:00.000Z');
const hoursAgo = (hours: number): string => new Date(NOW - hours * 3_600_000).toISOString();

const aSite = (facts: Partial<Site> = {}): Site =>
  ({
    site_id: 'site00000001',
    name: 'Shop',
    allowed_origins: ['https://shop.example'],
    ignored_origins: [],
    has_key: false,
    control: 'brokered',
    warnings: [],
    ...facts,
  }) as unknown as Site;

const facts = (change: Partial<StepFacts> = {}): StepFacts => ({
  isManaged: false,
  hasWorkspaceKey: true,
  sites: [aSite()],
  ownOrigin: OWN,
  visitors: { session_seen: true, talked: true },
  ...change,
});

describe('the next steps', () => {
  it('are all done after a visitor was answered, and none is next', () => {
    const done = stepsDone(facts());
    expect(done).toEqual({ key: true, site: true, origin: true, snippet: true, talk: true });
    expect(nextStep(done)).toBeUndefined();
  });

  it('need a key of the workspace or of a site, except in managed mode', () => {
    const without = facts({ hasWorkspaceKey: false });
    expect(stepsDone(without).key).toBe(false);
    expect(nextStep(stepsDone(without))).toBe('key');
    expect(stepsDone({ ...without, isManaged: true }).key).toBe(true);
    expect(stepsDone({ ...without, sites: [aSite({ has_key: true })] }).key).toBe(true);
  });

  it("do not count the dashboard's own origin as a website", () => {
    expect(stepsDone(facts({ sites: [] }))).toMatchObject({ site: false, origin: false });
    expect(stepsDone(facts({ sites: [aSite({ allowed_origins: [OWN] })] })).origin).toBe(false);
  });

  it('leave unknown steps open', () => {
    const done = stepsDone(facts({ visitors: { session_seen: null, talked: null } }));
    expect(done).toMatchObject({ snippet: null, talk: null });
    expect(nextStep(done)).toBe('snippet');
  });
});

const anError = (change: Partial<ErrorRow> = {}): ErrorRow => ({
  site_id: 'site00000001',
  source: 'mint',
  code: 'busy',
  reason: null,
  message: 'All sessions are taken.',
  count: 2,
  first_at: hoursAgo(1),
  last_at: hoursAgo(1),
  session_id: null,
  origin: null,
  ...change,
});

describe('the open errors on the home page', () => {
  it('are those of the last 24 hours, by kind', () => {
    const items = [anError(), anError({ last_at: hoursAgo(23) }), anError({ last_at: hoursAgo(25) })];
    const { items: groups, hasMore } = openErrors({ items, next_cursor: 'more' }, [aSite()], NOW);
    expect(groups.map(({ latest, count }) => [latest.code, count])).toEqual([['busy', 4]]);
    expect(hasMore).toBe(false);
  });

  it('show that there are more if all loaded rows are of the last 24 hours and older rows exist', () => {
    expect(openErrors({ items: [anError()], next_cursor: 'more' }, [], NOW).hasMore).toBe(true);
    expect(openErrors({ items: [anError()], next_cursor: null }, [], NOW).hasMore).toBe(false);
    expect(openErrors({ items: [], next_cursor: 'more' }, [], NOW).hasMore).toBe(true);
  });

  it('omit a refused origin that was added or ignored, and no other', () => {
    const refused = anError({ code: 'origin_not_allowed', origin: 'https://staging.example' });
    const page = { items: [refused], next_cursor: null };
    const open = (site: Partial<Site>) => openErrors(page, [aSite(site)], NOW).items.length;
    expect(open({})).toBe(1);
    expect(open({ ignored_origins: ['https://staging.example'] })).toBe(0);
    expect(open({ allowed_origins: ['https://staging.example'] })).toBe(0);
    expect(open({ allowed_origins: ['https://*.example'] })).toBe(0);
    expect(open({ ignored_origins: ['https://*.example'] })).toBe(1);
    expect(open({ site_id: 'site00000002', ignored_origins: ['https://staging.example'] })).toBe(1);
  });
});

it('the recent anomalies are those of the last seven days', () => {
  const found = (at: string) => ({ at }) as AuditRow;
  const items = [found(hoursAgo(1)), found(hoursAgo(7 * 24 - 1)), found(hoursAgo(7 * 24 + 1))];
  expect(recentAnomalies({ items, next_cursor: 'more' }, NOW)).toEqual({
    items: items.slice(0, 2),
    hasMore: false,
  });
});

describe('the advice on the home page', () => {
  const SOUND = { billing_mode: 'byok', alert_email: 'ops@shop.example', has_key: true } as const;
  const BUDGET = { budget: {} } as Parameters<typeof adviceFor>[2];
  const ids = (...given: Parameters<typeof adviceFor>) => adviceFor(...given).map(({ id }) => id);

  it('is missing if nothing can be improved', () => {
    expect(adviceFor(SOUND, [aSite()], BUDGET)).toEqual([]);
  });

  it('names missing keys first, and the sites without a key', () => {
    const sites = [aSite(), aSite({ name: 'Blog', has_key: true })];
    const [first] = adviceFor({ ...SOUND, has_key: false }, sites, BUDGET);
    expect(first).toMatchObject({
      id: 'no-key',
      text: 'No key: voice does not work on Shop.',
      to: 'billing',
    });
    expect(ids({ ...SOUND, has_key: false, billing_mode: 'managed' }, sites, BUDGET)).toEqual([]);
  });

  it('suggests a budget only if own keys pay', () => {
    expect(ids(SOUND, [], { budget: null })).toEqual(['budget']);
    expect(ids({ ...SOUND, billing_mode: 'managed' }, [], { budget: null })).toEqual([]);
  });

  it('passes on the model warnings, and names at most three open sites', () => {
    const open = ['A', 'B', 'C', 'D'].map((name) => aSite({ name, control: 'open' }));
    const warned = aSite({
      warnings: [{ code: 'model_retiring', message: 'Ends soon.' }] as Site['warnings'],
    });
    const advice = adviceFor({ ...SOUND, alert_email: null }, [warned, ...open], BUDGET);
    expect(advice.map(({ id }) => id)).toEqual(['model_retiring site00000001', 'open', 'alerts']);
    expect(advice[0]?.text).toBe('Shop: Ends soon.');
    expect(advice[1]?.text).toContain('A, B, C and 1 more');
  });
});
