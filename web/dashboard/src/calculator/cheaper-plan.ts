import { formatWhole } from '../ui/format.ts';

/** The minutes a month for which a plan costs no more than an own key, in words. The plan ends at `capMinutes`; null: no cap. */
export const planIsCheaper = (
  {
    break_even_minutes: from,
    byok_again_minutes: ownKeyAbove,
    cost_cents,
    served,
  }: {
    readonly break_even_minutes: number | null;
    readonly byok_again_minutes: number | null;
    readonly cost_cents: number | null;
    readonly served: boolean;
  },
  capMinutes: number | null,
): string => {
  // The price of a contract is not known.
  if (from === null) return cost_cents === null && served ? '–' : 'never';
  const to = ownKeyAbove ?? capMinutes;
  if (to === null) return from === 0 ? 'always' : `from ${formatWhole(from)} min`;
  return from === 0 ? `up to ${formatWhole(to)} min` : `from ${formatWhole(from)} to ${formatWhole(to)} min`;
};
