import { afterAll, beforeAll, beforeEach, expect, it } from '@jest/globals';
import { asOwner, makeKeyedTenant } from '../support/keyed-tenant.ts';
import { addMember } from '../support/people.ts';
import type { Tenant } from '../support/tenant.ts';
import { describeInBrowser } from './support/browser.ts';
import { type DashboardRun, openPage, signIn, startDashboard } from './support/dashboard.ts';

const GET_ORDER = {
  name: 'get_order',
  description: 'Looks up an order.',
  parameters: { type: 'object', properties: { id: { type: 'string' } }, required: ['id'] },
};

let run: DashboardRun;
let tenant: Tenant;

beforeAll(async () => {
  run = await startDashboard({ browser: { viewport: { width: 1280, height: 900 } } });
}, 120_000);
afterAll(() => run?.close());

beforeEach(async () => {
  tenant = await makeKeyedTenant(run.stack, {}, { control: 'brokered' });
  await signInAs(tenant.owner);
});

const signInAs = async (sub: string): Promise<void> => {
  await run.page.goto(`${run.stack.url}/dashboard/`);
  await run.page.evaluate('sessionStorage.clear()');
  await signIn(run, sub);
};
const siteUrl = (): string => `/v1/sites/${tenant.siteId}`;
const change = (body: unknown) => asOwner(run.stack, tenant, 'PATCH', siteUrl(), body);
const storedTools = async () => (await asOwner(run.stack, tenant, 'GET', siteUrl())).tools;
const openFunctions = () => openPage(run, tenant.workspaceId, `sites/${tenant.siteId}?tab=functions`);
const dialog = () => run.page.getByRole('dialog');
const button = (name: string) => run.page.getByRole('button', { name, exact: true });
const field = (name: string) => dialog().getByLabel(name, { exact: true });
const save = () => dialog().getByRole('button', { name: 'Save the function' }).click();
/** The text that a screen reader reads with the field as its error. */
const faultOf = async (name: string): Promise<string | null> => {
  const id = (await field(name).getAttribute('aria-describedby'))?.split(' ').at(-1);
  return dialog().locator(`[id="${id}"][role="alert"]`).textContent();
};

describeInBrowser('the functions of a site in the dashboard', () => {
  it('are added, changed and removed, each with a name, a description and a schema', async () => {
    const { page } = run;
    await openFunctions();
    await page.getByText('No functions yet').waitFor();
    await button('Add a function').click();
    await field('Name').fill(GET_ORDER.name);
    await field('Description').fill(GET_ORDER.description);
    await field('Arguments, JSON Schema').fill(JSON.stringify(GET_ORDER.parameters));
    await save();
    await page.getByText('The function get_order is saved.').waitFor();
    expect(await storedTools()).toEqual([GET_ORDER]);
    await page.getByText('get_order: async ({ id }) => {').waitFor();

    await button('Change get_order').click();
    expect(JSON.parse(await field('Arguments, JSON Schema').inputValue())).toEqual(GET_ORDER.parameters);
    await field('Name').fill('find_order');
    await save();
    await page.getByText('The function find_order is saved.').waitFor();
    expect(await storedTools()).toEqual([{ ...GET_ORDER, name: 'find_order' }]);

    await button('Remove find_order').click();
    await dialog().getByRole('button', { name: 'Remove the function' }).click();
    await page.getByText('The function find_order is removed.').waitFor();
    expect(await storedTools()).toEqual([]);
  });

  it('show errors of the API next to the field, and nothing typed is lost', async () => {
    await change({ tools: [GET_ORDER, { name: 'open_cart' }] });
    await openFunctions();
    await button('Add a function').click();
    await field('Name').fill('get order');
    await save();
    await dialog().getByRole('alert').first().waitFor();
    expect(await faultOf('Name')).toContain('letters, digits, underscores or hyphens');

    await field('Name').fill('open_cart');
    await save();
    await dialog().getByText('Another function has this name.').first().waitFor();
    expect(await faultOf('Name')).toBe('Another function has this name.');

    await field('Name').fill('new_one');
    for (const [schema, fault] of [
      ['{ "type": }', /^Must be valid JSON\./],
      ['["object"]', /^Must be a JSON object/],
      ['{ "type": "array" }', /^Must be a JSON Schema with "type": "object"\.$/],
      [
        JSON.stringify({ type: 'object', description: 'x'.repeat(8_000) }),
        /^All functions together must have/,
      ],
    ] as const) {
      await field('Arguments, JSON Schema').fill(schema);
      await save();
      await dialog().getByText(fault).first().waitFor();
      expect(await faultOf('Arguments, JSON Schema')).toMatch(fault);
      expect(await field('Arguments, JSON Schema').inputValue()).toBe(schema);
    }
    expect(await storedTools()).toHaveLength(2);
  });

  it('keep changes that another person made while the page was open', async () => {
    await change({ tools: [GET_ORDER] });
    await openFunctions();
    await button('Change get_order').click();
    await change({ tools: [GET_ORDER, { name: 'open_cart' }] });
    await field('Description').fill('Finds an order.');
    await save();
    await run.page.getByText('The function get_order is saved.').waitFor();
    expect((await storedTools()).map(({ name }: { name: string }) => name)).toEqual([
      'get_order',
      'open_cart',
    ]);
  });

  it('do not change when other settings of the site are saved', async () => {
    await openPage(run, tenant.workspaceId, `sites/${tenant.siteId}?tab=settings`);
    await change({ tools: [GET_ORDER] });
    await run.page.getByLabel('Name', { exact: true }).fill('Renamed shop');
    await button('Save changes').click();
    await run.page.getByText('Renamed shop is saved.').waitFor();
    expect(await storedTools()).toEqual([GET_ORDER]);
  });

  it('are not offered on a locked site, and the page says why', async () => {
    await change({ control: 'locked' });
    await openFunctions();
    await run.page.getByText('A locked site has no functions.').waitFor();
    await run.page
      .getByText('Its calls have no data channel, which functions need.', { exact: false })
      .waitFor();
    expect(await button('Add a function').count()).toBe(0);
  });

  it('prevent the locked control of a site, with the reason next to the choice', async () => {
    await change({ tools: [GET_ORDER] });
    await openPage(run, tenant.workspaceId, `sites/${tenant.siteId}?tab=settings`);
    await run.page.getByRole('radio', { name: 'Locked' }).check();
    await button('Save changes').click();
    const group = run.page.getByRole('group', { name: 'Control' });
    await group.getByText('A locked site has no functions', { exact: false }).waitFor();
  });

  it('can be read by a viewer, without controls to change them', async () => {
    await change({ tools: [GET_ORDER] });
    await signInAs(await addMember(run.stack, tenant, 'viewer'));
    await openFunctions();
    const row = run.page.getByRole('row', { name: /get_order/ });
    await row.getByText('id', { exact: true }).click();
    expect(JSON.parse((await row.locator('pre').textContent()) ?? '')).toEqual(GET_ORDER.parameters);
    for (const name of ['Add a function', 'Change get_order', 'Remove get_order'])
      expect(await button(name).count()).toBe(0);
  });
});
