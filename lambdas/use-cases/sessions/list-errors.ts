import type { WorkspaceId } from '../../domain/identifiers.ts';
import type { ErrorRow, ReportedError } from '../../domain/sessions/error-row.ts';
import type { Caller } from '../../domain/tenancy/workspace.ts';
import { filteredPage } from '../filtered-page.ts';
import type { Page, PageRequest } from '../ports/pages.ts';
import type { Clock } from '../ports/runtime.ts';
import type { ErrorReader } from '../ports/sessions.ts';
import type { MembershipReader } from '../ports/tenancy.ts';
import { authorizeWorkspace } from '../tenancy/authorize.ts';

export interface ErrorFilter {
  readonly siteId?: string | undefined;
  readonly source?: ReportedError['source'] | undefined;
}

const FILTERED_READ = 200;

/** Viewer. The errors that prevented visitors' sessions, newest first. */
export const listErrors =
  ({
    clock,
    tenancy,
    errors,
  }: {
    readonly clock: Clock;
    readonly tenancy: MembershipReader;
    readonly errors: ErrorReader;
  }) =>
  async (
    caller: Caller,
    workspaceId: WorkspaceId,
    { siteId, source }: ErrorFilter,
    request: PageRequest,
  ): Promise<Page<ErrorRow>> => {
    await authorizeWorkspace(tenancy, caller, workspaceId, 'viewer', siteId);
    const nowSeconds = clock().getTime() / 1_000;
    const filtered = siteId !== undefined || source !== undefined;
    return filteredPage(request, {
      readSize: filtered ? FILTERED_READ : request.limit,
      read: (page) => errors.listErrors(workspaceId, page),
      matches: (row) =>
        row.expiresAt > nowSeconds &&
        (siteId === undefined || row.siteId === siteId) &&
        (source === undefined || row.source === source),
      positionOf: (row) => errors.positionOfError(row),
    });
  };
