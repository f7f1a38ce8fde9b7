import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from '@jest/globals';
import type { Site } from '../../../lambdas/domain/tenancy/workspace.ts';
import type { ScannedSite } from '../../../lambdas/use-cases/ports/tenancy.ts';
import { listedModels } from '../../../local/openai/models.ts';
import { checkModels, compareWithList } from '../../../tools/operator/models/check-models.ts';
import { expectSuccess } from '../../support/answers.ts';
import { makeKeyedTenant } from '../../support/keyed-tenant.ts';
import { LOCAL_CREDENTIALS, runOperatorCommand } from '../../support/operator-command.ts';
import { startTestStack } from '../../support/stack.ts';
import { aSite } from '../../use-cases/sessions/token-fixture.ts';

const stack = await startTestStack({ audited: false });
const folder = mkdtempSync(join(tmpdir(), 'spelo-models-'));
afterAll(async () => {
  rmSync(folder, { recursive: true });
  await stack.close();
});

async function* scanOf(...sites: readonly ScannedSite[]): AsyncGenerator<ScannedSite> {
  yield* sites;
}
const checkAt = (day: string, ...sites: readonly ScannedSite[]) =>
  checkModels(scanOf(...sites), new Date(`${day}T12:00:00Z`));
const siteOn = (model: string, facts: Partial<Site> = {}) => aSite({ model, ...facts });

describe('the model check', () => {
  it('reports nothing for a site on a current model, except when the prices were compared', async () => {
    const { lines, stranded } = await checkAt('2026-11-30', siteOn('gpt-realtime-2.1'));
    expect(lines).toEqual([
      'Sites: 1. All of their models are current.',
      'The prices were compared with OpenAI on 2026-11-23, 7 days ago.',
    ]);
    expect(stranded).toBe(0);
  });

  it.each([
    ['2026-11-30', siteOn('gpt-realtime'), /The next run sends the notice of 60 days\.$/, 0],
    [
      '2026-12-01',
      siteOn('gpt-realtime', { retirementNotices: { 'gpt-realtime': 60 } }),
      /The notice of 60 days was sent, the next is that of 30 days\.$/,
      0,
    ],
    ['2027-01-19', siteOn('gpt-realtime-mini'), /The next run moves it to gpt-realtime-2\.1-mini\.$/, 0],
    ['2027-01-19', siteOn('gpt-realtime', { modelAutoUpgrade: false }), /opted out of the move/, 0],
    ['2027-01-20', siteOn('gpt-realtime', { modelAutoUpgrade: false }), /opted out of its successor/, 1],
    ['2026-11-30', siteOn('gpt-4o-realtime-preview'), /The next run moves it to gpt-realtime-2\.1\.$/, 0],
    ['2026-11-30', siteOn('gpt-realtime-9'), /is not in the price list/, 0],
    ['2026-11-30', 'unreadable' as const, /cannot be read/, 1],
  ])('on %s reports the action of the next run for a site: %#', async (day, site, line, stranded) => {
    const check = await checkAt(day, site);
    expect(check.lines[0]).toMatch(line);
    expect(check.stranded).toBe(stranded);
  });

  it('reports the prices as old after a quarter', async () => {
    expect((await checkAt('2027-03-01')).lines.at(-1)).toMatch(/more than a quarter: update the service\.$/);
  });
});

describe("the comparison with OpenAI's model list", () => {
  const now = new Date('2026-11-30T12:00:00Z');
  const listed = listedModels(now.getTime(), 'with-realtime').map(({ id, shutdown_date }) => ({
    id,
    shutdownDate: shutdown_date ?? undefined,
  }));

  it('finds no difference in an equal list', () => {
    expect(compareWithList(listed, now)).toEqual([]);
  });

  it('reports another date, an unknown end, a new model, and one that is missing early', () => {
    const other = [
      ...listed
        .filter(({ id }) => id !== 'gpt-realtime-mini')
        .map((one) => (one.id === 'gpt-realtime' ? { ...one, shutdownDate: '2027-03-01' } : one))
        .map((one) => (one.id === 'gpt-realtime-1.5' ? { ...one, shutdownDate: '2027-06-01' } : one)),
      { id: 'gpt-realtime-3', shutdownDate: undefined },
      { id: 'gpt-7', shutdownDate: '2028-01-01' },
    ];
    expect(compareWithList(other, now)).toEqual([
      'gpt-realtime-1.5: OpenAI says 2027-06-01, this version no end.',
      'gpt-realtime: OpenAI says 2027-03-01, this version 2027-01-20.',
      'gpt-realtime-3: OpenAI lists it; it has no price in this version.',
      'gpt-realtime-mini: OpenAI does not list it for this key, although it ends only on 2027-01-20.',
    ]);
  });
});

describe('the model check command', () => {
  const run = (given: readonly string[]) =>
    runOperatorCommand('model-check', given, {
      ...LOCAL_CREDENTIALS,
      AWS_REGION: 'us-east-1',
      TENANCY_TABLE: stack.variables['TENANCY_TABLE'],
      AWS_ENDPOINT_URL_DYNAMODB: stack.dynamoDb.endpoint,
    });

  it('lists the sites of a deployment and changes none', async () => {
    const tenant = await makeKeyedTenant(stack);
    const change = { as: tenant.owner, body: { model: 'gpt-realtime-9' } };
    expectSuccess(await stack.call('PATCH', `/v1/sites/${tenant.siteId}`, change));
    const before = await stack.call('GET', `/v1/sites/${tenant.siteId}`, { as: tenant.owner });
    const { code, stdout } = await run([]);
    expect(code).toBe(0);
    expect(stdout).toContain(`${tenant.siteId} (gpt-realtime-9): `);
    const after = await stack.call('GET', `/v1/sites/${tenant.siteId}`, { as: tenant.owner });
    expect(after.data).toEqual(before.data);
  });

  it('exits with 1 if OpenAI names another date, and shows it', async () => {
    const file = join(folder, 'models.json');
    writeFileSync(file, JSON.stringify({ data: [{ id: 'gpt-realtime-2.1', shutdown_date: '2029-01-01' }] }));
    const { code, stdout } = await run(['--models', file]);
    expect(code).toBe(1);
    expect(stdout).toContain('gpt-realtime-2.1: OpenAI says 2029-01-01, this version no end.');
  });

  it('refuses a file that is not a model list', async () => {
    const file = join(folder, 'other.json');
    writeFileSync(file, '{"error":{}}');
    const { code, stderr } = await run(['--models', file]);
    expect(code).toBe(1);
    expect(stderr).toMatch(/is not an answer of GET \/v1\/models/);
  });
});
