import type { AuditFacts } from '../../domain/audit/audit-record.ts';
import { ConflictError } from '../../domain/dependency.ts';
import type { RandomBytes } from '../../domain/identifiers.ts';
import { daysUntilShutdown, moveDateOf, type Retirement } from '../../domain/tenancy/model-retirement.ts';
import { modelStepOf } from '../../domain/tenancy/model-step.ts';
import type { Site } from '../../domain/tenancy/workspace.ts';
import { priceOf } from '../../domain/usage/price-catalogue.ts';
import { priceText } from '../../domain/usage/price-text.ts';
import { systemEvent } from '../audit/system-event.ts';
import type { Clock } from '../ports/runtime.ts';
import type { AllSites, ModelMoves } from '../ports/tenancy.ts';

const ACTOR = 'system:retire-models';

export interface RetireModelsPorts {
  readonly clock: Clock;
  readonly random: RandomBytes;
  readonly sites: AllSites;
  readonly moves: ModelMoves;
}

/** The result of one run. */
export interface RetireModelsRun {
  readonly sites: number;
  readonly moved: number;
  readonly noticed: number;
  /** Sites that could not be read or written. The next run tries them again. */
  readonly failed: number;
}

/**
 * Moves every site whose model shuts down tomorrow, or has shut down, to the successor, unless it opted out; and sends the
 * notices that are due. Each change has an audit event in the same transaction. Run twice, or interrupted and run again, it
 * changes each site once. A site that fails does not block the others.
 */
export const retireModels = (ports: RetireModelsPorts) => async (): Promise<RetireModelsRun> => {
  const now = ports.clock();
  const run = { sites: 0, moved: 0, noticed: 0, failed: 0 };
  for await (const site of ports.sites.scanSites()) {
    run.sites++;
    const done = site === 'unreadable' ? 'failed' : await retireOne(ports, site, now);
    if (done !== 'unchanged') run[done]++;
  }
  return run;
};

const retireOne = async (
  ports: RetireModelsPorts,
  site: Site,
  now: Date,
): Promise<'moved' | 'noticed' | 'unchanged' | 'failed'> => {
  const step = modelStepOf(site, now);
  if (step === undefined) return 'unchanged';
  const { workspaceId, siteId } = site;
  const event = (type: 'site.model_moved' | 'site.model_retiring', facts: AuditFacts) =>
    systemEvent({ now, random: ports.random }, ACTOR, type, { workspaceId, siteId, facts });
  try {
    if (step.kind === 'move') {
      const move = { from: site.model, to: step.retirement.successor, at: now.toISOString() };
      await ports.moves.moveModel(
        site,
        move,
        event('site.model_moved', movedFacts(site, step.retirement, now)),
      );
      return 'moved';
    }
    const facts = retiringFacts(site, step.retirement, step.days, now);
    await ports.moves.noteRetirement(site, step.days, event('site.model_retiring', facts));
    return 'noticed';
  } catch (error) {
    // Another run, or a person, was first.
    return error instanceof ConflictError ? 'unchanged' : 'failed';
  }
};

/** Prices in the region of the site: the successor may have an uplift that the old model does not have. */
const pricesOf = (site: Site, { successor }: Retirement, now: Date) => ({
  price: priceText(priceOf(site.model, now, site.dataResidency)),
  successor_price: priceText(priceOf(successor, now, site.dataResidency)),
});

const movedFacts = (site: Site, retirement: Retirement, now: Date): AuditFacts => ({
  model_before: site.model,
  model: retirement.successor,
  shutdown_date: retirement.shutdownDate,
  ...pricesOf(site, retirement, now),
});

const retiringFacts = (site: Site, retirement: Retirement, days: number, now: Date): AuditFacts => ({
  model: site.model,
  successor: retirement.successor,
  shutdown_date: retirement.shutdownDate,
  days_left: Math.max(0, daysUntilShutdown(retirement, now)),
  notice_days: days,
  auto_upgrade: site.modelAutoUpgrade,
  ...(site.modelAutoUpgrade && { move_date: moveDateOf(retirement) }),
  ...pricesOf(site, retirement, now),
});
