import type { Delivery } from '../../domain/notices/delivery.ts';
import { isVerified, type Mail } from '../../domain/notices/mail-alerts.ts';
import type { MailAlertsReader, Mailer, PostResult } from '../ports/notices.ts';
import type { WorkspaceReader } from '../ports/tenancy.ts';

/** One mail to the address of the workspace; `gone` when that address is not verified. */
export const sendByMail =
  (ports: {
    readonly workspaces: WorkspaceReader;
    readonly mailAlerts: MailAlertsReader;
    readonly mailer: Mailer;
  }) =>
  async ({ workspaceId, body }: Delivery): Promise<PostResult | 'gone'> => {
    const [workspace, mail] = await Promise.all([
      ports.workspaces.readWorkspace(workspaceId),
      ports.mailAlerts.readMailAlerts(workspaceId),
    ]);
    if (workspace?.deletedAt !== null || mail === undefined) return 'gone';
    if (!isVerified(mail, workspace.alertEmail)) return 'gone';
    const { subject, text }: Mail = JSON.parse(body);
    const outcome = await ports.mailer.send(mail.address, { subject, text });
    return outcome === 'accepted'
      ? { status: 200, failure: null }
      : { status: null, failure: 'mail_refused' };
  };
