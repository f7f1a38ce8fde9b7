import { ConflictError } from '../../domain/dependency.ts';
import type { SiteId, WorkspaceId } from '../../domain/identifiers.ts';
import { finalIfMintedBy, isOver, type SessionUsage } from '../../domain/sessions/session-usage.ts';
import { firstCompleteDay } from '../../domain/tenancy/retention.ts';
import type { Caller } from '../../domain/tenancy/workspace.ts';
import type { LedgerPosting, LedgerTotal } from '../../domain/usage/ledger.ts';
import { dayOf } from '../../domain/usage/usage.ts';
import type { AuditEventFactory } from '../ports/audit.ts';
import type { PageRequest } from '../ports/pages.ts';
import type { Clock } from '../ports/runtime.ts';
import type { UsageLedgerAudit } from '../ports/usage.ts';

/**
 * Compares every total with the sum of its session usage, and corrects it on request.
 *
 * Sessions report during the comparison, and no report may be lost. A report is one transaction that changes session usage, adds
 * to the totals and counts that in their `writes`. So if the `writes` of a total are the same before and after the session
 * usage was read, no report was added in between, and the comparison is exact. A correction is conditional on the same
 * `writes`: a report in between makes it fail, and the total is compared again. A total that still changes after
 * MAX_ATTEMPTS is named and left unchanged.
 */

export interface RebuildPorts {
  readonly clock: Clock;
  readonly ledger: UsageLedgerAudit;
  readonly auditEvents: AuditEventFactory;
}

/** A total that differs from the sum of its session usage. */
export interface Drift {
  readonly workspaceId: WorkspaceId;
  readonly place: string;
  /** Only the counts that differ. */
  readonly counts: readonly { readonly name: string; readonly expected: number; readonly found: number }[];
  readonly repaired: boolean;
}

export interface RebuildRequest {
  readonly only?: WorkspaceId | undefined;
  readonly repair: boolean;
  readonly onDrift: (drift: Drift) => void;
  /** A total that sessions kept adding to; run it again at a quieter time. */
  readonly onUnstable: (workspaceId: WorkspaceId, place: string) => void;
}

export interface RebuildCounts {
  readonly workspaces: number;
  /** Totals that were compared. */
  readonly totals: number;
  readonly drifted: number;
  readonly repaired: number;
  readonly unstable: number;
}

const MAX_ATTEMPTS = 5;
const METERS_PAGE = 500;

export const rebuildUsage =
  (ports: RebuildPorts) =>
  async (caller: Caller, request: RebuildRequest): Promise<RebuildCounts> => {
    const now = ports.clock();
    const workspaces = await ports.ledger.listWorkspaces(request.only);
    const counts = { workspaces: workspaces.size, totals: 0, drifted: 0, repaired: 0, unstable: 0 };
    for (const [workspaceId, { sites, retention }] of workspaces)
      for (const month of monthsBetween(firstCompleteDay(retention, now), now)) {
        const of = { caller, workspaceId, sites, month, now };
        for (const { outcome, place, drift } of await compareMonth(ports, request, of)) {
          counts.totals++;
          if (drift !== undefined) {
            request.onDrift({ workspaceId, place, counts: drift, repaired: outcome === 'repaired' });
            counts.drifted++;
          }
          if (outcome === 'repaired') counts.repaired++;
          if (outcome === 'unstable') {
            request.onUnstable(workspaceId, place);
            counts.unstable++;
          }
        }
      }
    return counts;
  };

/** A month, or the compared part of it. */
interface Month {
  readonly name: string;
  readonly from: Date;
  readonly before: Date;
  /** True if its billing period can be compared, which needs all of its days. */
  readonly whole: boolean;
}

const monthsBetween = (firstDay: string, now: Date): readonly Month[] => {
  const first = new Date(`${firstDay}T00:00:00Z`);
  const months: Month[] = [];
  for (let at = monthStart(first, 0); at <= now; at = monthStart(at, 1)) {
    const whole = at >= first;
    months.push({
      name: at.toISOString().slice(0, 7),
      from: whole ? at : first,
      before: monthStart(at, 1),
      whole,
    });
  }
  return months;
};

const monthStart = (at: Date, later: number): Date =>
  new Date(Date.UTC(at.getUTCFullYear(), at.getUTCMonth() + later, 1));

interface Subject {
  readonly caller: Caller;
  readonly workspaceId: WorkspaceId;
  readonly sites: readonly SiteId[];
  readonly month: Month;
  readonly now: Date;
}

interface Compared {
  readonly place: string;
  readonly outcome: 'right' | 'drifted' | 'repaired' | 'unstable';
  readonly drift?: Drift['counts'];
}

const compareMonth = async (
  ports: RebuildPorts,
  request: RebuildRequest,
  subject: Subject,
): Promise<readonly Compared[]> => {
  const settled = await readSettled(ports.ledger, subject);
  const done = new Map<string, Compared>();
  for (let attempt = 1; ; attempt++) {
    const { expected, totals, moved } = await readSide(ports.ledger, subject, settled);
    for (const total of totals) {
      if (done.has(total.place) && done.get(total.place)?.outcome !== 'unstable') continue;
      const compared = moved.has(total.place)
        ? { place: total.place, outcome: 'unstable' as const }
        : await compareTotal(ports, request, subject, total, expected.get(total.place) ?? {});
      done.set(total.place, compared);
    }
    const all = [...done.values()];
    if (attempt === MAX_ATTEMPTS || all.every(({ outcome }) => outcome !== 'unstable')) return all;
  }
};

