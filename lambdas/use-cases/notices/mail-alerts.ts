import type { AuditFacts } from '../../domain/audit/audit-record.ts';
import { BrokerError } from '../../domain/broker-error.ts';
import { isSameText } from '../../domain/constant-time.ts';
import type { RandomBytes, WorkspaceId } from '../../domain/identifiers.ts';
import {
  CODE_MS,
  CODE_TRIES,
  CODES_PER_DAY,
  DEFAULT_MAIL_EVENTS,
  isVerified,
  type MailAlerts,
} from '../../domain/notices/mail-alerts.ts';
import type { NoticeType } from '../../domain/notices/notice.ts';
import type { Caller, Workspace } from '../../domain/tenancy/workspace.ts';
import { refuseConflict } from '../conflicts.ts';
import type { AuditEventFactory } from '../ports/audit.ts';
import type { MailAlertsStore, MailCodes, NoticeQueue } from '../ports/notices.ts';
import type { Clock } from '../ports/runtime.ts';
import type { RateLimiter } from '../ports/sessions.ts';
import type { MembershipReader } from '../ports/tenancy.ts';
import { authorizeWorkspace } from '../tenancy/authorize.ts';

export interface MailAlertsView {
  readonly available: boolean;
  readonly workspace: Pick<Workspace, 'alertEmail'>;
  readonly mail: MailAlerts | undefined;
}

interface Ports {
  readonly clock: Clock;
  readonly random: RandomBytes;
  readonly tenancy: MembershipReader;
  readonly auditEvents: AuditEventFactory;
  readonly limiter: RateLimiter;
  readonly mail: MailAlertsStore;
  readonly codes: MailCodes;
  readonly queue: NoticeQueue;
  /** Whether this deployment sends mail. */
  readonly mailAvailable: boolean;
}

/** Mail alerts of a workspace, for admins. Only codes are mailed to an address until one of them is entered. */
export const mailAlerts = (ports: Ports) => {
  const open = async (caller: Caller, workspaceId: WorkspaceId) => {
    const workspace = await authorizeWorkspace(ports.tenancy, caller, workspaceId, 'admin');
    return { workspace, mail: await ports.mail.readMailAlerts(workspaceId) };
  };
  /** Each write has an event: the detector reports one without. */
  const changed = (caller: Caller, workspaceId: WorkspaceId, facts: AuditFacts) =>
    ports.auditEvents.event(caller, 'mail_alerts.changed', { workspaceId, facts });
  const needMail = (): void => {
    if (!ports.mailAvailable) throw new BrokerError('mail_unavailable');
  };
  const viewOf = (workspace: Workspace, mail: MailAlerts | undefined): MailAlertsView => ({
    available: ports.mailAvailable,
    workspace,
    mail,
  });

  return {
    read: async (caller: Caller, workspaceId: WorkspaceId): Promise<MailAlertsView> => {
      const { workspace, mail } = await open(caller, workspaceId);
      return viewOf(workspace, mail);
    },

    /** Replaces an earlier code. `rate_limited` from CODES_PER_DAY on: an address may belong to a stranger. */
    sendCode: async (caller: Caller, workspaceId: WorkspaceId): Promise<MailAlertsView> => {
      const { workspace, mail } = await open(caller, workspaceId);
      needMail();
      const address = workspace.alertEmail;
      if (address === null) throw new BrokerError('alert_email_missing');
      if (mail !== undefined && isVerified(mail, address)) return viewOf(workspace, mail);
      const now = ports.clock();
      await spendCode(ports.limiter, workspaceId, now);
      const after: MailAlerts = {
        workspaceId,
        address,
        verifiedAt: null,
        events: mail?.events ?? DEFAULT_MAIL_EVENTS,
        nonce: ports.random(16).toString('hex'),
        codeExpiresAt: new Date(now.getTime() + CODE_MS).toISOString(),
        triesLeft: CODE_TRIES,
      };
      const event = await changed(caller, workspaceId, { code: 'sent' });
      await refuseConflict(ports.mail.saveMailAlerts(after, mail, event));
      await ports.queue.send({ kind: 'mail_code', workspaceId });
      return viewOf(workspace, after);
    },

    /** `mail_code_wrong` also after CODE_TRIES, after CODE_MS, and for a code that went to another address. */
    confirm: async (caller: Caller, workspaceId: WorkspaceId, code: string): Promise<MailAlertsView> => {
      const { workspace, mail } = await open(caller, workspaceId);
      needMail();
      if (mail === undefined) throw new BrokerError('mail_code_wrong');
      if (isVerified(mail, workspace.alertEmail)) return viewOf(workspace, mail);
      const now = ports.clock();
      const usable =
        mail.address === workspace.alertEmail &&
        mail.triesLeft > 0 &&
        now.getTime() < Date.parse(mail.codeExpiresAt);
      if (!usable) throw new BrokerError('mail_code_wrong');
      if (!isSameText(await ports.codes.codeOf(mail), code)) {
        const event = await changed(caller, workspaceId, { code: 'wrong' });
        await refuseConflict(
          ports.mail.saveMailAlerts({ ...mail, triesLeft: mail.triesLeft - 1 }, mail, event),
        );
        throw new BrokerError('mail_code_wrong');
      }
      const after = { ...mail, verifiedAt: now.toISOString(), triesLeft: 0 };
      const event = await ports.auditEvents.event(caller, 'mail_alerts.verified', { workspaceId });
      await refuseConflict(ports.mail.saveMailAlerts(after, mail, event));
      return viewOf(workspace, after);
    },

    change: async (
      caller: Caller,
      workspaceId: WorkspaceId,
      events: readonly NoticeType[],
    ): Promise<MailAlertsView> => {
      const { workspace, mail } = await open(caller, workspaceId);
      needMail();
      if (mail === undefined || !isVerified(mail, workspace.alertEmail))
        throw new BrokerError('alert_email_missing');
      const after = { ...mail, events };
      const event = await changed(caller, workspaceId, { events: events.join(',') });
      await refuseConflict(ports.mail.saveMailAlerts(after, mail, event));
      return viewOf(workspace, after);
    },
  };
};

/** Counted in the last minute of the day: one item for the day, kept until it has ended. */
const spendCode = async (limiter: RateLimiter, workspaceId: WorkspaceId, now: Date): Promise<void> => {
  const endOfDay = new Date(`${now.toISOString().slice(0, 10)}T23:59:00.000Z`);
  const budget = await limiter.spend(`mail-code#${workspaceId}`, { perMinute: CODES_PER_DAY }, endOfDay);
  if (budget.allowed) return;
  const retryAfterSeconds = Math.ceil((endOfDay.getTime() + 60_000 - now.getTime()) / 1_000);
  throw new BrokerError('rate_limited', { retryAfterSeconds });
};
