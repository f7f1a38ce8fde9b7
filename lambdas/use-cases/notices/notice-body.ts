import { isSessionId, isSiteId, workspaceOfSite } from '../../domain/identifiers.ts';
import type { Notice } from '../../domain/notices/notice.ts';
import type { SessionReader } from '../ports/sessions.ts';
import { type ReceiptedSession, receiptedSession } from '../sessions/list-sessions.ts';

/**
 * The body of a notice. The notice of an ended session contains the current receipt; undefined if the session is no
 * longer kept.
 */
export const noticeBody =
  ({
    sessions,
    present,
  }: {
    readonly sessions: SessionReader;
    readonly present: (notice: Notice, ended?: ReceiptedSession) => string;
  }) =>
  async (notice: Notice): Promise<string | undefined> => {
    if (notice.type !== 'session.ended') return present(notice);
    const { siteId, sessionId } = notice;
    if (siteId === null || sessionId === null || !isSiteId(siteId) || !isSessionId(sessionId))
      return undefined;
    const workspaceId = workspaceOfSite(siteId);
    if (workspaceId === undefined) return undefined;
    const ended = await receiptedSession(sessions, { siteId, workspaceId }, sessionId);
    return ended && present(notice, ended);
  };
