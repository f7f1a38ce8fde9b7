import type { DashboardConfig } from '../../../lambdas/contract/dashboard-config.ts';

export type { DashboardConfig };

/**
 * Reads `config.json` from the page's folder.
 *
 * @throws {Error} with a sentence for the person who deployed it, when the file is missing or not JSON.
 */
export const loadConfig = async (): Promise<DashboardConfig> => {
  const answer = await fetch(`${import.meta.env.BASE_URL}config.json`, { cache: 'no-store' });
  if (!answer.ok) throw new Error(`This deployment has no config.json (status ${answer.status}).`);
  return (await answer.json()) as DashboardConfig;
};
