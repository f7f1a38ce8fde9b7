import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, describe, expect, it } from '@jest/globals';
import { parse } from 'csv-parse/sync';
import { parseUsage } from '../../tools/operator/costs/usage-export.ts';
import { expectCommonHeaders, expectRefusal, expectSuccess } from '../support/answers.ts';
import { frozenClock } from '../support/frozen-clock.ts';
import { makeKeyedTenant, needed } from '../support/keyed-tenant.ts';
import { openAiOf } from '../support/openai.ts';
import { putPlatformKey } from '../support/platform-key.ts';
import { beginSession, playSession } from '../support/played-session.ts';
import { ROOT } from '../support/source-files.ts';
import { startTestStack, type TestAnswer } from '../support/stack.ts';
import { fakeKey, makeTenant, type Tenant } from '../support/tenant.ts';

const time = frozenClock();
const stack = await startTestStack({ runtime: { clock: time.clock }, audited: false });
afterAll(() => stack.close());
afterEach(() => openAiOf(stack).clearFaults());
await needed(stack, putPlatformKey(stack, fakeKey()));

const csvOf = (tenant: Tenant, path: string, accept = 'text/csv'): Promise<TestAnswer> =>
  stack.call('GET', path, { as: tenant.owner, headers: { accept } });

/** The records of a CSV answer, with all that goes with one. */
const recordsOf = (answer: TestAnswer): readonly Record<string, string>[] => {
  expect(answer.status).toBe(200);
  expectCommonHeaders(answer);
  expect(answer.headers.get('content-type')).toBe('text/csv; charset=utf-8; header=present');
  expect(answer.headers.get('vary')).toBe('Accept, Origin');
  expect(answer.text).toMatch(/\r\n$/);
  return parse(answer.text, { columns: true, record_delimiter: '\r\n' });
};

const usagePath = ({ workspaceId }: Tenant, query = ''): string =>
  `/v1/workspaces/${workspaceId}/usage${query}`;
const errorsPath = ({ workspaceId }: Tenant, query = ''): string =>
  `/v1/workspaces/${workspaceId}/errors${query}`;
const sessionsPath = ({ siteId }: Tenant, query = ''): string => `/v1/sites/${siteId}/sessions${query}`;

