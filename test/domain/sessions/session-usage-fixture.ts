import { newSessionId, type SiteId, type WorkspaceId } from '../../../lambdas/domain/identifiers.ts';
import type { ReservedSession } from '../../../lambdas/domain/sessions/session.ts';
import {
  applyEvent,
  type EventOutcome,
  newSessionUsage,
  type SessionEvent,
  type SessionUsage,
} from '../../../lambdas/domain/sessions/session-usage.ts';
import type { BillingMode } from '../../../lambdas/domain/tenancy/workspace.ts';
import { NO_TOKENS, type TokenCounts } from '../../../lambdas/domain/usage/token-counts.ts';

/** When the sessions of these tests are minted. */
export const MINTED_MS = Date.parse('2026-11-23T12:00:00.000Z');

/** The instant this many seconds after the mint, by the caller's clock. */
export const afterMint = (seconds: number): number => MINTED_MS + seconds * 1_000;
export const clockAt = (seconds: number): Date => new Date(afterMint(seconds));

export interface SessionFacts {
  readonly mode?: BillingMode;
  readonly model?: string;
  readonly holdSeconds?: number;
  readonly maxDurationSeconds?: number;
  /** Lifetime of the client secret and half a minute, seconds. */
  readonly connectSeconds?: number;
  readonly mintedMs?: number;
}

export const aSession = ({
  mode = 'managed',
  model = 'gpt-realtime-2.1-mini',
  holdSeconds = 0,
  maxDurationSeconds = 600,
  connectSeconds = 90,
  mintedMs = MINTED_MS,
}: SessionFacts = {}): ReservedSession & { readonly siteId: SiteId } => ({
  sessionId: newSessionId(new Date(mintedMs), (size) => Buffer.alloc(size)),
  workspaceId: 'w'.repeat(12) as WorkspaceId,
  siteId: 'w'.repeat(24) as SiteId,
  kind: 'visitor',
  mode,
  keyScope: mode === 'managed' ? 'platform' : 'workspace',
  keyScopeId: 'platform',
  keyVersion: 1,
  fingerprint: 'f0'.repeat(32),
  model,
  voice: 'marin',
  ipHash: '00',
  actor: 'visitor',
  origin: 'https://shop.example',
  createdAt: new Date(mintedMs).toISOString(),
  admission: {
    maxDurationSeconds,
    holdSeconds,
    connectBy: mintedMs / 1_000 + connectSeconds,
    slots: [],
  },
});

export const aSessionUsage = (facts: SessionFacts = {}): SessionUsage => newSessionUsage(aSession(facts));

let ids = 0;
const newId = (): string => `event-${++ids}`;

export const connected = (at: number, id = newId()): SessionEvent => ({
  type: 'connected',
  id,
  atMs: afterMint(at),
});
export const heartbeat = (at: number, id = newId()): SessionEvent => ({
  type: 'heartbeat',
  id,
  atMs: afterMint(at),
});
export const ended = (
  at: number,
  reason: Extract<SessionEvent, { type: 'ended' }>['reason'] = 'hung_up',
  id = newId(),
): SessionEvent => ({ type: 'ended', id, atMs: afterMint(at), reason });
export const failed = (at: number, id = newId()): SessionEvent => ({
  type: 'error',
  id,
  atMs: afterMint(at),
});
export const responseUsage = (
  at: number,
  tokens: Partial<TokenCounts>,
  responseId = newId(),
  id = newId(),
): SessionEvent => ({
  type: 'usage',
  id,
  atMs: afterMint(at),
  responseId,
  tokens: { ...NO_TOKENS, ...tokens },
});

/** One report that arrives this many seconds after the mint. */
export interface Arrival {
  readonly report: SessionEvent;
  readonly arrivesAt: number;
}

/** The new state of `meter`, and the result of each report. */
export const take = (
  usage: SessionUsage,
  arrivals: readonly Arrival[],
): { readonly usage: SessionUsage; readonly outcomes: readonly EventOutcome[] } => {
  let now = usage;
  const outcomes = arrivals.map(({ report, arrivesAt }) => {
    const taken = applyEvent(now, report, clockAt(arrivesAt));
    now = taken.usage;
    return taken.outcome;
  });
  return { usage: now, outcomes };
};

/** Reports of an honest browser: each arrives at the second at which it says it was made. */
export const onTime = (reports: readonly SessionEvent[]): Arrival[] =>
  reports.map((report) => ({ report, arrivesAt: (report.atMs - MINTED_MS) / 1_000 }));
