import { FIRST_HOLD_SECONDS } from '../lambdas/domain/limits.ts';
import { wantedHoldSeconds } from '../lambdas/domain/sessions/hold.ts';
import { entryOf } from '../lambdas/domain/sessions/session-usage.ts';
import {
  aSessionUsage,
  connected,
  ended,
  heartbeat,
  onTime,
  take,
} from '../test/domain/sessions/session-usage-fixture.ts';

const EVENTS: Readonly<Record<string, (at: number) => ReturnType<typeof heartbeat>>> = {
  connected,
  heartbeat,
  ended,
};

/** Reports of one session on a hard cap that write the item of its billing period, by the rules of the product. */
export const periodWritesOf = (
  reports: readonly { readonly after: number; readonly kind: string }[],
): number => {
  const minted = aSessionUsage({ holdSeconds: FIRST_HOLD_SECONDS });
  let usage = { ...minted, posted: entryOf(minted) };
  let writes = 0;
  for (const { after, kind } of reports) {
    const event = EVENTS[kind];
    if (event === undefined) throw new Error(`A ${kind} is no report.`);
    const heard = take(usage, onTime([event(after)])).usage;
    const grown = { ...heard, holdSeconds: wantedHoldSeconds(heard) };
    const posted = entryOf(grown);
    if (
      posted.billedSeconds !== usage.posted.billedSeconds ||
      posted.committedSeconds !== usage.posted.committedSeconds
    )
      writes += 1;
    usage = { ...grown, posted };
  }
  return writes;
};
