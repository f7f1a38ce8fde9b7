import {
  BUDGET_NOTICE_PERCENTS,
  type BudgetScope,
  type CurrentBudget,
} from '../../../domain/budgets/budget.ts';
import type { TransactWrite } from '../audit/event-outbox.ts';
import { type PrimaryKey, primaryKey } from '../table-keys.ts';
import { noticeAttribute } from './budget-item.ts';

export const budgetKey = ({ workspaceId, siteId }: BudgetScope): PrimaryKey =>
  primaryKey.budget(workspaceId, siteId);

/** The fields that the counts of a period have besides their numbers. */
const MARKS = ['callsEndedAt', ...BUDGET_NOTICE_PERCENTS.map(noticeAttribute)];

/**
 * Adds a cost to each budget, in the transaction that stores the usage it is for: both or neither, so that a cost counts
 * exactly once. The first cost of a period starts its counts. Fails the transaction when a budget was deleted or began
 * another period since it was read.
 */
export const budgetChargeWrites = (
  usageTable: string,
  budgets: readonly CurrentBudget[],
  microCents: number,
): readonly TransactWrite[] =>
  microCents === 0
    ? []
    : budgets.map((budget): TransactWrite => {
        const { periodName, storedPeriodName } = budget;
        const stays = periodName === storedPeriodName;
        return {
          Update: {
            TableName: usageTable,
            Key: budgetKey(budget),
            UpdateExpression: stays
              ? 'ADD spentMicroCents :cost, remainingMicroCents :less'
              : `SET periodName = :name, spentMicroCents = :cost, reservedMicroCents = :zero, remainingMicroCents = amountMicroCents + :less REMOVE ${MARKS.join(', ')}`,
            ConditionExpression: 'periodName = :stored',
            ExpressionAttributeValues: {
              ':cost': microCents,
              ':less': -microCents,
              ':stored': storedPeriodName,
              ...(!stays && { ':name': periodName, ':zero': 0 }),
            },
          },
        };
      });

/** Fails the transaction that opens a session where the amount was spent since the budgets were read. */
export const budgetChecks = (
  usageTable: string,
  budgets: readonly CurrentBudget[],
): readonly TransactWrite[] =>
  budgets
    .filter(({ action }) => action !== 'notify')
    .map(
      (budget): TransactWrite => ({
        ConditionCheck: {
          TableName: usageTable,
          Key: budgetKey(budget),
          ConditionExpression:
            'attribute_not_exists(pk) OR #action = :notify OR remainingMicroCents > :zero OR periodName < :name',
          ExpressionAttributeNames: { '#action': 'action' },
          ExpressionAttributeValues: { ':notify': 'notify', ':zero': 0, ':name': budget.periodName },
        },
      }),
    );
