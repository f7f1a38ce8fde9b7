import { z } from 'zod';
import type { Answer } from './answers.ts';

/**
 * Something that goes wrong whatever the key. Without `status` and `body` the ordinary answer follows, late
 * (`delayMs`) or with more headers.
 */
export const FaultSchema = z.strictObject({
  /** The exact path, such as `/v1/realtime/client_secrets`; every path when absent. */
  path: z.string().optional(),
  status: z.int().min(200).max(599).optional(),
  /** Text is sent as it is, anything else as JSON. */
  body: z.unknown().optional(),
  headers: z.record(z.string(), z.string()).optional(),
  delayMs: z.int().min(0).optional(),
  /** Drops the connection instead of answering. */
  reset: z.boolean().optional(),
  /** How many requests it strikes; until cleared when absent. */
  times: z.int().min(1).optional(),
});
export type Fault = z.infer<typeof FaultSchema>;

export type Faults = {
  readonly inject: (fault: Fault) => void;
  readonly clear: () => void;
  /** The first fault that strikes this path; counts as one of its times. */
  readonly take: (path: string) => Fault | undefined;
};

export function createFaults(): Faults {
  let pending: { readonly fault: Fault; left: number }[] = [];
  return {
    inject: (fault) => {
      pending.push({ fault, left: fault.times ?? Number.POSITIVE_INFINITY });
    },
    clear: () => {
      pending = [];
    },
    take: (path) => {
      const entry = pending.find(({ fault }) => fault.path === undefined || fault.path === path);
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
  if (fault.status === undefined && fault.body === undefined) {
    const answer = await usual();
    return { ...answer, headers: { ...answer.headers, ...fault.headers } };
  }
  const isText = typeof fault.body === 'string' || fault.body === undefined;
  return {
    status: fault.status ?? 200,
    headers: { 'content-type': isText ? 'text/plain' : 'application/json', ...fault.headers },
    body: typeof fault.body === 'string' ? fault.body : isText ? '' : JSON.stringify(fault.body),
  };
}
