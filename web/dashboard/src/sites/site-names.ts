import { useSites } from '../api/queries.ts';
import { useWorkspace } from '../workspace.tsx';

/** The name of a site that is no longer in the list. */
export const archivedSite = (siteId: string): string => `${siteId} (archived)`;

/**
 * Names of sites. A site that the complete list lacks is archived. Until the list is there, its name is not known: the
 * dashboard then shows `…`, or the ID if the list could not be read.
 */
export const useSiteNames = (): ((siteId: string) => string) => {
  const { workspace_id } = useWorkspace();
  const { data, isPending } = useSites(workspace_id);
  return (siteId) => {
    if (data === undefined) return isPending ? '…' : siteId;
    return data.find(({ site_id }) => site_id === siteId)?.name ?? archivedSite(siteId);
  };
};
