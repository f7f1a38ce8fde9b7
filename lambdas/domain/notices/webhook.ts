import { createHmac } from 'node:crypto';
import type { RandomBytes, WorkspaceId } from '../identifiers.ts';
import type { NoticeType } from './notice.ts';

/** A receiver of a workspace's notices. Its secret is derived from this and never stored. */
export interface Webhook {
  readonly workspaceId: WorkspaceId;
  readonly webhookId: string;
  readonly url: string;
  /** The kinds of notice that it is sent; null: every kind, also those that are added later. */
  readonly events: readonly NoticeType[] | null;
  readonly enabled: boolean;
  /** Counts up with each rotation; the secret is derived from it. */
  readonly secretVersion: number;
  /** The time until which the previous secret also signs, RFC 3339. */
  readonly previousSecretUntil: string | null;
  readonly createdAt: string;
  readonly createdBy: string;
}

/** How long the previous secret signs together with the new one, milliseconds. */
export const SECRET_OVERLAP_MS = 86_400_000;

export const newWebhookId = (random: RandomBytes): string => `whk_${random(10).toString('hex')}`;
export const isWebhookId = (text: string): boolean => /^whk_[0-9a-f]{20}$/.test(text);

/** The versions of the secret that sign now, the newest first. */
export const signingVersions = (
  { secretVersion, previousSecretUntil }: Webhook,
  now: Date,
): readonly number[] =>
  previousSecretUntil !== null && now.getTime() < Date.parse(previousSecretUntil)
    ? [secretVersion, secretVersion - 1]
    : [secretVersion];

export const isSubscribed = ({ enabled, events }: Webhook, type: NoticeType): boolean =>
  enabled && (events === null || events.includes(type));

export type UrlFault = 'not_https' | 'credentials' | 'not_public' | 'too_long' | 'malformed';

const MAX_URL_LENGTH = 500;

/**
 * The canonical URL, or its fault. Names are resolved when a notice is sent, and their addresses are checked then;
 * only literal addresses are checked here.
 *
 * @param isAllowed whether a connection to this address is allowed.
 */
export const parseWebhookUrl = (
  text: string,
  isAllowed: (address: string) => boolean,
): { readonly url: string } | { readonly fault: UrlFault } => {
  if (!URL.canParse(text)) return { fault: 'malformed' };
  const url = new URL(text);
  if (url.protocol !== 'https:') return { fault: 'not_https' };
  if (url.username !== '' || url.password !== '') return { fault: 'credentials' };
  url.hash = '';
  if (url.href.length > MAX_URL_LENGTH) return { fault: 'too_long' };
  const host = url.hostname.replace(/^\[|\]$/g, '');
  const isAddress = host.includes(':') || /^[\d.]+$/.test(host);
  if (isAddress && !isAllowed(host)) return { fault: 'not_public' };
  return { url: url.href };
};

/** The secret as its owner enters it at the receiver: `whsec_` and base64, as Standard Webhooks has it. */
export const secretText = (secret: Uint8Array): string => `whsec_${Buffer.from(secret).toString('base64')}`;

/**
 * The headers of one attempt, by Standard Webhooks 1.0: `v1`, HMAC-SHA-256 over id, time and body, once per secret.
 * https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
 */
export const signedHeaders = (
  message: { readonly id: string; readonly at: Date; readonly body: string },
  secrets: readonly Uint8Array[],
): Readonly<Record<'webhook-id' | 'webhook-timestamp' | 'webhook-signature', string>> => {
  const timestamp = String(Math.floor(message.at.getTime() / 1_000));
  const signatures = secrets.map(
    (secret) =>
      `v1,${createHmac('sha256', secret).update(`${message.id}.${timestamp}.${message.body}`).digest('base64')}`,
  );
  return {
    'webhook-id': message.id,
    'webhook-timestamp': timestamp,
    'webhook-signature': signatures.join(' '),
  };
};
