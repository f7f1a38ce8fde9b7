import { z } from 'zod';
import { type Answer, DELIVERIES } from './answers.ts';

/**
 * An injected fault. Without `status` and `body`, the request is processed and the normal response follows: late
 * (`delayMs`), with more headers, or with another delivery.
 */
export const FaultSchema = z.strictObject({
  /** Such as `/v1/realtime/client_secrets`. A segment `*` matches any single segment. @default every path */
  path: z.string().optional(),
  /** Applies only to requests with this key, by its fingerprint in the log. @default any key */
  keyFingerprint: z.string().optional(),
  status: z.int().min(200).max(599).optional(),
  /** Text is sent as it is, anything else as JSON. */
  body: z.unknown().optional(),
  /** Lower-case names. Added to the answer's own headers, which null removes. */
  headers: z.record(z.string(), z.string().nullable()).optional(),
  delayMs: z.int().min(0).optional(),
  /** A faulty delivery of the response. @default normal delivery */
  delivery: z.enum(DELIVERIES).optional(),
  /** Drops the connection before the request is processed. */
  reset: z.boolean().optional(),
  /** `status` and `body` replace the response after the request is processed. */
  afterDone: z.boolean().optional(),
  /** The call continues after its browser has left, until a hang-up or its time limit. */
  outlivesBrowser: z.boolean().optional(),
  /** Applies only to sidebands of calls that already have one. */
  onlySecondSideband: z.boolean().optional(),
  /** The sideband is accepted, and closed after this many milliseconds (0). 1006: without a closing handshake. */
  closeSideband: z
    .strictObject({
      code: z.union([
        z.int().min(1_000).max(1_003),
        z.int().min(1_006).max(1_014),
        z.int().min(3_000).max(4_999),
      ]),
      reason: z.string().max(123).optional(),
      afterMs: z.int().min(0).optional(),
    })
    .optional(),
  /** Number of requests that it applies to. @default until it is cleared */
  times: z.int().min(1).optional(),
});
export type Fault = z.infer<typeof FaultSchema>;

export type Faults = {
  readonly inject: (fault: Fault) => void;
  /** Clears the faults of one key, or all. */
  readonly clear: (keyFingerprint?: string) => void;
  /** The first fault that applies to a request to this path with this key. Counts as one use of the fault. */
  readonly take: (
    path: string,
    keyFingerprint: string | undefined,
    facts?: { readonly isSecondSideband: boolean },
  ) => Fault | undefined;
};

export function createFaults(): Faults {
  let pending: { readonly fault: Fault; left: number }[] = [];
  return {
    inject: (fault) => {
      pending.push({ fault, left: fault.times ?? Number.POSITIVE_INFINITY });
    },
    clear: (keyFingerprint) => {
      pending = pending.filter(
        ({ fault }) => keyFingerprint !== undefined && fault.keyFingerprint !== keyFingerprint,
      );
    },
    take: (path, keyFingerprint, facts) => {
      const entry = pending.find(
        ({ fault }) =>
          (fault.path === undefined || matches(fault.path, path)) &&
          (fault.keyFingerprint === undefined || fault.keyFingerprint === keyFingerprint) &&
          (fault.onlySecondSideband !== true || facts?.isSecondSideband === true),
      );
      if (entry === undefined) return undefined;
      entry.left -= 1;
      if (entry.left <= 0) pending = pending.filter((other) => other !== entry);
      return entry.fault;
    },
  };
}

function matches(pattern: string, path: string): boolean {
  const parts = pattern.split('/');
  const given = path.split('/');
  return parts.length === given.length && parts.every((part, index) => part === '*' || part === given[index]);
}

/** The response to a request with a fault. `usual` is called only if the fault lets the request be processed. */
export async function applyFault(fault: Fault | undefined, usual: () => Promise<Answer>): Promise<Answer> {
  if (fault === undefined) return usual();
  if (fault.reset) return { status: 200, headers: {}, body: '', delivery: 'reset' };
  const replaces = fault.status !== undefined || fault.body !== undefined;
  const done = !replaces || fault.afterDone === true ? await usual() : undefined;
  const delivery = fault.delivery === undefined ? {} : { delivery: fault.delivery };
  if (done !== undefined && !replaces)
    return { ...done, headers: changed(done.headers, fault.headers), ...delivery };
  const isText = typeof fault.body === 'string' || fault.body === undefined;
  const own = done?.headers ?? { 'content-type': isText ? 'text/plain' : 'application/json' };
  return {
    status: fault.status ?? done?.status ?? 200,
    headers: changed(own, fault.headers),
    body: typeof fault.body === 'string' ? fault.body : isText ? '' : JSON.stringify(fault.body),
    ...delivery,
  };
}

function changed(
  headers: Readonly<Record<string, string>>,
  changes: Fault['headers'] = {},
): Readonly<Record<string, string>> {
  const entries = Object.entries({ ...headers, ...changes });
  return Object.fromEntries(entries.filter((entry): entry is [string, string] => entry[1] !== null));
}
