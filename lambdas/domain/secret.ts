import { inspect } from 'node:util';

const REDACTED = '[redacted]';

/**
 * A plaintext secret that prints as `[redacted]` wherever it is logged, serialised or inspected, and whose bytes are
 * zeroed by `destroy()`. The bytes are in a separate, unpooled buffer (`Buffer.from(string)` shares an 8 KiB slab with
 * other values), and reading them after `destroy()` throws.
 */
export class Secret {
  readonly #bytes: Buffer;
  #destroyed = false;

  private constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  /** Copies `bytes` and leaves the original to its owner, who zeroes it. */
  static copyOf(bytes: Uint8Array): Secret {
    const own = Buffer.alloc(bytes.byteLength);
    own.set(bytes);
    return new Secret(own);
  }

  /** The string itself cannot be zeroed: JavaScript strings are immutable. Use it only at the edge. */
  static fromText(text: string): Secret {
    const own = Buffer.alloc(Buffer.byteLength(text, 'utf8'));
    own.write(text, 'utf8');
    return new Secret(own);
  }

  /** The live bytes, not a copy: never keep them past `destroy()`. Throws once destroyed. */
  bytes(): Buffer {
    if (this.#destroyed) throw new Error('A destroyed secret was read.');
    return this.#bytes;
  }

  /** Idempotent. Afterwards the bytes are zero. */
  destroy(): void {
    this.#bytes.fill(0);
    this.#destroyed = true;
  }

  toString(): string {
    return REDACTED;
  }

  toJSON(): string {
    return REDACTED;
  }

  [inspect.custom](): string {
    return REDACTED;
  }
}
