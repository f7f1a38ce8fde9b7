import type { Budget } from '../budgets/budget.ts';
import type { KeyHealth } from '../keys/key-health.ts';
import type { StoredKey } from '../keys/stored-key.ts';
import type { Site, Workspace } from '../tenancy/workspace.ts';
import type { PeriodUsage } from '../usage/period-usage.ts';
import type { VisitorDay } from './embed-token.ts';
import type { SessionUsage } from './session-usage.ts';
import type { TakenSlot } from './slots.ts';

/** All data for the decision on one token request, read in one hop. */
export interface TokenContext {
  readonly workspace: Workspace | undefined;
  readonly site: Site | undefined;
  readonly siteKey: StoredKey | undefined;
  readonly workspaceKey: StoredKey | undefined;
  readonly platformKey: StoredKey | undefined;
  /** Requests that count against the site's rate limit in the current clock minute. */
  readonly siteCalls: number;
  /** An operator stopped this workspace, or the stage. */
  readonly stopped: boolean;
  /** Managed sessions of the site that never reported, of today (UTC). */
  readonly silentSessions: number;
  readonly period: PeriodUsage;
  /** Budgets of the site and of the workspace, those that are set. */
  readonly budgets: readonly Budget[];
  readonly embed: EmbedFacts;
  /** Leases of every pool of the workspace, expired ones included. */
  readonly leases: readonly TakenSlot[];
  /** Visitors' reports on each key, by the scope of the key. */
  readonly health: {
    readonly site: KeyHealth | undefined;
    readonly workspace: KeyHealth | undefined;
    readonly platform: KeyHealth | undefined;
  };
}

/** The facts about the embed token of a request, and of its visitor. */
export interface EmbedFacts {
  /** The token has opened a session. */
  readonly tokenUsed: boolean;
  readonly visitorDay: VisitorDay;
}

/** The initial usage of a session, with the seconds of a hard-capped plan that it sets aside. */
export interface QuotaReservation {
  readonly usage: SessionUsage;
  /** The highest committed seconds of the period with which the hold still fits; undefined: the plan has no hard cap. */
  readonly maxCommittedSeconds: number | undefined;
}
