import { useQuery } from '@tanstack/react-query';
import { lazy, Suspense, useState } from 'react';
import { everyPage } from '../api/every-page.ts';
import { type Site, useChange, useSites } from '../api/queries.ts';
import type { BudgetPlace } from '../budgets/budget-dialog.tsx';
import { type Budget, BudgetUse } from '../budgets/budget-use.tsx';
import type { Rate } from '../budgets/buys.ts';
import { BuysNote } from '../budgets/buys-note.tsx';
import { useRates } from '../budgets/use-rates.ts';
import { ACTIONS } from '../budgets/words.ts';
import { useSession } from '../session.tsx';
import { Button } from '../ui/button.tsx';
import { ConfirmDialog } from '../ui/dialog.tsx';
import { Empty, Loaded, Note } from '../ui/states.tsx';
import { Bullets, Card, Page } from '../ui/surface.tsx';
import { Table } from '../ui/table.tsx';
import { useToast } from '../ui/toasts.tsx';
import ui from '../ui/ui.module.css';
import { useWorkspace } from '../workspace.tsx';

const BudgetDialog = lazy(async () => ({
  default: (await import('../budgets/budget-dialog.tsx')).BudgetDialog,
}));

type Asking = { readonly what: 'change' | 'remove'; readonly place: BudgetPlace };

export default function BudgetsPage() {
  const { workspace_id: workspaceId, billing_mode } = useWorkspace();
  const { api } = useSession();
  const [asking, setAsking] = useState<Asking>();
  const sites = useSites(workspaceId);
  const rateOf = useRates(sites.data ?? []);
  const budgets = useQuery({
    queryKey: ['budgets', workspaceId],
    queryFn: ({ signal }) =>
      everyPage((query) => api.call('listBudgets', { path: { workspaceId }, query, signal })),
  });
  const close = (): void => setAsking(undefined);
  return (
    <Page
      title="Budgets"
      lead="Limits for the cost of your own OpenAI key. A session counts against the budget of its site and that of the workspace."
    >
      {billing_mode === 'managed' && (
        <Note title="Budgets are paused: this workspace is in managed mode.">
          <p>They limit your own OpenAI key, and apply again when you switch back to it.</p>
        </Note>
      )}
      <Loaded query={budgets} what="the budgets">
        {(items) => (
          <>
            <WorkspaceBudget
              budget={items.find(({ site_id }) => site_id === null)}
              rate={rateOf(null)}
              onAsk={setAsking}
            />
            <Card title="Sites" flush>
              <Loaded query={sites} what="the sites">
                {(listed) => <SiteBudgets sites={listed} budgets={items} rateOf={rateOf} onAsk={setAsking} />}
              </Loaded>
            </Card>
          </>
        )}
      </Loaded>
      {asking?.what === 'change' && (
        <Suspense>
          <BudgetDialog
            place={{
              ...asking.place,
              budget: budgets.data?.find(({ site_id }) => site_id === asking.place.siteId),
            }}
            rate={rateOf(asking.place.siteId)}
            onClose={close}
          />
        </Suspense>
      )}
      {asking?.what === 'remove' && <RemoveDialog place={asking.place} onClose={close} />}
    </Page>
  );
}

const WorkspaceBudget = ({
  budget,
  rate,
  onAsk,
}: {
  readonly budget: Budget | undefined;
  readonly rate: Rate | undefined;
  readonly onAsk: (asking: Asking) => void;
}) => {
  const { workspace_id, name } = useWorkspace();
  const place = { name, workspaceId: workspace_id, siteId: null, budget };
  return (
    <Card title="Workspace" lead="For all sites together." aside={<Actions place={place} onAsk={onAsk} />}>
      {budget === undefined ? (
        <p>No budget is set. Nothing limits what your own key costs, except a limit at OpenAI.</p>
      ) : (
        <>
          <BudgetUse budget={budget} name={name} />
          <p className={ui['meta']}>
            <BuysNote amountUsd={budget.amount_usd} rate={rate} />
          </p>
          <ActionOf budget={budget} />
        </>
      )}
    </Card>
  );
};

