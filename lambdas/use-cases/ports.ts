import type { CurrentBudget } from '../domain/budgets/budget.ts';
import type { KeyUse } from '../domain/calls/key-use.ts';
import type { SessionId, SiteId } from '../domain/identifiers.ts';
import type { VisitorLimits } from '../domain/sessions/embed-token.ts';
import type { ReservedSession } from '../domain/sessions/session.ts';
import type { NewLease } from '../domain/sessions/slots.ts';
import type { QuotaReservation } from '../domain/sessions/token-context.ts';

/**
 * Ports of the use cases. A write that people can see takes its audit event. Unless a port says
 * otherwise, each method reads its own writes (strongly consistent) and throws DependencyUnavailableError when the
 * service behind it fails.
 */

/** The visitor's call of the day, and the one use of their token. */
export interface VisitorWrite {
  readonly tag: string;
  /** undefined: neither is counted, for a call that replaces another one. */
  readonly token: { readonly tag: string; readonly exp: number } | undefined;
  readonly limits: VisitorLimits;
}

/** The records of one admission, besides the session's place among the live ones. */
export interface AdmissionWrite {
  readonly session: ReservedSession & { readonly siteId: SiteId };
  readonly leases: readonly NewLease[];
  readonly hold: QuotaReservation | undefined;
  /** The intent to open the key, for a call. */
  readonly use: KeyUse | undefined;
  /** The visitor whom an embed token named. */
  readonly visitor: VisitorWrite | undefined;
  /** Budgets that must not be spent when it is written. */
  readonly budgets: readonly CurrentBudget[];
  /** The session that held these slots until now; undefined: none. */
  readonly replaced: SessionId | undefined;
  /** The session that the page named as its own, which will refer to this one; undefined: none. */
  readonly successorOf?: SessionId | undefined;
}
