import { type QueryClient, useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { useSession } from '../session.tsx';
import type { Api } from './client.ts';
import { everyPage } from './every-page.ts';
import { ApiFailure } from './failure.ts';
import type { CalledRoute, DataOf, PathOf, QueryOf } from './routes.ts';

export type Workspace = DataOf<'listWorkspaces'>['items'][number];
export type Site = DataOf<'readSite'>;
export type MaskedKey = DataOf<'viewWorkspaceKey'>;
export type KeyVersion = DataOf<'listWorkspaceKeyVersions'>['items'][number];
export type Verdict = DataOf<'testSiteKey'>;
export type Member = DataOf<'listMembers'>['items'][number];
export type AuditRow = DataOf<'listAudit'>['items'][number];
export type Usage = DataOf<'readWorkspaceUsage'>;
export type SessionRow = DataOf<'listWorkspaceSessions'>['items'][number];
export type Concurrency = DataOf<'readConcurrency'>;
export type Estimate = DataOf<'estimateCost'>;
export type LiveSession = DataOf<'listLive'>['items'][number];
export type ErrorRow = DataOf<'listErrors'>['items'][number];

export const useWorkspaces = () => {
  const { api } = useSession();
  return useQuery({
    queryKey: ['workspaces'],
    queryFn: ({ signal }) => everyPage((query) => api.call('listWorkspaces', { query, signal })),
  });
};

export const useSites = (workspaceId: string) => {
  const { api } = useSession();
  return useQuery({
    queryKey: ['sites', workspaceId],
    queryFn: ({ signal }) =>
      everyPage((query) => api.call('listSites', { path: { workspaceId }, query, signal })),
  });
};

export const useMembers = (workspaceId: string, { enabled = true } = {}) => {
  const { api } = useSession();
  return useQuery({
    enabled,
    queryKey: ['members', workspaceId],
    queryFn: ({ signal }) =>
      everyPage((query) => api.call('listMembers', { path: { workspaceId }, query, signal })),
  });
};

export const useSite = (siteId: string) => {
  const { api } = useSession();
  return useQuery({
    queryKey: ['site', siteId],
    queryFn: ({ signal }) => api.call('readSite', { path: { siteId }, signal }),
  });
};

/** Whose key: the workspace's, or one site's own. */
export type KeyPlace =
  | { readonly scope: 'workspace'; readonly workspaceId: string }
  | { readonly scope: 'site'; readonly siteId: string };

const WORKSPACE_KEY = {
  view: 'viewWorkspaceKey',
  versions: 'listWorkspaceKeyVersions',
  put: 'putWorkspaceKey',
  delete: 'deleteWorkspaceKey',
  test: 'testWorkspaceKey',
  rotate: 'rotateWorkspaceKey',
  rollback: 'rollbackWorkspaceKey',
  suspend: 'suspendWorkspaceKey',
  resume: 'resumeWorkspaceKey',
} as const;
const SITE_KEY = {
  view: 'viewSiteKey',
  versions: 'listSiteKeyVersions',
  put: 'putSiteKey',
  delete: 'deleteSiteKey',
  test: 'testSiteKey',
  rotate: 'rotateSiteKey',
  rollback: 'rollbackSiteKey',
  suspend: 'suspendSiteKey',
  resume: 'resumeSiteKey',
} as const;

const placeId = (place: KeyPlace): string => (place.scope === 'workspace' ? place.workspaceId : place.siteId);

/** Actions on a key, at either place. */
export const keyActions = (api: Api, place: KeyPlace) => {
  const at = <Action extends keyof typeof WORKSPACE_KEY>(action: Action, more: object = {}) =>
    place.scope === 'workspace'
      ? api.call(WORKSPACE_KEY[action], { ...more, path: { workspaceId: place.workspaceId } } as never)
      : api.call(SITE_KEY[action], { ...more, path: { siteId: place.siteId } } as never);
  return {
    view: () => at('view') as Promise<MaskedKey>,
    versions: () =>
      everyPage((query) => at('versions', { query }) as Promise<DataOf<'listWorkspaceKeyVersions'>>),
    test: () => at('test') as Promise<Verdict>,
    rotate: () => at('rotate'),
    rollback: () => at('rollback'),
    suspend: (liveCalls: 'end' | 'keep') => at('suspend', { body: { live_calls: liveCalls } }),
    resume: () => at('resume'),
    delete: () => at('delete') as Promise<DataOf<'deleteSiteKey'>>,
    put: (apiKey: string, confirmUnverified: boolean): Promise<MaskedKey> => {
      const body = { api_key: apiKey, confirm_unverified: confirmUnverified };
      return place.scope === 'workspace'
        ? api.call('putWorkspaceKey', { path: { workspaceId: place.workspaceId }, body })
        : api.call('putSiteKey', { path: { siteId: place.siteId }, body });
    },
  };
};

/** The masked key, or null if none is stored; nothing is asked if the lists say that there is none. */
export const useKey = (place: KeyPlace, isStored: boolean) => {
  const { api } = useSession();
  return useQuery({
    queryKey: ['key', place.scope, placeId(place), isStored],
    queryFn: async (): Promise<MaskedKey | null> => {
      if (!isStored) return null;
      try {
        return await keyActions(api, place).view();
      } catch (error) {
        if (error instanceof ApiFailure && error.code === 'openai_key_missing') return null;
        throw error;
      }
    },
  });
};

export const useKeyVersions = (place: KeyPlace, { enabled = true } = {}) => {
  const { api } = useSession();
  return useQuery({
    enabled,
    queryKey: ['key-versions', place.scope, placeId(place)],
    queryFn: () => keyActions(api, place).versions(),
  });
};

/** Reads one route; the key of its cache is the route and what it was asked. */
export const useRoute = <Id extends CalledRoute>(
  id: Id,
  request: { readonly path?: PathOf<Id>; readonly query?: QueryOf<Id> },
  options: { readonly enabled?: boolean; readonly refetchInterval?: number } = {},
) => {
  const { api } = useSession();
  return useQuery({
    queryKey: [id, request],
    queryFn: ({ signal }) => api.call(id, { ...request, signal } as never),
    ...options,
  });
};

interface Listed {
  readonly items: readonly unknown[];
  readonly next_cursor: string | null;
}

/** Calls that one search makes at most before it shows how far it has come. */
const MAX_SEARCH_CALLS = 10;

/**
 * One page of a list behind a filter. A page without a row does not mean that there is none: it reads on until it has one
 * or has seen every row. After MAX_SEARCH_CALLS it stops; `next_cursor` says that older rows are left.
 */
export const useSearch = <Id extends 'listAudit' | 'listErrors' | 'listWorkspaceSessions'>(
  id: Id,
  request: { readonly path: PathOf<Id>; readonly query: NonNullable<QueryOf<Id>> },
  options: { readonly enabled?: boolean; readonly refetchInterval?: number } = {},
) => {
  const { api } = useSession();
  return useQuery({
    ...options,
    queryKey: ['search', id, request],
    queryFn: async ({ signal }): Promise<DataOf<Id>> => {
      const read = async (cursor: string | undefined): Promise<DataOf<Id> & Listed> =>
        api.call(id, {
          ...request,
          query: { ...request.query, ...(cursor !== undefined && { cursor }) },
          signal,
        } as never) as Promise<DataOf<Id> & Listed>;
      let page = await read(undefined);
      for (let calls = 1; calls < MAX_SEARCH_CALLS; calls++) {
        if (page.items.length > 0 || page.next_cursor === null) return page;
        page = await read(page.next_cursor);
      }
      return page;
    },
  });
};

/** Reads everything shown again: first the lists, which say where a key is stored, then what hangs on them. */
const readAgain = async (queries: QueryClient): Promise<void> => {
  const isKey = ({ queryKey }: { readonly queryKey: readonly unknown[] }): boolean =>
    String(queryKey[0]).startsWith('key');
  await queries.invalidateQueries({ predicate: (query) => !isKey(query) });
  // Lets the page take the lists in: it no longer asks for a key that is gone.
  await new Promise((resolve) => setTimeout(resolve));
  await queries.invalidateQueries({ predicate: isKey });
};

/** A change that makes everything shown be read again: small lists, and nothing on the page is ever stale. */
export const useChange = <Input, Output>(change: (api: Api, input: Input) => Promise<Output>) => {
  const { api } = useSession();
  const queries = useQueryClient();
  return useMutation({
    mutationFn: (input: Input) => change(api, input),
    onSuccess: () => readAgain(queries),
  });
};

export const useRefresh = () => {
  const queries = useQueryClient();
  return () => readAgain(queries);
};
