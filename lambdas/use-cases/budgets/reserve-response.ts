import { type Budget, type CurrentBudget, currentBudget } from '../../domain/budgets/budget.ts';
import { highestCostOfResponse, type ResponseLimits } from '../../domain/budgets/response-bound.ts';
import { reservingBudget } from '../../domain/budgets/response-reservation.ts';
import { ConflictError, DependencyUnavailableError } from '../../domain/dependency.ts';
import type { RandomBytes } from '../../domain/identifiers.ts';
import type { SessionUsage } from '../../domain/sessions/session-usage.ts';
import { withTurnReserved } from '../../domain/sessions/watched-usage.ts';
import { priceOfVersion } from '../../domain/usage/price-catalogue.ts';
import type { BudgetNotes } from '../ports/budgets.ts';
import type { ResponseReservations } from '../ports/calls.ts';
import type { BackOff, Clock } from '../ports/runtime.ts';
import type { SessionReader, SessionUsageStore } from '../ports/sessions.ts';
import type { WorkspaceReader } from '../ports/tenancy.ts';
import { noteThreshold } from './settle-budgets.ts';

export interface ReservePorts {
  readonly clock: Clock;
  readonly random: RandomBytes;
  readonly backOff: BackOff;
  readonly budgets: Pick<BudgetNotes, 'readBudgets' | 'noteThreshold'>;
  readonly workspaces: WorkspaceReader;
  readonly meterReader: Pick<SessionReader, 'readSessionUsage'>;
  readonly sessionUsage: Pick<SessionUsageStore, 'saveUsage'>;
}

/** Attempts at the write after conflicts or database failures: about 20 s. */
const MAX_ATTEMPTS = 250;

/** Reads of a budget whose rest is reserved by other calls before it counts as spent: about 2 s. */
const MAX_LOOKS = 25;

/**
 * Sets the highest cost of one response aside in every `never_exceed` budget of the session, in one conditional write with
 * the session's usage. If this returns an id, `spent + reserved` of each budget is within its amount, whatever other
 * calls do at the same time. A turn is reserved once, by the watcher that holds the watch.
 *
 * @throws {DependencyUnavailableError} if the database fails for 20 s: then OpenAI must not be asked for a response
 */
export const reserveResponse = (ports: ReservePorts): ResponseReservations => ({
  reserve: async ({ workspaceId, siteId, sessionId }, generation, { turnId, ...limits }) => {
    let looks = 0;
    // A write whose answer was lost may have succeeded.
    const tried = new Set<string>();
    for (let attempt = 1; ; attempt++) {
      try {
        const [usages, stored, workspace] = await Promise.all([
          ports.meterReader.readSessionUsage(siteId, [sessionId]),
          ports.budgets.readBudgets(workspaceId, siteId),
          ports.workspaces.readWorkspace(workspaceId),
        ]);
        const usage = usages.get(sessionId);
        if (usage === undefined || workspace === undefined) return { result: 'lost' };
        const now = ports.clock();
        const budgets = stored
          .filter(({ action }) => action === 'never_exceed')
          .map((budget) => currentBudget(budget, now, workspace.timeZone));
        const microCents = budgets.length === 0 ? 0 : highestCost(usage, limits);
        const id = `rsv_${ports.random(12).toString('hex')}`;
        const next = withTurnReserved(usage, generation, {
          turnId,
          reservation: { id, microCents, budgets: budgets.map(reservingBudget), lost: false },
        });
        if (next === undefined) return { result: 'lost' };
        if (next === 'answered') {
          const written = usage.reservations.find((one) => tried.has(one.id));
          return written === undefined ? { result: 'answered' } : { result: 'reserved', id: written.id };
        }
        const full = budgets.filter(({ remainingMicroCents }) => remainingMicroCents < microCents);
        if (full.length > 0) {
          const mayFit = full.every((budget) => fitsOnceOthersSettle(budget, usage, microCents));
          if (!mayFit || ++looks > MAX_LOOKS) {
            await noticeRefusal(ports, full, now);
            return { result: 'refused' };
          }
          await ports.backOff(attempt);
          continue;
        }
        tried.add(id);
        await ports.sessionUsage.saveUsage(next, budgets);
        return { result: 'reserved', id };
      } catch (error) {
        const mayPass = error instanceof ConflictError || error instanceof DependencyUnavailableError;
        if (!mayPass || attempt === MAX_ATTEMPTS) throw error;
        await ports.backOff(attempt);
      }
    }
  },
});

/** More than any budget has left if the model has no known price: then no response is requested. */
const highestCost = ({ priceVersion }: SessionUsage, limits: ResponseLimits): number => {
  const price = priceOfVersion(priceVersion ?? '');
  return price === undefined ? Number.POSITIVE_INFINITY : highestCostOfResponse(price, limits);
};

/** True if other calls have reserved what is missing, and may settle for less. */
const fitsOnceOthersSettle = (
  budget: Budget,
  { reservations }: SessionUsage,
  microCents: number,
): boolean => {
  const own = reservations.filter(({ lost }) => !lost).reduce((sum, one) => sum + one.microCents, 0);
  return budget.amountMicroCents - budget.spentMicroCents - own >= microCents;
};

/** The rest is too small for a response, although less than 100 % may be spent. */
const noticeRefusal = async (
  ports: ReservePorts,
  budgets: readonly CurrentBudget[],
  now: Date,
): Promise<void> => {
  const due = budgets.filter(
    ({ notices, periodName, storedPeriodName }) =>
      notices[100] === undefined && periodName === storedPeriodName,
  );
  // The end of the call does not wait for a notice that fails: the next refusal sends it.
  await Promise.allSettled(due.map((budget) => noteThreshold(ports, budget, 100, now)));
};
