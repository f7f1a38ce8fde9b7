import { type Budget, dueNotices, endsCalls } from '../../domain/budgets/budget.ts';
import type { RandomBytes } from '../../domain/identifiers.ts';
import type { NoticePercent } from '../../domain/tenancy/plan.ts';
import { systemEvent } from '../audit/system-event.ts';
import { queueScopeEnd } from '../calls/queue-scope-end.ts';
import { ignoreConflict } from '../conflicts.ts';
import type { BudgetNotes } from '../ports/budgets.ts';
import type { HangUpQueue } from '../ports/calls.ts';

export interface SettleBudgetPorts {
  readonly random: RandomBytes;
  readonly budgets: Pick<BudgetNotes, 'noteThreshold' | 'noteCallsEnded'>;
  readonly hangUps: HangUpQueue;
}

/**
 * Applies the counts of these budgets: sends a notice for each reached threshold, once per period, and with
 * `end_calls` ends the live calls once the amount is spent. Repeating it changes nothing, and the rest of an interrupted
 * run left is done by the next report of any session.
 */
export const settleBudgets = async (
  ports: SettleBudgetPorts,
  budgets: readonly Budget[],
  now: Date,
): Promise<void> => {
  for (const budget of budgets) {
    // First the calls, because they cost money while they continue.
    if (endsCalls(budget)) await endCalls(ports, budget, now);
    for (const percent of dueNotices(budget)) await noteThreshold(ports, budget, percent, now);
  }
};

/** Sends the notice of one threshold, once in a period. */
export const noteThreshold = async (
  { budgets, random }: { readonly random: RandomBytes; readonly budgets: Pick<BudgetNotes, 'noteThreshold'> },
  budget: Budget,
  percent: NoticePercent,
  now: Date,
): Promise<void> => {
  const event = systemEvent({ now, random }, 'system:meter', 'budget.threshold_reached', {
    workspaceId: budget.workspaceId,
    siteId: budget.siteId,
    facts: {
      percent,
      scope: budget.siteId === null ? 'workspace' : 'site',
      period: budget.period,
      period_name: budget.periodName,
      action: budget.action,
      amount_micro_cents: budget.amountMicroCents,
      spent_micro_cents: budget.spentMicroCents,
    },
  });
  // A conflict: another session was first.
  await ignoreConflict(budgets.noteThreshold(budget, percent, event));
};

/** Queues the end before it is marked as done, so that a run that crashes between the two is repeated. */
const endCalls = async (
  { hangUps, budgets }: SettleBudgetPorts,
  budget: Budget,
  now: Date,
): Promise<void> => {
  const { workspaceId, siteId } = budget;
  await queueScopeEnd(hangUps, { workspaceId, ownKeys: true, siteId }, 'budget');
  await ignoreConflict(budgets.noteCallsEnded(budget, now.toISOString()));
};
