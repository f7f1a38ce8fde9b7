import type { WorkspaceId } from '../../domain/identifiers.ts';
import type { Site } from '../../domain/tenancy/workspace.ts';
import type { Page, PageRequest } from './pages.ts';

/** The sites of a workspace that are not archived. */
export interface SiteLister {
  listSites(workspaceId: WorkspaceId, page: PageRequest): Promise<Page<Site>>;
}
