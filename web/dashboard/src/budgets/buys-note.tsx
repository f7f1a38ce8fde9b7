import { counted, formatCents } from '../ui/format.ts';
import { minutesFor, type Rate } from './buys.ts';

/** `Buys about 520 minutes, at $0.0960 a minute …`; nothing where no rate is known. */
export const BuysNote = ({
  amountUsd,
  rate,
}: {
  readonly amountUsd: number;
  readonly rate: Rate | undefined;
}) =>
  rate === undefined || !(amountUsd > 0) ? null : (
    <span>
      Buys about {counted(minutesFor(amountUsd, rate), 'minute')}, at {formatCents(rate.centsPerMinute)} a
      minute{' '}
      {rate.source === 'past'
        ? 'as in the last 30 days'
        : `for a typical conversation with ${rate.source.model}`}
      .
    </span>
  );
