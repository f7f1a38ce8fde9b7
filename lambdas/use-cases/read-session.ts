import { isSessionId, type SiteId } from '../domain/identifiers.ts';
import { Refusal } from '../domain/refusal.ts';
import type { Caller } from '../domain/workspace.ts';
import { authorizeSite } from './authorize.ts';
import { type ReceiptedSession, receiptedSession } from './list-sessions.ts';
import type { MembershipReader, SessionReader } from './ports.ts';

/** Viewer. One session of the site with its receipt; `session_not_found` for any other id. */
export const readSession =
  ({ tenancy, sessions }: { readonly tenancy: MembershipReader; readonly sessions: SessionReader }) =>
  async (caller: Caller, siteId: SiteId, sessionId: string): Promise<ReceiptedSession> => {
    const { site } = await authorizeSite(tenancy, caller, siteId, 'viewer');
    const found = isSessionId(sessionId) ? await receiptedSession(sessions, site, sessionId) : undefined;
    if (found === undefined) throw new Refusal('session_not_found');
    return found;
  };
