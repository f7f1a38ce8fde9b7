import { describe, expect, it } from '@jest/globals';
import type { SiteId } from '../../../lambdas/domain/identifiers.ts';
import type { ErrorRow } from '../../../lambdas/domain/sessions/error-row.ts';
import type { ErrorReader } from '../../../lambdas/use-cases/ports/sessions.ts';
import { type ErrorFilter, listErrors } from '../../../lambdas/use-cases/sessions/list-errors.ts';
import { CALLER, OTHER_SITE_ID, pageOf, tenancyWith } from '../tenancy/tenancy-fixture.ts';
import { NOW_SECONDS, SITE_ID, WORKSPACE_ID } from './token-fixture.ts';

const row = (second: number, source: ErrorRow['source'], siteId: SiteId | null = SITE_ID): ErrorRow => ({
  workspaceId: WORKSPACE_ID,
  siteId: siteId ?? undefined,
  code: 'busy',
  source,
  openAiFailure: undefined,
  message: '',
  sessionId: undefined,
  firstAt: '2026-11-23T12:00:00.000Z',
  lastAt: `2026-11-23T12:00:0${second}.000Z`,
  count: 1,
  expiresAt: NOW_SECONDS + 1,
});
const ROWS = [
  row(5, 'mint'),
  row(4, 'media'),
  row(3, 'mint', OTHER_SITE_ID),
  row(2, 'mint', null),
  row(1, 'mint'),
];

/** The rows that a call gives, and where the next page starts; `read` is how many were asked for at a time. */
const list = async (filter: ErrorFilter, limit = 10, after?: string) => {
  const read: number[] = [];
  const errors: ErrorReader = {
    listErrors: async (workspaceId, page) => {
      expect(workspaceId).toBe(WORKSPACE_ID);
      read.push(page.limit);
      return pageOf(ROWS, ({ lastAt }) => lastAt, page);
    },
    positionOfError: ({ lastAt }) => lastAt,
  };
  const ports = { ...tenancyWith().ports, errors };
  return { ...(await listErrors(ports)(CALLER, WORKSPACE_ID, filter, { limit, after })), read };
};

describe('the list of errors of a workspace', () => {
  it('omits expired errors that are still stored', async () => {
    const expired = { ...row(6, 'mint'), expiresAt: NOW_SECONDS };
    const errors: ErrorReader = {
      listErrors: async () => ({ items: [expired, row(5, 'mint')], next: undefined }),
      positionOfError: ({ lastAt }) => lastAt,
    };
    const ports = { ...tenancyWith().ports, errors };
    const page = { limit: 10, after: undefined };
    const { items } = await listErrors(ports)(CALLER, WORKSPACE_ID, {}, page);
    expect(items).toEqual([row(5, 'mint')]);
  });

  it.each([
    [{}, [0, 1, 2, 3, 4], 10],
    [{ siteId: SITE_ID }, [0, 1, 4], 200],
    [{ siteId: OTHER_SITE_ID }, [2], 200],
    [{ source: 'mint' }, [0, 2, 3, 4], 200],
    [{ siteId: SITE_ID, source: 'mint' }, [0, 4], 200],
    [{ siteId: OTHER_SITE_ID, source: 'media' }, [], 200],
  ] as const)('for the filter %j has the rows %j, from reads of %d', async (filter, kept, size) => {
    const items = kept.map((index) => ROWS[index]);
    expect(await list(filter)).toEqual({ items, next: undefined, read: [size] });
  });

  it.each([
    [{}, [0, 1]],
    [{ source: 'mint' }, [0, 2]],
  ] as const)('for the filter %j continues after the last returned row', async (filter, [one, two]) => {
    const first = await list(filter, 1);
    expect(first.items).toEqual([ROWS[one]]);
    expect((await list(filter, 1, first.next)).items).toEqual([ROWS[two]]);
  });
});
