import type { WorkspaceId } from '../../domain/identifiers.ts';
import { codeMail } from '../../domain/notices/mail-alerts.ts';
import type { MailAlertsReader, MailCodes, Mailer } from '../ports/notices.ts';
import type { Clock } from '../ports/runtime.ts';

/** Mails the current code of a workspace; `expired` if it cannot be used any more. */
export const sendMailCode =
  (ports: {
    readonly clock: Clock;
    readonly mailAlerts: MailAlertsReader;
    readonly codes: MailCodes;
    readonly mailer: Mailer;
  }) =>
  async (workspaceId: WorkspaceId): Promise<'accepted' | 'refused' | 'expired'> => {
    const mail = await ports.mailAlerts.readMailAlerts(workspaceId);
    if (mail === undefined || mail.verifiedAt !== null) return 'expired';
    if (Date.parse(mail.codeExpiresAt) <= ports.clock().getTime()) return 'expired';
    return ports.mailer.send(mail.address, codeMail(await ports.codes.codeOf(mail)));
  };
