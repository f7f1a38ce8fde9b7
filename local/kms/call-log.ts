import type { CallSubject } from './operations.ts';

/** One KMS call as CloudTrail would record it: its key, context and outcome, never a plaintext or ciphertext. */
export interface KmsCall extends CallSubject {
  readonly operation: string;
  /** The `x-amzn-requestid` of the answer, the SDK's `$metadata.requestId`. */
  readonly requestId: string;
  /** The error that was answered; `ConnectionReset` for an injected reset. */
  readonly errorName: string | undefined;
  /** ISO 8601, when the call was answered. */
  readonly at: string;
}

/** The latest calls, oldest first; never more than its capacity. */
export class CallLog {
  readonly #calls: KmsCall[] = [];
  readonly #capacity: number;

  constructor(capacity: number) {
    this.#capacity = capacity;
  }

  /** A live view: it grows with later calls. */
  get calls(): readonly KmsCall[] {
    return this.#calls;
  }

  record(call: KmsCall): void {
    this.#calls.push(Object.freeze(call));
    if (this.#calls.length > this.#capacity) this.#calls.shift();
  }

  clear(): void {
    this.#calls.length = 0;
  }
}
