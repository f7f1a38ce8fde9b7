import type { DataOf } from '../api/routes.ts';

type Plan = DataOf<'readPricing'>['plans'][number];

/** The price of a plan for this many minutes a month, US cents; undefined if it ends or has a custom price. */
export const planCents = (plan: Plan, minutes: number): number | undefined => {
  const { monthly_usd, included_minutes, hard_cap, overage_usd_per_minute } = plan;
  if (monthly_usd === null) return undefined;
  if (included_minutes === null || minutes <= included_minutes) return monthly_usd * 100;
  if (hard_cap || overage_usd_per_minute === null) return undefined;
  return (monthly_usd + (minutes - included_minutes) * overage_usd_per_minute) * 100;
};

/** Points of the break-even chart: your own key is a straight line, a plan a flat one that bends where overage begins. */
export const curvePoints = (
  centsPerMinute: number,
  plans: readonly Plan[],
  maxMinutes: number,
): readonly Readonly<Record<string, number>>[] => {
  const bends = plans.flatMap(({ included_minutes }) =>
    included_minutes === null ? [] : [included_minutes],
  );
  const even = Array.from({ length: 41 }, (_, step) => Math.round((step * maxMinutes) / 40));
  const minutes = [...new Set([...even, ...bends.filter((bend) => bend <= maxMinutes)])].sort(
    (a, b) => a - b,
  );
  return minutes.map((x) => ({
    x,
    byok: (centsPerMinute * x) / 100,
    ...Object.fromEntries(
      plans.flatMap((plan) => {
        const cents = planCents(plan, x);
        return cents === undefined ? [] : [[plan.name, cents / 100]];
      }),
    ),
  }));
};
