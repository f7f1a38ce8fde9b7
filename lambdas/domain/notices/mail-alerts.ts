import type { WorkspaceId } from '../identifiers.ts';
import { NOTICE_TYPES, type Notice, type NoticeType } from './notice.ts';

/** Mail to the address of a workspace. Before a code from the address is entered, only codes are sent to it. */
export interface MailAlerts {
  readonly workspaceId: WorkspaceId;
  /** The address that the code was sent to. Another `alertEmail` of the workspace has to be verified again. */
  readonly address: string;
  readonly verifiedAt: string | null;
  /** The kinds of notice that are mailed. Empty: none. */
  readonly events: readonly NoticeType[];
  /** The code is derived from it, and stored nowhere. */
  readonly nonce: string;
  readonly codeExpiresAt: string;
  readonly triesLeft: number;
}

/** `webhookId` of a delivery by mail. */
export const MAIL_CHANNEL = 'mail';

/** All kinds except session ends, which would fill a mailbox. */
export const DEFAULT_MAIL_EVENTS: readonly NoticeType[] = NOTICE_TYPES.filter(
  (type) => type !== 'session.ended',
);

export const CODE_MS = 30 * 60_000;
export const CODE_TRIES = 5;
/** Codes that a workspace can request in a day. */
export const CODES_PER_DAY = 5;

/** Eight digits of 32 derived bytes. */
export const codeText = (derived: Uint8Array): string =>
  String(Buffer.from(derived).readUInt32BE(0) % 100_000_000).padStart(8, '0');

/** True if mail is sent to `alertEmail`. */
export const isVerified = (mail: MailAlerts, alertEmail: string | null): boolean =>
  mail.verifiedAt !== null && mail.address === alertEmail;

export interface Mail {
  readonly subject: string;
  readonly text: string;
}

const TITLES: Readonly<Record<NoticeType, string>> = {
  'anomaly.detected': 'An OpenAI key is used in an unusual way',
  'key.failing': 'OpenAI refuses an OpenAI key',
  'key.suspended': 'An OpenAI key was suspended',
  'plan.threshold_reached': 'A threshold of your plan is reached',
  'budget.threshold_reached': 'A threshold of a budget is reached',
  'site.model_retiring': 'OpenAI shuts a model down that a site uses',
  'site.model_moved': 'A site was moved to a newer model',
  'session.ended': 'A voice session has ended',
};

/** One notice as plain text. The subject contains no text that a person typed. */
export const mailOf = (notice: Notice & { readonly type: NoticeType }, workspaceName: string): Mail => {
  const title = TITLES[notice.type];
  const facts = {
    workspace: `${workspaceName} (${notice.workspaceId})`,
    ...(notice.siteId !== null && { site: notice.siteId }),
    ...(notice.sessionId !== null && { session: notice.sessionId }),
    at: notice.at,
    ...notice.facts,
  };
  const lines = Object.entries(facts).map(([name, value]) => `${name.replaceAll('_', ' ')}: ${value}`);
  return {
    subject: `[Spelo] ${title}`,
    text: [`${title}.`, lines.join('\n'), WHY].join('\n\n'),
  };
};

const WHY =
  'You receive this mail because this address was verified for alerts of the workspace. An admin of the workspace can turn kinds of mail off.';

export const codeMail = (code: string): Mail => ({
  subject: '[Spelo] Verify this address for alerts',
  text: `${code}\n\nEnter this code to receive alerts of your workspace at this address. It expires after 30 minutes.\n\nIf you did not ask for it, ignore this mail: nothing else will be sent.`,
});
