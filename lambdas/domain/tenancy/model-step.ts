import { moveDue, noticeDue, type Retirement } from './model-retirement.ts';
import type { Site } from './workspace.ts';

/** The step that is due for one site. */
export type ModelStep =
  | { readonly kind: 'move'; readonly retirement: Retirement }
  | { readonly kind: 'notice'; readonly retirement: Retirement; readonly days: number }
  | undefined;

/** The action of a run at `now` on the site: a move before a notice, and at most one of them. */
export const modelStepOf = (
  site: Pick<Site, 'model' | 'modelAutoUpgrade' | 'retirementNotices'>,
  now: Date,
): ModelStep => {
  const move = moveDue(site, now);
  if (move !== undefined) return { kind: 'move', retirement: move };
  const notice = noticeDue({ model: site.model, noticed: site.retirementNotices }, now);
  return notice && { kind: 'notice', ...notice };
};
