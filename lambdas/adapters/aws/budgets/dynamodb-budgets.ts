import { type DynamoDBDocumentClient, TransactWriteCommand, UpdateCommand } from '@aws-sdk/lib-dynamodb';
import type { EventWriter } from '../../../domain/audit/event-writers.ts';
import { BUDGET_NOTICE_PERCENTS } from '../../../domain/budgets/budget.ts';
import type { BudgetLister, BudgetNotes, BudgetStore } from '../../../use-cases/ports/budgets.ts';
import { eventPut, type TransactWrite } from '../audit/event-outbox.ts';
import { callAws } from '../aws-calls.ts';
import { readTogether } from '../batch-get.ts';
import { budgetAttributes, budgetKeysOf, budgetsIn, noticeAttribute } from './budget-item.ts';
import { budgetKey } from './budget-writes.ts';
import { dynamoDbBudgetReader } from './dynamodb-budget-reader.ts';

/** Budgets and their notices, in the usage table next to the usage that they count. */
export const dynamoDbBudgets = (
  dynamoDb: DynamoDBDocumentClient,
  tables: { readonly usage: string; readonly tenancy: string; readonly writer: EventWriter },
): BudgetStore & BudgetNotes & BudgetLister => {
  const write = async (...TransactItems: TransactWrite[]): Promise<void> => {
    await callAws('dynamodb', 'TransactWriteItems', () =>
      dynamoDb.send(new TransactWriteCommand({ TransactItems })),
    );
  };

  const readBudgets: BudgetStore['readBudgets'] = async (workspaceId, siteId) => {
    const keys = budgetKeysOf(workspaceId, siteId);
    return budgetsIn(await readTogether(dynamoDb, { [tables.usage]: keys }), tables.usage, keys);
  };

  return {
    ...dynamoDbBudgetReader(dynamoDb, tables),
    readBudgets,

    putBudget: (budget, before, event) =>
      write(
        {
          Put: {
            TableName: tables.usage,
            Item: { ...budgetKey(budget), ...budgetAttributes(budget) },
            ...(before === undefined
              ? { ConditionExpression: 'attribute_not_exists(pk)' }
              : {
                  // In addition, no cost may have been added since the read.
                  ConditionExpression:
                    'revision = :revision AND periodName = :name AND remainingMicroCents = :remaining AND spentMicroCents = :spent',
                  ExpressionAttributeValues: {
                    ':revision': before.revision,
                    ':name': before.periodName,
                    ':remaining': before.remainingMicroCents,
                    ':spent': before.spentMicroCents,
                  },
                }),
          },
        },
        eventPut(tables.tenancy, tables.writer, event),
      ),

    changeBudget: (budget, before, event) =>
      write(
        {
          Update: {
            TableName: tables.usage,
            Key: budgetKey(budget),
            UpdateExpression: [
              'SET amountMicroCents = :amount, #action = :action, changedAt = :at, changedBy = :by,',
              'revision = :next, remainingMicroCents = remainingMicroCents + :more',
              `REMOVE ${[
                'callsEndedAt',
                ...BUDGET_NOTICE_PERCENTS.filter((percent) => budget.notices[percent] === undefined).map(
                  noticeAttribute,
                ),
              ].join(', ')}`,
            ].join(' '),
            ConditionExpression: 'revision = :revision AND periodName = :name',
            ExpressionAttributeNames: { '#action': 'action' },
            ExpressionAttributeValues: {
              ':amount': budget.amountMicroCents,
              ':action': budget.action,
              ':at': budget.changedAt,
              ':by': budget.changedBy,
              ':next': budget.revision,
              ':more': budget.amountMicroCents - before.amountMicroCents,
              ':revision': before.revision,
              ':name': before.periodName,
            },
          },
        },
        eventPut(tables.tenancy, tables.writer, event),
      ),

    removeBudget: (budget, event) =>
      write(
        {
          Delete: {
            TableName: tables.usage,
            Key: budgetKey(budget),
            ConditionExpression: 'revision = :revision',
            ExpressionAttributeValues: { ':revision': budget.revision },
          },
        },
        eventPut(tables.tenancy, tables.writer, event),
      ),

    noteThreshold: (budget, percent, event) =>
      write(
        {
          Update: {
            TableName: tables.usage,
            Key: budgetKey(budget),
            UpdateExpression: 'SET #notice = :at',
            ConditionExpression:
              'attribute_not_exists(#notice) AND periodName = :name AND amountMicroCents = :amount',
            ExpressionAttributeNames: { '#notice': noticeAttribute(percent) },
            ExpressionAttributeValues: {
              ':at': event.at,
              ':name': budget.periodName,
              ':amount': budget.amountMicroCents,
            },
          },
        },
        eventPut(tables.tenancy, tables.writer, event),
      ),

    noteCallsEnded: async (budget, at) => {
      await callAws('dynamodb', 'UpdateItem', () =>
        dynamoDb.send(
          new UpdateCommand({
            TableName: tables.usage,
            Key: budgetKey(budget),
            UpdateExpression: 'SET callsEndedAt = :at',
            ConditionExpression:
              'revision = :revision AND periodName = :name AND remainingMicroCents <= :zero',
            ExpressionAttributeValues: {
              ':at': at,
              ':zero': 0,
              ':revision': budget.revision,
              ':name': budget.periodName,
            },
          }),
        ),
      );
    },
  };
};
