import { type LiveSession, useRoute } from '../api/queries.ts';
import { formatWhole } from '../ui/format.ts';
import { useWorkspace } from '../workspace.tsx';

const REFRESH_MS = 5_000;

/** The sessions that run now, read every 5 seconds while shown. */
export const useLive = () => {
  const { workspace_id } = useWorkspace();
  return useRoute('listLive', { path: { workspaceId: workspace_id } }, { refetchInterval: REFRESH_MS });
};

/** The reach of a change: everything in the workspace, one site, or whatever runs on one stored key. */
export type Stopped =
  | { readonly all: true }
  | { readonly siteId: string }
  | { readonly keyScope: 'workspace' }
  | { readonly keyScope: 'site'; readonly siteId: string };

const isStopped = (session: LiveSession, stopped: Stopped): boolean => {
  if ('all' in stopped) return true;
  if ('siteId' in stopped && session.site_id !== stopped.siteId) return false;
  return !('keyScope' in stopped) || session.key_scope === stopped.keyScope;
};

/** The live calls that the change ends, and the token sessions that it cannot end. */
export const countStopped = (
  sessions: readonly LiveSession[],
  stopped: Stopped,
): { readonly calls: number; readonly tokens: number } => {
  const concerned = sessions.filter((session) => isStopped(session, stopped));
  const calls = concerned.filter(({ endable }) => endable).length;
  return { calls, tokens: concerned.length - calls };
};

/** `1 live call`, `12 live calls` */
export const callsInWords = (calls: number): string =>
  `${calls === 0 ? 'no' : formatWhole(calls)} live call${calls === 1 ? '' : 's'}`;

/** Says how many calls the API is ending, by its own count. */
export const endingInWords = (calls: number): string => {
  if (calls === 0) return 'No call was running.';
  return calls === 1 ? '1 call is being ended.' : `${formatWhole(calls)} calls are being ended.`;
};