type Sums = Map<string, Readonly<Record<string, number>>>;

/**
 * The sum of the final usage records, and the time after which each site's other ones were
 * minted.
 */
interface Settled {
  readonly sums: Sums;
  readonly restFrom: ReadonlyMap<SiteId, Date>;
}

const readSettled = async (ledger: UsageLedgerAudit, { sites, month, now }: Subject): Promise<Settled> => {
  const sums: Sums = new Map();
  const restFrom = new Map<SiteId, Date>();
  const end = new Date(Math.min(month.before.getTime(), finalIfMintedBy(now).getTime()));
  for (const siteId of sites) {
    let rest = new Date(Math.max(end.getTime(), month.from.getTime()));
    // Held until a later one follows: an open record of the same moment requires that they are read again.
    const ofOneMoment: SessionUsage[] = [];
    const addThem = (): void => {
      for (const usage of ofOneMoment.splice(0)) addSessionUsage(ledger, sums, usage);
    };
    if (end > month.from)
      for await (const usage of metersOf(ledger, siteId, { from: month.from, before: end })) {
        if (ofOneMoment[0]?.issuedAt !== usage.issuedAt) addThem();
        if (!isOver(usage)) {
          rest = new Date(usage.issuedAt);
          ofOneMoment.splice(0);
          break;
        }
        ofOneMoment.push(usage);
      }
    addThem();
    restFrom.set(siteId, rest);
  }
  return { sums, restFrom };
};

async function* metersOf(
  ledger: UsageLedgerAudit,
  siteId: SiteId,
  between: { readonly from: Date; readonly before: Date },
): AsyncGenerator<SessionUsage> {
  let page: PageRequest = { limit: METERS_PAGE, after: undefined };
  for (;;) {
    const { items, next } = await ledger.listSessionUsage(siteId, between, page);
    yield* items;
    if (next === undefined) return;
    page = { limit: METERS_PAGE, after: next };
  }
}

const addSessionUsage = (ledger: UsageLedgerAudit, sums: Sums, usage: SessionUsage): void => {
  for (const { place, counts } of ledger.postingsOf(usage)) {
    const sum = sums.get(place) ?? {};
    sums.set(
      place,
      Object.fromEntries(Object.entries(counts).map(([name, count]) => [name, (sum[name] ?? 0) + count])),
    );
  }
};

/** The totals of the month, the sums of its usage records, and the totals that changed while the records were read. */
const readSide = async (
  ledger: UsageLedgerAudit,
  { workspaceId, sites, month }: Subject,
  { sums, restFrom }: Settled,
): Promise<{
  readonly expected: Sums;
  readonly totals: readonly LedgerTotal[];
  readonly moved: ReadonlySet<string>;
}> => {
  const before = await ledger.readTotals(workspaceId, month.name);
  const expected: Sums = new Map(sums);
  for (const siteId of sites) {
    const from = restFrom.get(siteId) ?? month.from;
    if (from < month.before)
      for await (const usage of metersOf(ledger, siteId, { from, before: month.before }))
        addSessionUsage(ledger, expected, usage);
  }
  const after = new Map(
    (await ledger.readTotals(workspaceId, month.name)).map((total) => [total.place, total]),
  );
  for (const place of expected.keys())
    if (!after.has(place)) after.set(place, { place, counts: {}, writes: 0 });
  const writesBefore = new Map(before.map(({ place, writes }) => [place, writes]));
  const totals = [...after.values()].filter(({ place }) => isCompared(place, month));
  return {
    expected,
    totals,
    moved: new Set(
      totals
        .filter(({ place, writes }) => (writesBefore.get(place) ?? 0) !== writes)
        .map(({ place }) => place),
    ),
  };
};

/** Earlier days than the first compared one have already lost usage records. */
const isCompared = (place: string, month: Month): boolean =>
  place.startsWith('PERIOD#') ? month.whole : place >= `DAY#${dayOf(month.from)}`;

const compareTotal = async (
  ports: RebuildPorts,
  request: RebuildRequest,
  { caller, workspaceId }: Subject,
  total: LedgerTotal,
  expected: LedgerPosting['counts'],
): Promise<Compared> => {
  const { place } = total;
  const drift = driftOf(total, expected);
  if (drift.length === 0) return { place, outcome: 'right' };
  if (!request.repair) {
    // A query may see the usage of a report before its total; this read does not.
    const { writes } = await ports.ledger.readTotal(workspaceId, place);
    return writes === total.writes ? { place, outcome: 'drifted', drift } : { place, outcome: 'unstable' };
  }
  const facts = Object.fromEntries(
    drift.flatMap(({ name, expected: right, found }) => [
      [`${name}_found`, found],
      [`${name}_set`, right],
    ]),
  );
  const event = await ports.auditEvents.event(caller, 'usage.corrected', {
    workspaceId,
    facts: { place, ...facts },
  });
  try {
    const counts = Object.fromEntries(drift.map(({ name, expected: right }) => [name, right]));
    await ports.ledger.correctTotal(workspaceId, total, counts, event);
    return { place, outcome: 'repaired', drift };
  } catch (error) {
    if (error instanceof ConflictError) return { place, outcome: 'unstable' };
    throw error;
  }
};

const driftOf = ({ counts: found }: LedgerTotal, expected: LedgerPosting['counts']): Drift['counts'] =>
  [...new Set([...Object.keys(expected), ...Object.keys(found)])]
    .sort()
    .map((name) => ({ name, expected: expected[name] ?? 0, found: found[name] ?? 0 }))
    .filter((count) => count.expected !== count.found);
