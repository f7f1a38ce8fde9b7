import type { DataOf } from '../api/routes.ts';
import type { Tone } from '../ui/surface.tsx';

export type Webhook = DataOf<'listWebhooks'>['items'][number];
export type Delivery = DataOf<'listDeliveries'>['items'][number];
type NoticeType = NonNullable<Webhook['events']>[number];

export const NOTICES: Readonly<Record<NoticeType, string>> = {
  'anomaly.detected': 'Unusual use of a key',
  'key.failing': 'OpenAI refuses a key',
  'key.suspended': 'Key suspended',
  'plan.threshold_reached': 'Plan minutes: 50, 80 or 100 % used',
  'budget.threshold_reached': 'Budget: 50, 80 or 100 % spent',
  'site.model_retiring': 'OpenAI is shutting down a site’s model',
  'site.model_moved': 'Site moved to a newer model',
  'session.ended': 'Session ended, with its receipt',
};
export const NOTICE_IDS = Object.keys(NOTICES) as NoticeType[];

/** The name of a kind of notice, also of the one that is sent on request only. */
export const noticeName = (type: Delivery['type']): string =>
  type === 'webhook.test' ? 'Test' : NOTICES[type];

export const STATES: Readonly<Record<Delivery['state'], { readonly tone: Tone; readonly text: string }>> = {
  pending: { tone: 'neutral', text: 'Waiting' },
  delivered: { tone: 'good', text: 'Delivered' },
  failed: { tone: 'bad', text: 'Given up' },
  skipped: { tone: 'warn', text: 'Not sent' },
};

/** Why an attempt failed, and what to do about it. */
export const FAILURES: Readonly<Record<NonNullable<Delivery['last_failure']>, string>> = {
  http_status: 'Your server did not return a success status. Check its log.',
  redirect: 'Your server redirects. Enter the URL that the redirect leads to.',
  timeout: 'No response within 10 seconds. Respond first, then process the notice.',
  private_address: 'The name resolves to a private address. Use a public one.',
  name_not_found: 'The host name does not exist. Check its DNS records.',
  tls: 'The certificate is not valid. Renew it, or serve its complete chain.',
  connection: 'No HTTPS server accepts connections there. Check the address and the port.',
  mail_refused: 'The mail was refused, perhaps because an earlier one bounced. Use another address.',
};

export type { NoticeType };
