import { z } from 'zod';
import { type Answer, DELIVERIES } from './answers.ts';

/**
 * Something that goes wrong. Without `status` and `body` the ordinary answer follows, and what was asked for has been
 * done: late (`delayMs`), with more headers, or in another manner of delivery.
 */
export const FaultSchema = z.strictObject({
  /** The exact path, such as `/v1/realtime/client_secrets`; every path when absent. */
  path: z.string().optional(),
  /** Only requests with this key, by its fingerprint in the log; any key when absent. */
  keyFingerprint: z.string().optional(),
  status: z.int().min(200).max(599).optional(),
  /** Text is sent as it is, anything else as JSON. */
  body: z.unknown().optional(),
  headers: z.record(z.string(), z.string()).optional(),
  delayMs: z.int().min(0).optional(),
  /** How the answer reaches the wire; simply sent when absent. */
  delivery: z.enum(DELIVERIES).optional(),
  /** Drops the connection instead of answering. */
  reset: z.boolean().optional(),
  /** How many requests it strikes; until cleared when absent. */
  times: z.int().min(1).optional(),
});
export type Fault = z.infer<typeof FaultSchema>;

export type Faults = {
  readonly inject: (fault: Fault) => void;
  /** Those of one key, or all. */
  readonly clear: (keyFingerprint?: string) => void;
  /** The first fault that strikes a request to this path with this key; counts as one of its times. */
  readonly take: (path: string, keyFingerprint: string | undefined) => Fault | undefined;
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
    take: (path, keyFingerprint) => {
      const entry = pending.find(
        ({ fault }) =>
          (fault.path === undefined || fault.path === path) &&
          (fault.keyFingerprint === undefined || fault.keyFingerprint === keyFingerprint),
      );
      if (entry === undefined) return undefined;
      entry.left -= 1;
      if (entry.left <= 0) pending = pending.filter((other) => other !== entry);
      return entry.fault;
    },
  };
}

/** The answer once a fault has had its say; `usual` is only asked for when the fault leaves it standing. */
export async function applyFault(fault: Fault | undefined, usual: () => Promise<Answer>): Promise<Answer> {
  if (fault === undefined) return usual();
  if (fault.reset) return { status: 200, headers: {}, body: '', delivery: 'reset' };
  const delivery = fault.delivery === undefined ? {} : { delivery: fault.delivery };
  if (fault.status === undefined && fault.body === undefined) {
    const answer = await usual();
    return { ...answer, headers: { ...answer.headers, ...fault.headers }, ...delivery };
  }
  const isText = typeof fault.body === 'string' || fault.body === undefined;
  return {
    status: fault.status ?? 200,
    headers: { 'content-type': isText ? 'text/plain' : 'application/json', ...fault.headers },
    body: typeof fault.body === 'string' ? fault.body : isText ? '' : JSON.stringify(fault.body),
    ...delivery,
  };
}
