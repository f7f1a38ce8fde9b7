import { expect, it } from '@jest/globals';
import { listedKey } from '../../lambdas/contract/keys.ts';
import { overview } from '../../lambdas/contract/overview.ts';
import { currentBudget } from '../../lambdas/domain/budgets/budget.ts';
import { maskedViewOf } from '../../lambdas/domain/keys/stored-key.ts';
import { totalUsage } from '../../lambdas/domain/usage/usage.ts';
import type { EndpointRequest } from '../../lambdas/http/endpoints/endpoint.ts';
import { keysEndpoints } from '../../lambdas/http/endpoints/keys-endpoints.ts';
import { usageEndpoints } from '../../lambdas/http/endpoints/usage-endpoints.ts';
import type { PageRequest } from '../../lambdas/use-cases/ports/pages.ts';
import type { Overview } from '../../lambdas/use-cases/usage/read-overview.ts';
import { aBudget, CALLER } from '../use-cases/budgets/budget-fixture.ts';
import { aSealedKey } from '../use-cases/keys/key-fixture.ts';
import { ADDRESSES, aWorkspace, NOW, SITE_ID, WORKSPACE_ID } from '../use-cases/sessions/token-fixture.ts';

const request = (query: Readonly<Record<string, unknown>>) =>
  ({ caller: CALLER, path: { workspaceId: WORKSPACE_ID }, query }) as unknown;

it('the overview follows the contract, passes on the excluded origin, and shows a missing budget as null', async () => {
  const asked: unknown[] = [];
  const shown = { workspace: aWorkspace(), now: NOW };
  const found: Overview = {
    at: NOW,
    month: {
      from: '2026-11-01',
      to: '2026-11-23',
      groupBy: ['day'],
      rows: [],
      totals: totalUsage([]),
      plan: { name: 'free', plan: undefined, period: '2026-11', usedSeconds: 0, notices: {} },
    },
    budget: undefined,
    tightSiteBudgets: [
      {
        budget: currentBudget(aBudget({ siteId: SITE_ID, amountMicroCents: 100_000_000 }), NOW, 'UTC'),
        ...shown,
      },
    ],
    visitors: { sessionSeen: true, talked: null },
  };
  const { readOverview } = usageEndpoints({
    readOverview: async (...given: unknown[]) => {
      asked.push(given);
      return found;
    },
  } as never);
  const data = await readOverview(
    request({ own_origin: 'https://dashboard.example' }) as EndpointRequest<'readOverview'>,
  );
  expect(overview.parse(data)).toEqual(data);
  expect(data).toMatchObject({
    at: NOW.toISOString(),
    budget: null,
    tight_site_budgets: [{ site_id: SITE_ID, scope: 'site' }],
    visitors: { session_seen: true, talked: null },
  });
  expect(asked).toEqual([[CALLER, WORKSPACE_ID, 'https://dashboard.example']]);
});

it('the list of keys names the site of each key, and null for the workspace key', async () => {
  const pages: PageRequest[] = [];
  const keyAt = (scope: 'site' | 'workspace') => ({
    address: ADDRESSES[scope],
    key: maskedViewOf(aSealedKey(scope), undefined, NOW),
  });
  const { listKeys } = keysEndpoints({
    listOpenAiKeys: async (_caller: unknown, _workspaceId: unknown, page: PageRequest) => {
      pages.push(page);
      return { items: [keyAt('workspace'), keyAt('site')], next: `SITE#${SITE_ID}` };
    },
  } as never);
  const first = await listKeys(request({ limit: 2 }) as EndpointRequest<'listKeys'>);
  expect(first.items.map((item) => listedKey.parse(item).site_id)).toEqual([null, SITE_ID]);
  await listKeys(request({ limit: 2, cursor: first.next_cursor }) as EndpointRequest<'listKeys'>);
  expect(pages).toEqual([
    { limit: 2, after: undefined },
    { limit: 2, after: `SITE#${SITE_ID}` },
  ]);
});
