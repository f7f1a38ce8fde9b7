import type { DynamoDBDocumentClient } from '@aws-sdk/lib-dynamodb';
import type { BudgetLister, BudgetStore } from '../../../use-cases/ports/budgets.ts';
import { readTogether } from '../batch-get.ts';
import { queryPage } from '../dynamodb-pages.ts';
import { primaryKey } from '../table-keys.ts';
import { budgetItem } from './budget-item.ts';
import { budgetKey } from './budget-writes.ts';

/** Reads budgets for display. Writes nothing. */
export const dynamoDbBudgetReader = (
  dynamoDb: DynamoDBDocumentClient,
  tables: { readonly usage: string },
): Pick<BudgetStore, 'readBudget'> & BudgetLister => ({
  readBudget: async (scope) => {
    const key = budgetKey(scope);
    const lookup = await readTogether(dynamoDb, { [tables.usage]: [key] });
    return budgetItem.optional().parse(lookup(tables.usage, key));
  },

  listBudgets: (workspaceId, page) =>
    queryPage(
      dynamoDb,
      { TableName: tables.usage, pk: primaryKey.budget(workspaceId, null).pk },
      page,
      budgetItem,
    ),
});
