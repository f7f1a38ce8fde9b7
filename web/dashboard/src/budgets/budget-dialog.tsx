import { useId } from 'react';
import { BUDGET_ACTIONS, type BudgetAction } from '../../../../lambdas/domain/budgets/budget.ts';
import { BUDGET_PERIODS, type BudgetPeriod } from '../../../../lambdas/domain/budgets/budget-period.ts';
import type { Api } from '../api/client.ts';
import { ApiFailure } from '../api/failure.ts';
import { useChange, useRefresh } from '../api/queries.ts';
import { refuseOverwrite } from '../ui/changed-meanwhile.ts';
import { FieldRow, SelectField, TextField } from '../ui/field.tsx';
import { FormDialog } from '../ui/form-dialog.tsx';
import { FailureNote } from '../ui/states.tsx';
import { useToast } from '../ui/toasts.tsx';
import ui from '../ui/ui.module.css';
import { useDraft } from '../ui/unsaved.tsx';
import type { Budget } from './budget-use.tsx';
import type { Rate } from './buys.ts';
import { BuysNote } from './buys-note.tsx';
import { ACTIONS, PERIODS } from './words.ts';

/** Whose budget: that of the workspace, or of one site. */
export interface BudgetPlace {
  readonly name: string;
  readonly workspaceId: string;
  readonly siteId: string | null;
  readonly budget: Budget | undefined;
}

interface Draft {
  /** US dollars, as typed. */
  readonly amount: string;
  readonly period: BudgetPeriod;
  readonly action: BudgetAction;
}
type Stored = Pick<Budget, 'amount_usd' | 'period' | 'action' | 'changed_at'>;

const draftOf = (budget: Stored | undefined): Draft =>
  budget === undefined
    ? { amount: '', period: 'month', action: 'refuse' }
    : { amount: String(budget.amount_usd), period: budget.period, action: budget.action };

/** The budget that is stored now; undefined: none. */
const readStored = async (api: Api, { siteId, workspaceId }: BudgetPlace): Promise<Stored | undefined> => {
  try {
    return await (siteId === null
      ? api.call('readWorkspaceBudget', { path: { workspaceId } })
      : api.call('readSiteBudget', { path: { siteId } }));
  } catch (error) {
    if (error instanceof ApiFailure && error.code === 'budget_not_found') return undefined;
    throw error;
  }
};

/** Sets or changes a budget. Stays open, with the API's reason, while it is refused. */
export const BudgetDialog = ({
  place,
  rate,
  onClose,
}: {
  readonly place: BudgetPlace;
  /** The price of a minute there; undefined: not known. */
  readonly rate: Rate | undefined;
  readonly onClose: () => void;
}) => {
  const { name, workspaceId, siteId, budget } = place;
  const say = useToast();
  const form = useId();
  const refresh = useRefresh();
  const { draft, set, send, changedByOthers } = useDraft(draftOf(budget), siteId ?? '');
  const { amount, period, action } = draft;
  const save = useChange(async (api) => {
    const now = await readStored(api, place);
    const changed = changedByOthers(draftOf(now));
    const isSetOrRemoved = (now === undefined) !== (budget === undefined);
    refuseOverwrite(isSetOrRemoved ? ['amount', 'period', 'action'] : changed);
    const { amount: amountNow, ...others } = { ...draftOf(now), ...send() };
    const body = {
      ...others,
      amount_usd: Number(amountNow),
      // A change between the read and this write is not undone either.
      expected_changed_at: now?.changed_at ?? null,
    };
    return siteId === null
      ? api.call('putWorkspaceBudget', { path: { workspaceId }, body })
      : api.call('putSiteBudget', { path: { siteId }, body });
  });
  const faultOf = (field: string): string | undefined =>
    save.error instanceof ApiFailure ? save.error.detail(field) : undefined;
  return (
    <FormDialog
      title={budget === undefined ? `Set a budget for ${name}` : `Change the budget of ${name}`}
      submit="Save the budget"
      working={save.isPending}
      onSubmit={() => {
        save.mutate(undefined, {
          onSuccess: () => {
            say(`The budget of ${name} is saved.`);
            onClose();
          },
          // The fields that were not edited show what is stored now.
          onError: () => void refresh(),
        });
      }}
      onClose={onClose}
    >
      <FieldRow>
        <TextField
          label="Amount, US dollars"
          type="number"
          required
          min={0.01}
          max={1_000_000}
          step="0.01"
          value={amount}
          hint={
            <>
              At OpenAI’s list prices. An amount below the current spending takes effect at once.{' '}
              <BuysNote amountUsd={Number(amount)} rate={rate} />
            </>
          }
          fault={faultOf('amount_usd')}
          onChange={(event) => set('amount', event.target.value)}
        />
        <SelectField
          label="Period"
          value={period}
          hint="Starts at midnight in the time zone of the workspace."
          onChange={(event) => set('period', event.target.value as BudgetPeriod)}
        >
          {BUDGET_PERIODS.map((id) => (
            <option key={id} value={id}>
              {PERIODS[id]}
            </option>
          ))}
        </SelectField>
      </FieldRow>
      <fieldset className={ui['choices']}>
        <legend className={ui['label']}>When it is used up</legend>
        {BUDGET_ACTIONS.map((id) => (
          <label key={id} className={ui['choice']}>
            <input
              type="radio"
              name={`${form}-action`}
              checked={id === action}
              aria-describedby={`${form}-${id}`}
              onChange={() => set('action', id)}
            />
            <span>
              <strong>{ACTIONS[id].title}</strong>
              <span className={ui['hint']} id={`${form}-${id}`}>
                {ACTIONS[id].meaning}
              </span>
            </span>
          </label>
        ))}
      </fieldset>
      {save.error !== null && <FailureNote failure={save.error} />}
    </FormDialog>
  );
};
