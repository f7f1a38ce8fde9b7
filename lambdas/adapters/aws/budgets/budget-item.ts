import * as z from 'zod';
import { BUDGET_ACTIONS, BUDGET_NOTICE_PERCENTS, type Budget } from '../../../domain/budgets/budget.ts';
import { BUDGET_PERIODS } from '../../../domain/budgets/budget-period.ts';
import type { SiteId, WorkspaceId } from '../../../domain/identifiers.ts';
import type { ItemLookup } from '../batch-get.ts';
import { siteId, workspaceId } from '../ids.ts';
import { type PrimaryKey, primaryKey } from '../table-keys.ts';
import { count } from '../usage/usage-items.ts';

/**
 * The attribute with the time of a threshold's notice. Each threshold has its own, so that two notices do not conflict.
 */
export const noticeAttribute = (percent: number): string => `notice${percent}`;

export const budgetItem: z.ZodType<Budget> = z
  .object({
    workspaceId,
    siteId: siteId.nullable(),
    period: z.enum(BUDGET_PERIODS),
    amountMicroCents: z.number(),
    action: z.enum(BUDGET_ACTIONS),
    periodName: z.string(),
    spentMicroCents: count,
    reservedMicroCents: count,
    remainingMicroCents: z.number(),
    callsEndedAt: z.string().nullable().default(null),
    createdAt: z.string().nullable().default(null),
    changedAt: z.string(),
    changedBy: z.string(),
    revision: z.number(),
    ...Object.fromEntries(
      BUDGET_NOTICE_PERCENTS.map((percent) => [noticeAttribute(percent), z.string().optional()]),
    ),
  })
  .transform((item) => {
    const attributes: Readonly<Record<string, unknown>> = item;
    const notices = Object.fromEntries(
      BUDGET_NOTICE_PERCENTS.flatMap((percent) => {
        const at = attributes[noticeAttribute(percent)];
        return typeof at === 'string' ? [[percent, at]] : [];
      }),
    );
    const { workspaceId: workspace, siteId: site, period, amountMicroCents, action, periodName } = item;
    const { spentMicroCents, reservedMicroCents, remainingMicroCents, callsEndedAt } = item;
    const { createdAt, changedAt, changedBy, revision } = item;
    return {
      workspaceId: workspace,
      siteId: site,
      period,
      amountMicroCents,
      action,
      periodName,
      spentMicroCents,
      reservedMicroCents,
      remainingMicroCents,
      notices,
      callsEndedAt,
      createdAt,
      changedAt,
      changedBy,
      revision,
    };
  });

/** The keys of the budgets that a session of the site counts against. */
export const budgetKeysOf = (workspace: WorkspaceId, site: SiteId | null): readonly PrimaryKey[] => [
  primaryKey.budget(workspace, null),
  ...(site === null ? [] : [primaryKey.budget(workspace, site)]),
];

/** The keys that have a budget. */
export const budgetsIn = (
  lookup: ItemLookup,
  usageTable: string,
  keys: readonly PrimaryKey[],
): readonly Budget[] =>
  keys.flatMap((key) => {
    const item = lookup(usageTable, key);
    return item === undefined ? [] : [budgetItem.parse(item)];
  });

/** The attributes of a budget's item besides its keys. */
export const budgetAttributes = ({
  notices,
  callsEndedAt,
  createdAt,
  ...plain
}: Budget): Record<string, unknown> => ({
  ...plain,
  ...(callsEndedAt !== null && { callsEndedAt }),
  ...(createdAt !== null && { createdAt }),
  ...Object.fromEntries(
    Object.entries(notices).map(([percent, at]) => [noticeAttribute(Number(percent)), at]),
  ),
});
