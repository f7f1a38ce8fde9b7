import { Link } from 'react-router';
import type { Site } from '../api/queries.ts';
import type { DataOf } from '../api/routes.ts';
import { BudgetUse } from '../budgets/budget-use.tsx';
import { Bar } from '../ui/bar.tsx';
import { formatMonth, formatNumber, formatWhole } from '../ui/format.ts';
import { Card } from '../ui/surface.tsx';
import ui from '../ui/ui.module.css';
import { useWorkspace } from '../workspace.tsx';
import css from './home.module.css';

/** The workspace’s budget and the budgets of sites that are nearly used up; in managed mode, the minutes of the plan. */
export const BudgetCard = ({
  overview,
  sites,
}: {
  readonly overview: DataOf<'readOverview'>;
  /** undefined: still loading, or not available. */
  readonly sites: readonly Site[] | undefined;
}) => {
  const { name, billing_mode, may } = useWorkspace();
  const { budget, tight_site_budgets: tight, month } = overview;
  if (billing_mode === 'managed') return <PlanMinutes plan={month.plan} />;
  return (
    <Card
      title="Budget"
      lead="What the OpenAI keys of this workspace may cost."
      aside={<Link to="../budgets">All budgets</Link>}
    >
      {budget === null ? (
        <p>
          The workspace has no budget. Only site budgets and a limit at OpenAI restrict what its keys cost.{' '}
          {may('admin') && <Link to="../budgets">Set a budget</Link>}
        </p>
      ) : (
        <BudgetUse budget={budget} name={name} />
      )}
      {tight.length > 0 && (
        <ul className={css['list']} aria-label="Budgets of sites that are nearly used up">
          {tight.map((ofSite) => {
            const siteName = sites?.find(({ site_id }) => site_id === ofSite.site_id)?.name;
            const shown = siteName ?? ofSite.site_id ?? '';
            return (
              <li key={ofSite.site_id}>
                <strong>{shown}</strong>
                <BudgetUse budget={ofSite} name={shown} />
              </li>
            );
          })}
        </ul>
      )}
    </Card>
  );
};

const PlanMinutes = ({ plan }: { readonly plan: DataOf<'readOverview'>['month']['plan'] }) => {
  const { included_minutes: included, used_minutes, used_seconds, period, hard_cap } = plan;
  const words =
    included === null
      ? `${formatWhole(used_minutes)} managed minutes in ${formatMonth(period)}, without a limit`
      : `${formatWhole(used_minutes)} of ${formatWhole(included)} managed minutes in ${formatMonth(period)}`;
  const share = included === null || included === 0 ? 0 : used_seconds / (included * 60);
  return (
    <Card
      title="Plan"
      lead="The platform pays OpenAI. Minutes count against the plan."
      aside={<Link to="../billing">Billing</Link>}
    >
      <p>{words}</p>
      {included !== null && (
        <Bar
          label="Managed minutes used"
          value={used_seconds}
          max={included * 60}
          text={`${formatNumber(share * 100)} % used`}
        />
      )}
      {share >= 1 && (
        <p className={ui['hint']}>
          {hard_cap
            ? 'The minutes are used up: visitors cannot talk until next month.'
            : 'The minutes are used up: further minutes are billed at the plan’s overage price.'}
        </p>
      )}
    </Card>
  );
};
