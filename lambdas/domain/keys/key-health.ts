import type { BrokerError } from '../broker-error.ts';
import { brokerErrorOfOpenAiFailure, OpenAiFailure, type OpenAiFailureName } from '../openai-failure.ts';

/**
 * Failures in browsers after a successful mint, for example if the credit is used up or the model closed. They are
 * claims of visitors, so one visitor alone changes nothing: it takes a quorum of addresses within a window, a session
 * that works ends the degradation at once, and it expires automatically.
 */
export interface KeyHealth {
  /** The version of the key that the reports are about; reports about an older version are dropped. */
  readonly version: number;
  readonly reports: readonly HealthReport[];
  /** When a session last got a complete response with this key after reports, milliseconds; null: not since then. */
  readonly workedAtMs: number | null;
  readonly revision: number;
}

export interface HealthReport {
  /** Keyed hash of the visitor's address: several sessions of one visitor count once. */
  readonly ipHash: string;
  readonly failure: DegradingFailure;
  /** When it was reported, by our clock, milliseconds. */
  readonly atMs: number;
}

/** Failures that hit every visitor of a key alike, and that a mint may not show. */
export const DEGRADING_FAILURES = [
  'missing_permission',
  'account_deactivated',
  'project_archived',
  'organization_unverified',
  'model_unavailable',
  'quota_exhausted',
  'spend_limit_reached',
  'billing_inactive',
  'rate_limited',
] as const satisfies readonly OpenAiFailureName[];
export type DegradingFailure = (typeof DEGRADING_FAILURES)[number];

/** Different addresses that must report within QUORUM_WINDOW_SECONDS. */
export const QUORUM = 3;
export const QUORUM_WINDOW_SECONDS = 600;

/** How long visitors are refused after the latest report. Then one is admitted again as a trial. */
export const DEGRADED_SECONDS = 60;

/** Stored reports. More addresses than the quorum add nothing. */
const MAX_REPORTS = 12;

export const newKeyHealth = (version: number): KeyHealth => ({
  version,
  reports: [],
  workedAtMs: null,
  revision: 0,
});

const isDegrading = (failure: OpenAiFailureName): failure is DegradingFailure =>
  (DEGRADING_FAILURES as readonly string[]).includes(failure);

/** Returns the health after another report; the same object for a failure that says nothing about the key, of an older version, or reported before. */
export const withReport = (
  health: KeyHealth,
  report: { readonly version: number; readonly ipHash: string; readonly failure: OpenAiFailureName },
  now: Date,
): KeyHealth => {
  const { failure, ipHash, version } = report;
  if (!isDegrading(failure) || version < health.version) return health;
  const current =
    version === health.version ? health : { ...newKeyHealth(version), revision: health.revision };
  const reports = recent(current, now);
  // One vote for each address and window: repeating it must not keep a key closed.
  if (reports.some((other) => other.ipHash === ipHash)) return health;
  return { ...current, reports: [...reports, { ipHash, failure, atMs: now.getTime() }].slice(-MAX_REPORTS) };
};

/** Returns the health after a session that worked; the same object if there is nothing to disprove. */
export const withSuccess = (health: KeyHealth, version: number, now: Date): KeyHealth =>
  health.version !== version || openReports(health, now).length === 0
    ? health
    : { ...health, workedAtMs: now.getTime() };

const recent = ({ reports }: KeyHealth, now: Date): HealthReport[] =>
  reports.filter(({ atMs }) => now.getTime() - atMs < QUORUM_WINDOW_SECONDS * 1_000);

/** Recent reports without a later success. */
const openReports = (health: KeyHealth, now: Date): HealthReport[] =>
  recent(health, now).filter(({ atMs }) => health.workedAtMs === null || atMs > health.workedAtMs);

export interface Degradation {
  readonly failure: DegradingFailure;
  /** Until when visitors are refused for it. */
  readonly until: Date;
}

/** How long the operator sees a key as degraded after the latest report: as long as reports count towards a quorum. */
export const degradedUntil = ({ until }: Degradation): Date =>
  new Date(until.getTime() + (QUORUM_WINDOW_SECONDS - DEGRADED_SECONDS) * 1_000);

/** Returns the key's fault that a quorum of reports has established, by its latest report; undefined if the key counts as good. */
export const degradationOf = (
  health: KeyHealth | undefined,
  version: number,
  now: Date,
): Degradation | undefined => {
  if (health === undefined || health.version !== version) return undefined;
  const reports = openReports(health, now);
  const latest = reports.at(-1);
  if (latest === undefined || reports.length < QUORUM) return undefined;
  return { failure: latest.failure, until: new Date(latest.atMs + DEGRADED_SECONDS * 1_000) };
};

/**
 * The error for a visitor during the wait: the same as if OpenAI had returned it at the mint. undefined after the wait has
 * ended.
 */
export const brokerErrorOfDegradation = (degradation: Degradation, now: Date): BrokerError | undefined => {
  const seconds = Math.ceil((degradation.until.getTime() - now.getTime()) / 1_000);
  if (seconds <= 0) return undefined;
  return brokerErrorOfOpenAiFailure(new OpenAiFailure(degradation.failure, { retryAfterSeconds: seconds }));
};