describe('the CSV format', () => {
  it('of usage has exactly the bytes of the reference file', async () => {
    const tenant = await makeTenant(stack, { billing_mode: 'managed' }, { model: 'gpt-realtime-2.1' });
    await playSession(stack, tenant, time, { seconds: 61, audioIn: 100, audioOut: 200, textIn: 30 });
    await playSession(stack, tenant, time, { seconds: 59, textOut: 7 });
    const answer = await csvOf(tenant, usagePath(tenant, '?group_by=day,site,model,mode'));
    recordsOf(answer);
    const golden = readFileSync(join(ROOT, 'test/e2e/usage-golden.csv'), 'utf8');
    expect(answer.text.replaceAll(tenant.siteId, '{site}')).toBe(golden);
    expect(answer.headers.get('content-disposition')).toBe(
      `attachment; filename="usage-${tenant.workspaceId}-2026-11-01-2026-11-23.csv"`,
    );
  });

  it('has the same facts as JSON, for usage and for sessions, under the same filters', async () => {
    const tenant = await makeKeyedTenant(stack);
    await playSession(stack, tenant, time, { seconds: 20, audioOut: 5 });
    await beginSession(stack, tenant, time);
    const query = '?state=ended';
    const json = expectSuccess(await stack.call('GET', sessionsPath(tenant, query), { as: tenant.owner }));
    const answer = await csvOf(tenant, sessionsPath(tenant, query));
    const records = recordsOf(answer);
    expect(answer.headers.get('content-disposition')).toBe(
      `attachment; filename="sessions-${tenant.siteId}.csv"`,
    );
    expect(records).toHaveLength(1);
    expect(records[0]).toEqual(flat(json.items[0]));

    const usage = expectSuccess(await stack.call('GET', usagePath(tenant), { as: tenant.owner }));
    // Columns stand still; what the rows are not grouped by is empty.
    expect(recordsOf(await csvOf(tenant, usagePath(tenant)))).toEqual([
      { site_id: '', model: '', mode: '', ...flat(usage.rows[0]) },
    ]);
  });

  it('of usage by day and model can be read by npm run reconcile-costs', async () => {
    const tenant = await makeTenant(stack, { billing_mode: 'managed' }, { model: 'gpt-realtime-2.1' });
    await playSession(stack, tenant, time, { seconds: 30, audioOut: 200 });
    for (const groups of ['day,model', 'day,model,mode']) {
      const { text } = await csvOf(tenant, usagePath(tenant, `?group_by=${groups}`));
      expect(parseUsage(text)).toEqual([
        {
          month: '2026-11',
          model: 'gpt-realtime-2.1',
          mode: groups.endsWith('mode') ? 'managed' : undefined,
          microCents: 1_280_000,
          unpricedSessions: 0,
        },
      ]);
    }
  });

  it('has a header row even if there are no rows', async () => {
    const tenant = await makeTenant(stack);
    for (const path of [usagePath(tenant), sessionsPath(tenant), errorsPath(tenant)]) {
      const answer = await csvOf(tenant, path);
      expect(recordsOf(answer)).toEqual([]);
      expect(answer.text).toMatch(/^[a-z_]+(,[a-z_]+)+\r\n$/);
    }
  });

  it('of a list with more pages links to the next page, and the links yield every row once', async () => {
    const tenant = await makeKeyedTenant(stack);
    for (let i = 0; i < 3; i++) {
      await beginSession(stack, tenant, time);
      time.advance(1_000);
    }
    const ids: (string | undefined)[] = [];
    let path = sessionsPath(tenant, '?limit=2&mode=byok');
    for (;;) {
      const answer = await csvOf(tenant, path);
      ids.push(...recordsOf(answer).map(({ session_id }) => session_id));
      const next = /^<([^>]+)>; rel="next"$/.exec(answer.headers.get('link') ?? '')?.[1];
      if (next === undefined) break;
      path = next;
    }
    expect(ids).toHaveLength(3);
    expect(new Set(ids).size).toBe(3);
  });

  it.each([
    ['text/csv', true],
    ['text/csv; charset=utf-8', true],
    ['text/*', true],
    ['application/json, text/csv;q=0.5', false],
    ['application/json;q=0.5, text/csv', true],
    ['text/csv;q=0', false],
    ['*/*', false],
    ['application/json', false],
    ['image/png', false],
    ['text/csv;;;q=,', true],
  ])('is decided by the header %s: %s', async (accept, csv) => {
    const tenant = await makeTenant(stack);
    const answer = await csvOf(tenant, usagePath(tenant), accept);
    expect(answer.status).toBe(200);
    expect(answer.headers.get('content-type')?.startsWith('text/csv')).toBe(csv);
    expect(answer.headers.get('vary')).toBe('Accept, Origin');
  });

  it('is not used for errors, and a route without a table does not vary by Accept', async () => {
    const tenant = await makeTenant(stack);
    const refused = await csvOf(tenant, usagePath(tenant, '?from=nonsense'));
    expectRefusal(refused, 400, 'invalid_request');
    expect(refused.headers.get('content-type')).toBe('application/json; charset=utf-8');
    expect(refused.headers.get('vary')).toBe('Accept, Origin');
    const stranger = await makeTenant(stack);
    expectRefusal(await csvOf(stranger, usagePath(tenant)), 404, 'workspace_not_found');
    const plain = await csvOf(tenant, `/v1/workspaces/${tenant.workspaceId}/concurrency`);
    expectSuccess(plain);
    expect(plain.headers.get('vary')).toBe('Origin');
  });
});

/** A row of JSON as its record: nested fields joined by `_`, all of it text. */
const flat = (row: Readonly<Record<string, unknown>>, before = ''): Record<string, string> =>
  Object.fromEntries(
    Object.entries(row).flatMap(([name, value]): [string, string][] => {
      const header = `${before}${name}`;
      if (Array.isArray(value)) return [[header, value.join(' ')]];
      if (typeof value === 'object' && value !== null)
        return Object.entries(flat(value as Readonly<Record<string, unknown>>, `${header}_`));
      return [[header, value === null ? '' : String(value)]];
    }),
  );
