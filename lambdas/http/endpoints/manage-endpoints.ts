import { SERVICE_VERSION } from '../../contract/version.ts';
import { type KeyAddress, PLATFORM_ADDRESS } from '../../domain/keys/stored-key.ts';
import type { VisitorLimits } from '../../domain/sessions/embed-token.ts';
import type { Conversation } from '../../domain/tenancy/conversation.ts';
import type { FunctionTool } from '../../domain/tenancy/function-tool.ts';
import type { Plan } from '../../domain/tenancy/plan.ts';
import type { RetentionSetting } from '../../domain/tenancy/retention.ts';
import type { Site, Workspace } from '../../domain/tenancy/workspace.ts';
import type { StoredKeyStates } from '../../use-cases/ports/keys.ts';
import type { Clock } from '../../use-cases/ports/runtime.ts';
import type { Tenancy } from '../../use-cases/ports/tenancy.ts';
import { authorizeSite, authorizeWorkspace } from '../../use-cases/tenancy/authorize.ts';
import type { changeSite } from '../../use-cases/tenancy/change-site.ts';
import type { changeWorkspace } from '../../use-cases/tenancy/change-workspace.ts';
import type { createSite } from '../../use-cases/tenancy/create-site.ts';
import type { createWorkspace } from '../../use-cases/tenancy/create-workspace.ts';
import type { removeEmbedKey, storeEmbedKey } from '../../use-cases/tenancy/embed-keys.ts';
import { encodeCursor, pageRequestOf } from '../cursor.ts';
import { conversationIn } from '../presenters/present-conversation.ts';
import {
  presentEmbedKey,
  presentSite,
  presentWorkspace,
  type WorkspaceFacts,
} from '../presenters/present-tenancy.ts';
import type { ApiTokenEndpoints } from './api-token-endpoints.ts';
import { type BudgetUseCases, budgetEndpoints } from './budget-endpoints.ts';
import type { EndpointsOf } from './endpoint.ts';
import type { MemberEndpoints } from './member-endpoints.ts';
import type { NoticesEndpoints } from './notices-endpoints.ts';
import { pageOf } from './page.ts';
import { siteIdIn, workspaceIdIn } from './path-ids.ts';

/** Routes of workspaces and sites. A read is an authorization and one query; a change is a use case. */
export const manageEndpoints = (deps: {
  readonly clock: Clock;
  readonly tenancy: Tenancy;
  readonly keys: StoredKeyStates;
  readonly plans: readonly Plan[];
  readonly createWorkspace: ReturnType<typeof createWorkspace>;
  readonly changeWorkspace: ReturnType<typeof changeWorkspace>;
  readonly createSite: ReturnType<typeof createSite>;
  readonly changeSite: ReturnType<typeof changeSite>;
  readonly storeEmbedKey: ReturnType<typeof storeEmbedKey>;
  readonly removeEmbedKey: ReturnType<typeof removeEmbedKey>;
  readonly budgets: BudgetUseCases;
}): Omit<EndpointsOf<'manage'>, keyof NoticesEndpoints | keyof MemberEndpoints | keyof ApiTokenEndpoints> => {
  const { tenancy } = deps;
  const statesOf = (addresses: readonly KeyAddress[]) => deps.keys.readStates(addresses);
  const addressOf = ({ siteId, workspaceId }: Site): KeyAddress => ({
    scope: 'site',
    scopeId: siteId,
    workspaceId,
  });
  const present = async (site: Site) => presentSite(site, deps.clock(), await statesOf([addressOf(site)]));
  const factsOf = async (workspaces: readonly Workspace[]): Promise<WorkspaceFacts> => ({
    states: await statesOf([
      PLATFORM_ADDRESS,
      ...workspaces.map(
        ({ workspaceId }) => ({ scope: 'workspace', scopeId: workspaceId, workspaceId }) as const,
      ),
    ]),
    plans: deps.plans,
  });
  const presentOne = async (workspace: Workspace) => presentWorkspace(workspace, await factsOf([workspace]));
  return {
    ...budgetEndpoints(deps.budgets),
    health: async () => ({ status: 'ok' as const, version: SERVICE_VERSION }),

    createWorkspace: async ({ caller, body }) =>
      presentOne(await deps.createWorkspace(caller, workspaceSettingsIn(body))),

    listWorkspaces: async ({ caller, query }) => {
      const list = { caller, route: 'workspaces', resource: '' };
      const { items, next } = await tenancy.listWorkspaces(caller.sub, pageRequestOf(list, query));
      const facts = await factsOf(items.map(({ workspace }) => workspace));
      return {
        items: items.map(({ workspace, role }) => ({ ...presentWorkspace(workspace, facts), role })),
        next_cursor: encodeCursor(list, next),
      };
    },

    readWorkspace: async ({ caller, path }) =>
      presentOne(await authorizeWorkspace(tenancy, caller, workspaceIdIn(path), 'viewer')),

    changeWorkspace: async ({ caller, path, body }) =>
      presentOne(await deps.changeWorkspace(caller, workspaceIdIn(path), workspaceSettingsIn(body))),

    listSites: async ({ caller, path, query }) => {
      const { workspaceId } = await authorizeWorkspace(tenancy, caller, workspaceIdIn(path), 'viewer');
      const list = { caller, route: 'sites', resource: workspaceId };
      const { items, next } = await tenancy.listSites(workspaceId, pageRequestOf(list, query));
      const states = await statesOf(items.map(addressOf));
      return {
        items: items.map((site) => presentSite(site, deps.clock(), states)),
        next_cursor: encodeCursor(list, next),
      };
    },

    createSite: async ({ caller, path, body }) =>
      present(await deps.createSite(caller, workspaceIdIn(path), siteSettingsIn(body))),

    readSite: async ({ caller, path }) =>
      present((await authorizeSite(tenancy, caller, siteIdIn(path), 'viewer')).site),

    listFormerInstructions: async ({ caller, path, query }) => {
      const { site } = await authorizeSite(tenancy, caller, siteIdIn(path), 'viewer');
      return pageOf(
        { caller, route: 'former-instructions', resource: site.siteId },
        query,
        (page) => tenancy.listFormerInstructions(site, page),
        ({ instructions, replacedAt, replacedBy }) => ({
          instructions,
          replaced_at: replacedAt,
          replaced_by: replacedBy,
        }),
      );
    },

    changeSite: async ({ caller, path, body }) =>
      present(await deps.changeSite(caller, siteIdIn(path), siteSettingsIn(body))),

    putEmbedKey: async ({ caller, path, body }) => {
      const { key, secret } = await deps.storeEmbedKey(caller, siteIdIn(path), {
        algorithm: body.algorithm,
        publicKeyPem: body.public_key,
      });
      return { ...presentEmbedKey(key), secret };
    },

    removeEmbedKey: async ({ caller, path }) => {
      await deps.removeEmbedKey(caller, siteIdIn(path));
      return { deleted: true as const };
    },
  };
};

