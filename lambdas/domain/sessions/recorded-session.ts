import type { Budget } from '../budgets/budget.ts';
import type { EndedBy } from '../calls/call.ts';
import type { SiteId } from '../identifiers.ts';
import type { KeyHealth } from '../keys/key-health.ts';
import type { KeyScope } from '../keys/sealed-key.ts';
import type { Site, Workspace } from '../tenancy/workspace.ts';
import type { ReservedSession, SessionOutcome } from './session.ts';
import type { SessionUsage } from './session-usage.ts';
import type { TakenSlot } from './slots.ts';

/** The stored facts of a session that an event needs. */
export interface SessionSnapshot {
  /** Only an issued session accepts events. */
  readonly session: ReservedSession & {
    readonly siteId: SiteId;
    /** The person or program that asked to end this call; undefined: nobody. */
    readonly endRequested?: EndedBy | undefined;
    /** The call was hung up. */
    readonly endedBy?: EndedBy | undefined;
  };
  readonly usage: SessionUsage | undefined;
  readonly workspace: Workspace | undefined;
  /** undefined once it is archived. */
  readonly site: Site | undefined;
  readonly health: KeyHealth | undefined;
  /** Budgets of the site and of the workspace, those that are set. */
  readonly budgets: readonly Budget[];
}

/** A recorded session in any state. */
export interface RecordedSession extends ReservedSession {
  readonly siteId: SiteId;
  readonly state: 'reserved' | SessionOutcome['state'];
  readonly refusal: string | null;
  readonly openAiFailure: string | null;
  /** Who ended it; null while it is live, and if only its page reported the end. */
  readonly endedBy: EndedBy | null;
}

/** A slot that is taken, and by whom. */
export interface HeldSlot extends TakenSlot {
  readonly siteId: SiteId;
  readonly keyScope: KeyScope;
  readonly keyScopeId: string;
}
