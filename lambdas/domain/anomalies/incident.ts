import type { WorkspaceId } from '../identifiers.ts';
import type { KeyScope } from '../keys/sealed-key.ts';
import type { AnomalyResponse, BillingMode } from '../tenancy/workspace.ts';

export const ANOMALY_KINDS = [
  'burst',
  'origin_spread',
  'address_spread',
  'auth_failures',
  'refused_origins',
  'cost_spike',
  'false_claims',
] as const;
export type AnomalyKind = (typeof ANOMALY_KINDS)[number];

/** A stored key that sessions were minted with. */
export interface KeyInUse {
  readonly scope: KeyScope;
  readonly scopeId: string;
  readonly version: number;
}

/** A detection and its response. */
export interface Incident {
  /** Unique; the same incident reported again has the same id. */
  readonly incidentId: string;
  readonly workspaceId: WorkspaceId;
  /** The site whose visitor triggered it. */
  readonly siteId: string | null;
  readonly kind: AnomalyKind;
  /** RFC 3339. */
  readonly at: string;
  readonly observed: number;
  readonly expected: number;
  readonly threshold: number;
  readonly windowSeconds: number;
  readonly response: AnomalyResponse;
  /** The keys to which the response applies. */
  readonly keys: readonly KeyInUse[];
}

/**
 * The response to a detection: an action that can help, and that no stranger can provoke for free. Requests from foreign
 * origins open no key, and any page can make false claims, so these change no key; re-encrypting does not help a key that
 * OpenAI refuses; one customer's incident cannot switch off the platform's own key.
 */
export const responseTo = (
  kind: AnomalyKind,
  mode: BillingMode,
  configured: AnomalyResponse,
): AnomalyResponse => {
  if (mode === 'managed' || kind === 'refused_origins' || kind === 'false_claims') return 'notify';
  if (kind === 'auth_failures' && configured === 'rotate') return 'notify';
  return configured;
};

const COUNTED: Readonly<Record<AnomalyKind, string>> = {
  burst: 'sessions',
  origin_spread: 'new origins',
  address_spread: 'addresses',
  auth_failures: 'sessions in a row that OpenAI refused because of the key',
  refused_origins: 'requests from origins that are not registered',
  cost_spike: 'seconds of voice at most',
  false_claims: 'calls whose page claimed more than OpenAI counted',
};

const DONE: Readonly<Record<AnomalyResponse, string>> = {
  notify: 'Nothing was changed.',
  rotate: 'The key is being re-encrypted.',
  suspend: 'The key is suspended; resume it when you know why.',
};

const windowText = (seconds: number): string => {
  if (seconds >= 86_400) return ' within one day';
  if (seconds >= 7_200) return ` within ${seconds / 3_600} hours`;
  return seconds === 0 ? '' : ` within ${seconds / 60} minutes`;
};

/**
 * One line for a person.
 *
 * @example "143 sessions within 5 minutes, where about 4 are usual. The key is suspended; resume it when you know why."
 */
export const summaryOf = ({ kind, observed, expected, windowSeconds, response }: Incident): string => {
  const usual = expected >= 0.5 ? `about ${Math.round(expected)} are usual` : 'hardly any are usual';
  return `${observed} ${COUNTED[kind]}${windowText(windowSeconds)}, where ${usual}. ${DONE[response]}`;
};