const WORKSPACE_FIELDS = {
  name: 'name',
  billing_mode: 'billingMode',
  openai_tier: 'openaiTier',
  concurrency_limit: 'concurrencyLimit',
  site_share_percent: 'siteSharePercent',
  anomaly_response: 'anomalyResponse',
  data_residency: 'dataResidency',
  alert_email: 'alertEmail',
  time_zone: 'timeZone',
} as const;

/** The body of a workspace in our own names, including its retention. */
const workspaceSettingsIn = <Body extends RetentionBody>(
  body: Body,
): Renamed<Body, typeof WORKSPACE_FIELDS> &
  (undefined extends Body['retention']
    ? { readonly retention?: RetentionSetting }
    : { readonly retention: RetentionSetting }) =>
  ({
    ...renamed(body, WORKSPACE_FIELDS),
    ...(body.retention !== undefined && {
      retention: { sessionDays: body.retention.session_days, errorDays: body.retention.error_days },
    }),
  }) as ReturnType<typeof workspaceSettingsIn<Body>>;

interface RetentionBody {
  readonly retention?: { readonly session_days: number; readonly error_days: number } | undefined;
}

const SITE_FIELDS = {
  name: 'name',
  allowed_origins: 'allowedOrigins',
  model: 'model',
  voice: 'voice',
  instructions: 'instructions',
  data_residency: 'dataResidency',
  control: 'control',
  require_embed_token: 'requireEmbedToken',
  client_secret_ttl_seconds: 'clientSecretTtlSeconds',
  max_duration_seconds: 'maxDurationSeconds',
  model_auto_upgrade: 'modelAutoUpgrade',
  ignored_origins: 'ignoredOrigins',
} as const;

interface NestedBody {
  readonly tools?:
    | readonly { readonly name: string; readonly description: string; readonly parameters: object }[]
    | undefined;
  readonly visitor_limits?:
    | { readonly calls_per_day: number | null; readonly minutes_per_day: number | null }
    | undefined;
  readonly conversation?: Parameters<typeof conversationIn>[0] | undefined;
}

/** `Name` with its type, optional if the body's field is. */
type Nested<
  Body extends NestedBody,
  Field extends keyof NestedBody,
  Name extends string,
  Value,
> = undefined extends Body[Field] ? { readonly [Key in Name]?: Value } : { readonly [Key in Name]: Value };

/** The body of a site in our own names, including its nested settings. */
const siteSettingsIn = <Body extends NestedBody>(
  body: Body,
): Renamed<Body, typeof SITE_FIELDS> &
  Nested<Body, 'visitor_limits', 'visitorLimits', VisitorLimits> &
  Nested<Body, 'tools', 'tools', readonly FunctionTool[]> &
  Nested<Body, 'conversation', 'conversation', Conversation> => {
  const { visitor_limits: limits, tools, conversation } = body;
  return {
    ...renamed(body, SITE_FIELDS),
    ...(limits !== undefined && {
      visitorLimits: { callsPerDay: limits.calls_per_day, minutesPerDay: limits.minutes_per_day },
    }),
    ...(tools !== undefined && {
      tools: tools.map((tool) => ({ ...tool, parameters: JSON.stringify(tool.parameters) })),
    }),
    ...(conversation !== undefined && { conversation: conversationIn(conversation) }),
  } as ReturnType<typeof siteSettingsIn<Body>>;
};

type Renamed<Body, Names extends Readonly<Record<string, string>>> = {
  [Field in keyof Body & keyof Names as Names[Field]]: Exclude<Body[Field], undefined>;
};

/** A body in our own names. A missing field stays absent, so that it cannot overwrite anything. */
const renamed = <Body extends object, Names extends Readonly<Record<string, string>>>(
  body: Body,
  names: Names,
): Renamed<Body, Names> =>
  Object.fromEntries(
    Object.entries(body).flatMap(([field, value]) => {
      const name = names[field];
      return name === undefined || value === undefined ? [] : [[name, value]];
    }),
  ) as Renamed<Body, Names>;
