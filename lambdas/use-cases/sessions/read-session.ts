import { BrokerError } from '../../domain/broker-error.ts';
import { isSessionId, type SiteId } from '../../domain/identifiers.ts';
import { isKept } from '../../domain/tenancy/retention.ts';
import type { Caller } from '../../domain/tenancy/workspace.ts';
import { authorizeSite } from '../tenancy/authorize.ts';
import { type ReceiptedSession, receiptedSession, type SessionListPorts } from './list-sessions.ts';

/** Viewer. One session of the site with its receipt; `session_not_found` for any other id. */
export const readSession =
  ({ clock, tenancy, sessions }: SessionListPorts) =>
  async (caller: Caller, siteId: SiteId, sessionId: string): Promise<ReceiptedSession> => {
    const { site } = await authorizeSite(tenancy, caller, siteId, 'viewer');
    const found = isSessionId(sessionId) ? await receiptedSession(sessions, site, sessionId) : undefined;
    if (found === undefined || !isKept(found.session, clock())) throw new BrokerError('session_not_found');
    return found;
  };
