import type { DataOf } from '../api/routes.ts';
import { formatTime, formatUsd } from '../ui/format.ts';
import { Badge } from '../ui/surface.tsx';
import ui from '../ui/ui.module.css';
import css from './budgets.module.css';
import { PER } from './words.ts';

export type Budget = DataOf<'listBudgets'>['items'][number];

const percent = (share: number): string => `${Math.min(100, Math.max(0, share * 100))}%`;

/** How much of a budget is spent and reserved, as a bar and in words, and where the period will end at this rate. */
export const BudgetUse = ({
  budget,
  name,
}: {
  readonly budget: Omit<Budget, 'site_id'>;
  readonly name: string;
}) => {
  const { amount_usd, spent_usd, reserved_usd, forecast_usd, resets_at, paused, period } = budget;
  const share = (usd: number): number => usd / amount_usd;
  const used = share(spent_usd + reserved_usd);
  const words = `${formatUsd(spent_usd)} of ${formatUsd(amount_usd)} ${PER[period]} spent`;
  const passes = forecast_usd !== null && forecast_usd > amount_usd;
  return (
    <div className={css['use']}>
      <div
        className={css['bar']}
        role="img"
        aria-label={`Budget of ${name}: ${words}${reserved_usd > 0 ? `, ${formatUsd(reserved_usd)} reserved` : ''}`}
        data-level={used >= 1 ? 'full' : used >= 0.8 ? 'high' : 'fine'}
      >
        <span className={css['spent']} style={{ width: percent(share(spent_usd)) }} />
        <span className={css['reserved']} style={{ width: percent(share(reserved_usd)) }} />
        {forecast_usd !== null && !passes && forecast_usd > spent_usd && (
          <span className={css['forecast']} style={{ left: percent(share(forecast_usd)) }} />
        )}
      </div>
      <span>{words}</span>
      {reserved_usd > 0 && (
        <span className={ui['meta']}>{formatUsd(reserved_usd)} reserved for running responses</span>
      )}
      <span className={ui['meta']}>
        Resets {formatTime(resets_at)}
        {forecast_usd !== null && `. At this rate: about ${formatUsd(forecast_usd)} by then`}
      </span>
      <span>
        {paused ? (
          <Badge>Paused in managed mode</Badge>
        ) : used >= 1 ? (
          <Badge tone="bad">Used up</Badge>
        ) : (
          passes && <Badge tone="warn">Likely to be used up</Badge>
        )}
      </span>
    </div>
  );
};
