import { useRoute } from '../api/queries.ts';
import { Bar } from '../ui/bar.tsx';
import {
  counted,
  formatCents,
  formatMonth,
  formatNumber,
  formatTime,
  formatUsd,
  formatWhole,
} from '../ui/format.ts';
import { Loaded, Note } from '../ui/states.tsx';
import { Badge, Card } from '../ui/surface.tsx';
import ui from '../ui/ui.module.css';
import { useWorkspace } from '../workspace.tsx';
import css from './billing.module.css';

const nameOf = (plan: string): string => plan.charAt(0).toUpperCase() + plan.slice(1);

/** The plan and how much of its minutes is used; under BYOK they do not count, and the card says so. */
export const PlanCard = () => {
  const { workspace_id, billing_mode, plan } = useWorkspace();
  const usage = useRoute('readWorkspaceUsage', { path: { workspaceId: workspace_id } });
  const pricing = useRoute('readPricing', {});
  const terms = pricing.data?.plans.find(({ name }) => name === plan);
  const price =
    terms === undefined
      ? undefined
      : terms.monthly_usd === null
        ? 'by contract'
        : `${formatUsd(terms.monthly_usd)} a month`;
  return (
    <Card
      title={`Plan: ${nameOf(plan)}`}
      lead={price}
      aside={billing_mode === 'byok' ? <Badge>Not metered</Badge> : undefined}
      foot="Contact your administrator to change plans."
    >
      <Loaded query={usage} what="the plan" lines={2}>
        {({ plan: used }) => {
          const included = used.included_minutes;
          const share =
            included === null || included === 0 ? 0 : Math.min(1, used.used_seconds / (included * 60));
          return (
            <>
              <div className={css['planFigures']}>
                <span>
                  <strong>{formatWhole(used.used_minutes)}</strong>{' '}
                  {included === null
                    ? 'managed minutes, without a limit'
                    : `of ${formatWhole(included)} managed minutes`}
                </span>
                <span className={ui['muted']}>in {formatMonth(used.period)}</span>
              </div>
              {included !== null && (
                <Bar
                  label="Managed minutes used"
                  value={used.used_seconds}
                  max={included * 60}
                  text={`${formatNumber(share * 100)} % used`}
                />
              )}
              {used.hard_cap && billing_mode === 'managed' && (
                <p className={css['aside']}>Minutes of a running session appear up to two minutes later.</p>
              )}
              {used.overage_minutes > 0 && (
                <Note tone="warn" title={`${counted(used.overage_minutes, 'minute')} beyond the plan`}>
                  <p>Their price so far this month: {formatCents(used.overage_cents)}.</p>
                </Note>
              )}
              {share >= 1 && used.hard_cap && billing_mode === 'managed' && (
                <Note tone="bad" title="This month’s minutes are used up.">
                  <p>
                    Visitors cannot talk until next month. Switch to your own OpenAI key, or ask for a larger
                    plan.
                  </p>
                </Note>
              )}
              {used.notices.length > 0 && (
                <p className={css['aside']}>
                  {used.notices
                    .map(({ percent, at }) => `${percent} % reached ${formatTime(at)}`)
                    .join(' · ')}
                </p>
              )}
              {billing_mode === 'byok' && (
                <p className={css['aside']}>
                  You use your own OpenAI key, so nothing counts against the plan. The calculator compares
                  both.
                </p>
              )}
            </>
          );
        }}
      </Loaded>
    </Card>
  );
};
