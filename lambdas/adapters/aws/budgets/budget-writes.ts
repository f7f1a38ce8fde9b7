import {
  BUDGET_NOTICE_PERCENTS,
  type BudgetScope,
  type CurrentBudget,
} from '../../../domain/budgets/budget.ts';
import type { BudgetCharge } from '../../../domain/budgets/response-reservation.ts';
import type { TransactWrite } from '../audit/event-outbox.ts';
import { type PrimaryKey, primaryKey } from '../table-keys.ts';
import { noticeAttribute } from './budget-item.ts';

export const budgetKey = ({ workspaceId, siteId }: BudgetScope): PrimaryKey =>
  primaryKey.budget(workspaceId, siteId);

/** The fields of a period's counts that are not numbers. */
const MARKS = ['callsEndedAt', ...BUDGET_NOTICE_PERCENTS.map(noticeAttribute)];

/**
 * Changes the counts of each budget in the same transaction as the usage, so that a cost counts exactly once. The first
 * change of a period starts its counts. Fails the transaction if a budget was removed, set again or began another period
 * since it was read, or if an amount to reserve no longer fits.
 */
export const budgetChargeWrites = (
  usageTable: string,
  charges: readonly BudgetCharge[],
): readonly TransactWrite[] =>
  charges
    .filter(({ spentMicroCents, reservedMicroCents }) => spentMicroCents !== 0 || reservedMicroCents !== 0)
    .map(({ budget, spentMicroCents, reservedMicroCents }): TransactWrite => {
      const { periodName, storedPeriodName, createdAt } = budget;
      const stays = periodName === storedPeriodName;
      const reserves = reservedMicroCents > 0;
      return {
        Update: {
          TableName: usageTable,
          Key: budgetKey(budget),
          UpdateExpression: stays
            ? 'ADD spentMicroCents :cost, reservedMicroCents :reserved, remainingMicroCents :less'
            : `SET periodName = :name, spentMicroCents = :cost, reservedMicroCents = :reserved, remainingMicroCents = amountMicroCents + :less REMOVE ${MARKS.join(', ')}`,
          ConditionExpression: [
            'periodName = :stored',
            createdAt === null ? 'attribute_not_exists(createdAt)' : 'createdAt = :created',
            ...(reserves
              ? [`#action = :never AND ${stays ? 'remainingMicroCents' : 'amountMicroCents'} >= :reserved`]
              : []),
          ].join(' AND '),
          ...(reserves && { ExpressionAttributeNames: { '#action': 'action' } }),
          ExpressionAttributeValues: {
            ':cost': spentMicroCents,
            ':reserved': reservedMicroCents,
            ':less': -spentMicroCents - reservedMicroCents,
            ':stored': storedPeriodName,
            ...(createdAt !== null && { ':created': createdAt }),
            ...(!stays && { ':name': periodName }),
            ...(reserves && { ':never': 'never_exceed' }),
          },
        },
      };
    });

/** Fails the transaction that opens a session if the amount has been spent since the budgets were read. */
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
