import { subSchema } from '../../contract/common.ts';
import { BrokerError } from '../../domain/broker-error.ts';
import { isSiteId, isWorkspaceId, type SiteId, type WorkspaceId } from '../../domain/identifiers.ts';
import type { KeyTarget } from '../../use-cases/keys/key-target.ts';

type Path = Readonly<Record<string, string | undefined>>;

/** A malformed ID gets the same response as an ID that does not exist. */
export const workspaceIdIn = (path: Path): WorkspaceId => {
  const id = path['workspaceId'] ?? '';
  if (!isWorkspaceId(id)) throw new BrokerError('workspace_not_found');
  return id;
};

/** On the public routes, the router has already refused a malformed ID as `invalid_site_id`. */
export const siteIdIn = (path: Path): SiteId => {
  const id = path['siteId'] ?? '';
  if (!isSiteId(id)) throw new BrokerError('site_not_found');
  return id;
};

export const subIn = (path: Path): string => {
  const parsed = subSchema.safeParse(path['sub']);
  if (parsed.success) return parsed.data;
  throw new BrokerError('invalid_request', {
    details: parsed.error.issues.map(({ message }) => ({ path: 'sub', message })),
  });
};

export const siteKeyTarget = (path: Path): KeyTarget => ({ scope: 'site', siteId: siteIdIn(path) });

export const workspaceKeyTarget = (path: Path): KeyTarget => ({
  scope: 'workspace',
  workspaceId: workspaceIdIn(path),
});
