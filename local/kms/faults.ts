/** A failure to answer with instead of, or a delay before, the real work. */
export interface KmsFault {
  /** Only calls of this operation; undefined is every operation. */
  readonly operation?: string;
  /** The KMS error to answer, such as `ThrottlingException`; the operation does not run. */
  readonly errorName?: string;
  /** Waits this long first, then continues. */
  readonly delayMs?: number;
  /** Resets the connection without an answer; the operation does not run. */
  readonly reset?: boolean;
  /** How many calls it hits; undefined is every call until cleared. */
  readonly times?: number;
}

/** Injected faults; a call takes at most one, the earliest injected that matches and is not used up. */
export class Faults {
  #pending: { readonly fault: KmsFault; remaining: number }[] = [];

  inject(fault: KmsFault): void {
    this.#pending.push({ fault, remaining: fault.times ?? Number.POSITIVE_INFINITY });
  }

  clear(): void {
    this.#pending = [];
  }

  /** The fault this call must meet; each one taken counts against its `times`. */
  take(operation: string): KmsFault | undefined {
    const match = this.#pending.find(
      ({ fault, remaining }) =>
        remaining > 0 && (fault.operation === undefined || fault.operation === operation),
    );
    if (match === undefined) return undefined;
    match.remaining -= 1;
    return match.fault;
  }
}
