import { createHash } from 'node:crypto';
import type { WorkspaceId } from '../identifiers.ts';
import type { Notice } from './notice.ts';

/** `pending`: not received yet. `failed`: abandoned after a day. `skipped`: the webhook is gone or switched off. */
export const DELIVERY_STATES = ['pending', 'delivered', 'failed', 'skipped'] as const;
export type DeliveryState = (typeof DELIVERY_STATES)[number];

/** The reason why an attempt failed. */
export const DELIVERY_FAILURES = [
  'http_status',
  'redirect',
  'timeout',
  'private_address',
  'name_not_found',
  'tls',
  'connection',
  'mail_refused',
] as const;
export type DeliveryFailure = (typeof DELIVERY_FAILURES)[number];

/** One notice for one webhook or mail address, with its state. */
export interface Delivery {
  /** Derived from notice and webhook, so that a notice that arrives twice is one delivery. Sorts by time. */
  readonly deliveryId: string;
  readonly workspaceId: WorkspaceId;
  /** MAIL_CHANNEL for mail. */
  readonly webhookId: string;
  /** Sent as `webhook-id`: the same in every attempt, and for every webhook. */
  readonly noticeId: string;
  readonly type: Notice['type'];
  readonly at: string;
  /** The body, the same in every attempt. */
  readonly body: string;
  readonly state: DeliveryState;
  readonly attempts: number;
  /** HTTP status of the last attempt; null without an answer. */
  readonly lastStatus: number | null;
  readonly lastFailure: DeliveryFailure | null;
  readonly lastAttemptAt: string | null;
  /** Not attempted before, Unix milliseconds. */
  readonly dueAtMs: number;
  /** The end of the current attempt's claim, Unix milliseconds. */
  readonly claimedUntilMs: number;
}

/** Before the second, third, … attempt, seconds: a day in all (Standard Webhooks recommends such a schedule). */
const WAIT_SECONDS = [5, 30, 120, 600, 1_800, 3_600, 7_200, 14_400, 28_800, 28_800] as const;

export const MAX_ATTEMPTS = WAIT_SECONDS.length + 1;

/** Seconds until the next attempt after `attempts` of them; undefined: give up. */
export const waitAfterAttempt = (attempts: number): number | undefined => WAIT_SECONDS[attempts - 1];

/** Longer than an attempt can take, milliseconds, and shorter than the visibility timeout of the queue. */
export const CLAIM_MS = 60_000;

const digest = (length: number, ...parts: readonly string[]): string =>
  createHash('sha256').update(JSON.stringify(parts)).digest('hex').slice(0, length);

/** The same for the same event of the same workspace. Has no full stop, which Standard Webhooks forbids in an id. */
export const noticeIdOf = ({ workspaceId, eventId }: Pick<Notice, 'workspaceId' | 'eventId'>): string =>
  `ntc_${digest(32, workspaceId, eventId)}`;

/** `dlv_`, the time in base 36, and a digest of notice and webhook. */
export const deliveryIdOf = (notice: Notice, webhookId: string): string =>
  `dlv_${Date.parse(notice.listedAt).toString(36).padStart(9, '0')}${digest(20, notice.workspaceId, notice.eventId, webhookId)}`;

export const isDeliveryId = (text: string): boolean => /^dlv_[0-9a-z]{9}[0-9a-f]{20}$/.test(text);
