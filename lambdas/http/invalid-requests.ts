import { BrokerError } from '../domain/broker-error.ts';

/** Limit of invalid requests from one address in a minute. After that, this container refuses its requests unread. */
const PER_MINUTE = 120;
const MINUTE_MS = 60_000;

/**
 * An IPv4 address unchanged, or the first 64 bits of an IPv6 address, because one caller has all addresses below them.
 * Equivalent to `networkOf` of the domain for the canonical texts of AWS, without its library in every function.
 */
const networkOf = (address: string): string => {
  if (!address.includes(':') || address.includes('.')) return address;
  const [front = '', back] = address.toLowerCase().split('::');
  const groups = front === '' ? [] : front.split(':');
  if (back === undefined) return groups.slice(0, 4).join(':');
  const last = back === '' ? [] : back.split(':');
  const zeros = Array.from({ length: Math.max(0, 8 - groups.length - last.length) }, () => '0');
  return [...groups, ...zeros, ...last].slice(0, 4).join(':');
};

/** Maximum number of networks in memory. Beyond it, all counts are dropped: they limit work and grant no rights. */
const MOST_NETWORKS = 10_000;

/** Errors that count: requests that cost this service work but the caller nothing. */
const COUNTED: ReadonlySet<string> = new Set(['invalid_request', 'invalid_offer', 'invalid_signature']);

/**
 * Refusals of preflights that count. Allowed preflights do not count, because a network with many visitors sends many.
 */
export const REFUSED_PREFLIGHT: ReadonlySet<string> = new Set([
  'invalid_site_id',
  'site_not_found',
  'origin_not_allowed',
]);

export interface InvalidRequests {
  /** Throws `rate_limited` while the address has sent too many invalid requests. */
  check(address: string): void;
  /** Counts the error if it is one of `codes`. Returns the error to throw. @default those of `COUNTED` */
  count(address: string, error: unknown, codes?: ReadonlySet<string>): unknown;
}

/**
 * Counts invalid requests by network in the memory of the container. Costs no call, and applies to one container only.
 */
export const invalidRequests = (monotonicMs: () => number): InvalidRequests => {
  let minute = 0;
  const counts = new Map<string, number>();
  const overBy = (address: string): BrokerError | undefined => {
    const nowMs = monotonicMs();
    const present = Math.floor(nowMs / MINUTE_MS);
    if (present !== minute || counts.size > MOST_NETWORKS) {
      minute = present;
      counts.clear();
    }
    const left = Math.ceil((MINUTE_MS - (nowMs % MINUTE_MS)) / 1_000);
    return (counts.get(networkOf(address)) ?? 0) >= PER_MINUTE
      ? new BrokerError('rate_limited', { retryAfterSeconds: left })
      : undefined;
  };
  return {
    check: (address) => {
      const over = overBy(address);
      if (over !== undefined) throw over;
    },
    count: (address, error, codes = COUNTED) => {
      if (!(error instanceof BrokerError) || !codes.has(error.code)) return error;
      const over = overBy(address);
      const network = networkOf(address);
      counts.set(network, (counts.get(network) ?? 0) + 1);
      return over ?? error;
    },
  };
};
