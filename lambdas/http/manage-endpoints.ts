import type { z } from 'zod';
import type {
  changeSiteRequest,
  changeWorkspaceRequest,
  createSiteRequest,
  createWorkspaceRequest,
} from '../contract/schemas.ts';
import { SERVICE_VERSION } from '../contract/version.ts';
import { Refusal } from '../domain/refusal.ts';
import { authorizeSite, authorizeWorkspace, type Caller } from '../use-cases/authorize.ts';
import type { changeSite } from '../use-cases/change-site.ts';
import type { changeWorkspace } from '../use-cases/change-workspace.ts';
import type { createSite } from '../use-cases/create-site.ts';
import type { createWorkspace } from '../use-cases/create-workspace.ts';
import type {
  ErrorReader,
  Page,
  PageRequest,
  SiteChange,
  SiteSettings,
  Tenancy,
  WorkspaceChange,
  WorkspaceSettings,
} from '../use-cases/ports.ts';
import type { removeMember } from '../use-cases/remove-member.ts';
import type { saveMember } from '../use-cases/save-member.ts';
import { encodeCursor, type List, pageRequestOf } from './cursor.ts';
import type { EndpointsOf } from './endpoint.ts';
import { siteIdIn, subIn, workspaceIdIn } from './path-ids.ts';
import { presentError, presentMember, presentSite, presentWorkspace } from './presenters.ts';

/** Routes of workspaces, members and sites. Reads are authorization and one read; changes are use cases. */
export const manageEndpoints = (deps: {
  readonly tenancy: Tenancy;
  readonly errors: ErrorReader;
  readonly createWorkspace: ReturnType<typeof createWorkspace>;
  readonly changeWorkspace: ReturnType<typeof changeWorkspace>;
  readonly saveMember: ReturnType<typeof saveMember>;
  readonly removeMember: ReturnType<typeof removeMember>;
  readonly createSite: ReturnType<typeof createSite>;
  readonly changeSite: ReturnType<typeof changeSite>;
}): EndpointsOf<'manage'> => {
  const { tenancy } = deps;
  return {
    health: async () => ({ status: 'ok' as const, version: SERVICE_VERSION }),

    createWorkspace: async ({ caller, body }) =>
      presentWorkspace(await deps.createWorkspace(caller, workspaceSettingsOf(body))),

    listWorkspaces: ({ caller, query }) =>
      pageOf(
        { caller, route: 'workspaces', resource: '' },
        query,
        (page) => tenancy.listWorkspaces(caller.sub, page),
        ({ workspace, role }) => ({ ...presentWorkspace(workspace), role }),
      ),

    readWorkspace: async ({ caller, path }) =>
      presentWorkspace(await authorizeWorkspace(tenancy, caller, workspaceIdIn(path), 'viewer')),

    changeWorkspace: async ({ caller, path, body }) =>
      presentWorkspace(await deps.changeWorkspace(caller, workspaceIdIn(path), workspaceChangeOf(body))),

    listMembers: async ({ caller, path, query }) => {
      const { workspaceId } = await authorizeWorkspace(tenancy, caller, workspaceIdIn(path), 'owner');
      return pageOf(
        { caller, route: 'members', resource: workspaceId },
        query,
        (page) => tenancy.listMembers(workspaceId, page),
        presentMember,
      );
    },

    readMember: async ({ caller, path }) => {
      const { workspaceId } = await authorizeWorkspace(tenancy, caller, workspaceIdIn(path), 'owner');
      const member = await tenancy.readMember(workspaceId, subIn(path));
      if (member === undefined) throw new Refusal('member_not_found');
      return presentMember(member);
    },

    putMember: async ({ caller, path, body }) =>
      presentMember(await deps.saveMember(caller, workspaceIdIn(path), subIn(path), body.role)),

    removeMember: async ({ caller, path }) => {
      await deps.removeMember(caller, workspaceIdIn(path), subIn(path));
      return { deleted: true as const };
    },

    listErrors: async ({ caller, path, query }) => {
      const { workspaceId } = await authorizeWorkspace(tenancy, caller, workspaceIdIn(path), 'viewer');
      return pageOf(
        { caller, route: 'errors', resource: workspaceId },
        query,
        (page) => deps.errors.listErrors(workspaceId, page),
        presentError,
      );
    },

    listSites: async ({ caller, path, query }) => {
      const { workspaceId } = await authorizeWorkspace(tenancy, caller, workspaceIdIn(path), 'viewer');
      return pageOf(
        { caller, route: 'sites', resource: workspaceId },
        query,
        (page) => tenancy.listSites(workspaceId, page),
        presentSite,
      );
    },

    createSite: async ({ caller, path, body }) =>
      presentSite(await deps.createSite(caller, workspaceIdIn(path), siteSettingsOf(body))),

    readSite: async ({ caller, path }) =>
      presentSite((await authorizeSite(tenancy, caller, siteIdIn(path), 'viewer')).site),

    changeSite: async ({ caller, path, body }) =>
      presentSite(await deps.changeSite(caller, siteIdIn(path), siteChangeOf(body))),
  };
};

const pageOf = async <Item, Shown>(
  list: List & { readonly caller: Caller },
  query: { readonly limit: number; readonly cursor?: string | undefined },
  read: (page: PageRequest) => Promise<Page<Item>>,
  present: (item: Item) => Shown,
) => {
  const { items, next } = await read(pageRequestOf(list, query));
  return { items: items.map(present), next_cursor: encodeCursor(list, next) };
};

/** The fields that were given, under our names: an absent field must not overwrite anything. */
const given = <Change extends object>(
  change: {
    [Name in keyof Change]: Change[Name] | undefined;
  },
): Change => Object.fromEntries(Object.entries(change).filter(([, value]) => value !== undefined)) as Change;

const workspaceChangeOf = (body: z.output<typeof changeWorkspaceRequest>): WorkspaceChange =>
  given<WorkspaceChange>({
    name: body.name,
    billingMode: body.billing_mode,
    openaiTier: body.openai_tier,
    concurrencyLimit: body.concurrency_limit,
    anomalyResponse: body.anomaly_response,
    alertEmail: body.alert_email,
  });

const workspaceSettingsOf = (body: z.output<typeof createWorkspaceRequest>): WorkspaceSettings => ({
  name: body.name,
  billingMode: body.billing_mode,
  openaiTier: body.openai_tier,
  concurrencyLimit: body.concurrency_limit,
  anomalyResponse: body.anomaly_response,
  alertEmail: body.alert_email,
});

const siteChangeOf = (body: z.output<typeof changeSiteRequest>): SiteChange =>
  given<SiteChange>({
    name: body.name,
    allowedOrigins: body.allowed_origins,
    model: body.model,
    voice: body.voice,
    instructions: body.instructions,
    dataResidency: body.data_residency,
    clientSecretTtlSeconds: body.client_secret_ttl_seconds,
    maxDurationSeconds: body.max_duration_seconds,
  });

const siteSettingsOf = (body: z.output<typeof createSiteRequest>): SiteSettings => ({
  name: body.name,
  allowedOrigins: body.allowed_origins,
  model: body.model,
  voice: body.voice,
  instructions: body.instructions,
  dataResidency: body.data_residency,
  clientSecretTtlSeconds: body.client_secret_ttl_seconds,
  maxDurationSeconds: body.max_duration_seconds,
});
