import type { DynamoDBRecord } from 'aws-lambda';
import type { BudgetChange } from '../domain/audit/budget-change.ts';
import type { TenancyChange } from '../domain/audit/explained-change.ts';
import type { KeyAddress } from '../domain/keys/stored-key.ts';

/** Looks at one stream record for anything that the product did not write: a key, a change of the tenancy or of a budget, an event. */
export const examineRecord =
  <Foreign>(ports: {
    readonly keyOf: (record: DynamoDBRecord) => KeyAddress | undefined;
    readonly changeOf: (
      record: DynamoDBRecord,
    ) => { readonly change: TenancyChange; readonly at: Date; readonly record: string } | undefined;
    readonly budgetChangeOf: (
      record: DynamoDBRecord,
    ) => { readonly change: BudgetChange; readonly at: Date; readonly record: string } | undefined;
    readonly foreignEventOf: (record: DynamoDBRecord) => Foreign | undefined;
    readonly examineKey: (address: KeyAddress) => Promise<void>;
    readonly explainChange: (change: TenancyChange, at: Date, record: string) => Promise<void>;
    readonly explainBudgetChange: (change: BudgetChange, at: Date, record: string) => Promise<void>;
    readonly reportForeignEvent: (event: Foreign) => Promise<void>;
  }) =>
  async (record: DynamoDBRecord): Promise<void> => {
    const key = ports.keyOf(record);
    if (key !== undefined) await ports.examineKey(key);
    const changed = ports.changeOf(record);
    if (changed !== undefined) await ports.explainChange(changed.change, changed.at, changed.record);
    const budget = ports.budgetChangeOf(record);
    if (budget !== undefined) await ports.explainBudgetChange(budget.change, budget.at, budget.record);
    const foreign = ports.foreignEventOf(record);
    if (foreign !== undefined) await ports.reportForeignEvent(foreign);
  };
