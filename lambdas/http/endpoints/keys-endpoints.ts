import type { LiveKey } from '../../domain/keys/stored-key.ts';
import type { Caller } from '../../domain/tenancy/workspace.ts';
import type { endSession } from '../../use-cases/calls/end-session.ts';
import type { deleteOpenAiKey } from '../../use-cases/keys/delete-openai-key.ts';
import type { KeyTarget } from '../../use-cases/keys/key-target.ts';
import type { listKeyVersions } from '../../use-cases/keys/list-key-versions.ts';
import type { listOpenAiKeys } from '../../use-cases/keys/list-openai-keys.ts';
import type { rollBackOpenAiKey } from '../../use-cases/keys/roll-back-openai-key.ts';
import type { storeOpenAiKey } from '../../use-cases/keys/store-openai-key.ts';
import type { switchOpenAiKey } from '../../use-cases/keys/switch-openai-key.ts';
import type { viewOpenAiKey } from '../../use-cases/keys/view-openai-key.ts';
import type { archiveSite } from '../../use-cases/tenancy/archive-site.ts';
import type { deleteWorkspace } from '../../use-cases/tenancy/delete-workspace.ts';
import { presentKey, presentListedKey, presentVersion } from '../presenters/present-keys.ts';
import type { EndpointsOf } from './endpoint.ts';
import { type PageQuery, pageOf } from './page.ts';
import { siteIdIn, siteKeyTarget, workspaceIdIn, workspaceKeyTarget } from './path-ids.ts';

const ending = (calls: number) => ({ deleted: true as const, calls_ending: calls });

/** Routes that write or delete sealed keys. This function seals and shreds keys, but cannot decrypt them. */
export const keysEndpoints = (useCases: {
  readonly viewOpenAiKey: ReturnType<typeof viewOpenAiKey>;
  readonly storeOpenAiKey: ReturnType<typeof storeOpenAiKey>;
  readonly deleteOpenAiKey: ReturnType<typeof deleteOpenAiKey>;
  readonly rollBackOpenAiKey: ReturnType<typeof rollBackOpenAiKey>;
  readonly listOpenAiKeys: ReturnType<typeof listOpenAiKeys>;
  readonly listKeyVersions: ReturnType<typeof listKeyVersions>;
  readonly switchOpenAiKey: ReturnType<typeof switchOpenAiKey>;
  readonly deleteWorkspace: ReturnType<typeof deleteWorkspace>;
  readonly archiveSite: ReturnType<typeof archiveSite>;
  readonly endSession: ReturnType<typeof endSession>;
}): EndpointsOf<'keys'> => {
  const view = async (caller: Caller, target: KeyTarget) =>
    presentKey(await useCases.viewOpenAiKey(caller, target));
  const put = async (
    caller: Caller,
    target: KeyTarget,
    { api_key, confirm_unverified }: { readonly api_key: string; readonly confirm_unverified: boolean },
  ) =>
    presentKey(
      await useCases.storeOpenAiKey(caller, target, api_key, { confirmUnverified: confirm_unverified }),
    );
  const remove = async (caller: Caller, target: KeyTarget) =>
    ending(await useCases.deleteOpenAiKey(caller, target));
  const rollBack = async (caller: Caller, target: KeyTarget) =>
    presentKey(await useCases.rollBackOpenAiKey(caller, target));
  const versions = (caller: Caller, target: KeyTarget, query: PageQuery) =>
    pageOf(
      { caller, route: 'versions', resource: JSON.stringify(target) },
      query,
      (page) => useCases.listKeyVersions(caller, target, page),
      presentVersion,
    );
  const turn = async (
    caller: Caller,
    target: KeyTarget,
    state: LiveKey['state'],
    liveCalls?: 'end' | 'keep',
  ) => presentKey(await useCases.switchOpenAiKey(caller, target, state, liveCalls));

  return {
    viewSiteKey: ({ caller, path }) => view(caller, siteKeyTarget(path)),
    viewWorkspaceKey: ({ caller, path }) => view(caller, workspaceKeyTarget(path)),
    putSiteKey: ({ caller, path, body }) => put(caller, siteKeyTarget(path), body),
    putWorkspaceKey: ({ caller, path, body }) => put(caller, workspaceKeyTarget(path), body),
    deleteSiteKey: ({ caller, path }) => remove(caller, siteKeyTarget(path)),
    deleteWorkspaceKey: ({ caller, path }) => remove(caller, workspaceKeyTarget(path)),
    rollbackSiteKey: ({ caller, path }) => rollBack(caller, siteKeyTarget(path)),
    rollbackWorkspaceKey: ({ caller, path }) => rollBack(caller, workspaceKeyTarget(path)),
    listSiteKeyVersions: ({ caller, path, query }) => versions(caller, siteKeyTarget(path), query),
    listWorkspaceKeyVersions: ({ caller, path, query }) => versions(caller, workspaceKeyTarget(path), query),
    suspendSiteKey: ({ caller, path, body }) =>
      turn(caller, siteKeyTarget(path), 'suspended', body.live_calls),
    suspendWorkspaceKey: ({ caller, path, body }) =>
      turn(caller, workspaceKeyTarget(path), 'suspended', body.live_calls),
    resumeSiteKey: ({ caller, path }) => turn(caller, siteKeyTarget(path), 'active'),
    resumeWorkspaceKey: ({ caller, path }) => turn(caller, workspaceKeyTarget(path), 'active'),
    listKeys: async ({ caller, path, query }) => {
      const workspaceId = workspaceIdIn(path);
      return pageOf(
        { caller, route: 'keys', resource: workspaceId },
        query,
        (page) => useCases.listOpenAiKeys(caller, workspaceId, page),
        presentListedKey,
      );
    },
    endSession: async ({ caller, path }) => {
      const sessionId = path['sessionId'] ?? '';
      return {
        session_id: sessionId,
        ending: await useCases.endSession(caller, siteIdIn(path), sessionId),
      };
    },
    deleteWorkspace: async ({ caller, path, body }) =>
      ending(await useCases.deleteWorkspace(caller, workspaceIdIn(path), body.confirm)),
    archiveSite: async ({ caller, path }) => ending(await useCases.archiveSite(caller, siteIdIn(path))),
  };
};
