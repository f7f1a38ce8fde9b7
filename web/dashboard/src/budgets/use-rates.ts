import { useQueries } from '@tanstack/react-query';
import { type Site, useRoute } from '../api/queries.ts';
import { TYPICAL } from '../calculator/typical.ts';
import { useSession } from '../session.tsx';
import { useWorkspace } from '../workspace.tsx';
import { pastRate, type Rate, typicalRate } from './buys.ts';

const DAY_MS = 86_400_000;
const PAST_DAYS = 30;

const dayOf = (time: number): string => new Date(time).toISOString().slice(0, 10);

/**
 * The price of a minute: of a site, or with null of the workspace. By its conversations of the last 30 days, else by a
 * typical conversation on its model. undefined if neither is known.
 */
export const useRates = (sites: readonly Site[]): ((siteId: string | null) => Rate | undefined) => {
  const { workspace_id } = useWorkspace();
  const { api } = useSession();
  const now = Date.now();
  const usage = useRoute('readWorkspaceUsage', {
    path: { workspaceId: workspace_id },
    query: { from: dayOf(now - (PAST_DAYS - 1) * DAY_MS), to: dayOf(now), group_by: 'site' },
  });
  const models = [...new Set([TYPICAL.model, ...sites.map(({ model }) => model)])];
  const typical = useQueries({
    queries: models.map((model) => ({
      queryKey: ['estimate', { ...TYPICAL, model }],
      queryFn: ({ signal }: { readonly signal: AbortSignal }) =>
        api.call('estimateCost', { body: { ...TYPICAL, model }, signal }),
      staleTime: Number.POSITIVE_INFINITY,
    })),
  });
  return (siteId) => {
    if (usage.data === undefined) return undefined;
    const past = pastRate(
      siteId === null ? usage.data.totals : usage.data.rows.find(({ site_id }) => site_id === siteId),
    );
    const model = siteId === null ? TYPICAL.model : sites.find(({ site_id }) => site_id === siteId)?.model;
    const estimate = typical[models.indexOf(model ?? '')]?.data;
    return past ?? (estimate && typicalRate(estimate));
  };
};