const SiteBudgets = ({
  sites,
  budgets,
  rateOf,
  onAsk,
}: {
  readonly sites: readonly Site[];
  readonly budgets: readonly Budget[];
  readonly rateOf: (siteId: string | null) => Rate | undefined;
  readonly onAsk: (asking: Asking) => void;
}) => {
  const { workspace_id, may } = useWorkspace();
  if (sites.length === 0)
    return <Empty title="No sites yet">A site can have its own budget once it exists.</Empty>;
  const places = sites.map(
    ({ site_id, name }): BudgetPlace => ({
      name,
      workspaceId: workspace_id,
      siteId: site_id,
      budget: budgets.find((budget) => budget.site_id === site_id),
    }),
  );
  return (
    <Table
      caption="Budgets of the sites"
      rows={places}
      keyOf={({ siteId }) => siteId ?? ''}
      columns={[
        { head: 'Site', cell: ({ name }) => <strong>{name}</strong> },
        {
          head: 'Spent',
          cell: ({ budget, name, siteId }) =>
            budget === undefined ? (
              'No budget'
            ) : (
              <>
                <BudgetUse budget={budget} name={name} />
                <div className={ui['meta']}>
                  <BuysNote amountUsd={budget.amount_usd} rate={rateOf(siteId)} />
                </div>
              </>
            ),
        },
        {
          head: 'When it is used up',
          cell: ({ budget }) => (budget === undefined ? '–' : <ActionOf budget={budget} />),
        },
        ...(may('admin')
          ? [{ head: 'Change', cell: (place: BudgetPlace) => <Actions place={place} small onAsk={onAsk} /> }]
          : []),
      ]}
    />
  );
};

const ActionOf = ({ budget }: { readonly budget: Budget }) => (
  <div>
    {ACTIONS[budget.action].title}
    <div className={ui['meta']}>{ACTIONS[budget.action].meaning}</div>
  </div>
);

const Actions = ({
  place,
  small = false,
  onAsk,
}: {
  readonly place: BudgetPlace;
  readonly small?: boolean;
  readonly onAsk: (asking: Asking) => void;
}) => {
  const { may, billing_mode } = useWorkspace();
  if (!may('admin')) return null;
  return (
    <div className={ui['actions']}>
      <Button
        small={small}
        disabled={billing_mode === 'managed'}
        aria-label={`${place.budget === undefined ? 'Set a budget for' : 'Change the budget of'} ${place.name}`}
        onClick={() => onAsk({ what: 'change', place })}
      >
        {place.budget === undefined ? 'Set a budget' : 'Change'}
      </Button>
      {place.budget !== undefined && (
        <Button
          small={small}
          kind="dangerQuiet"
          aria-label={`Remove the budget of ${place.name}`}
          onClick={() => onAsk({ what: 'remove', place })}
        >
          Remove
        </Button>
      )}
    </div>
  );
};

const RemoveDialog = ({
  place: { name, workspaceId, siteId },
  onClose,
}: {
  readonly place: BudgetPlace;
  readonly onClose: () => void;
}) => {
  const say = useToast();
  const remove = useChange((api) =>
    siteId === null
      ? api.call('removeWorkspaceBudget', { path: { workspaceId } })
      : api.call('removeSiteBudget', { path: { siteId } }),
  );
  return (
    <ConfirmDialog
      title={`Remove the budget of ${name}?`}
      confirm="Remove the budget"
      danger
      act={async () => {
        await remove.mutateAsync(undefined);
        say(`The budget of ${name} is removed.`);
      }}
      onClose={onClose}
    >
      <Bullets
        items={[
          'Spending is no longer limited here, and no notices are sent.',
          'Past spending stays in Usage. A new budget for the same period includes it.',
        ]}
      />
    </ConfirmDialog>
  );
};
