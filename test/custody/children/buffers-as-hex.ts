import { inspect } from 'node:util';

/** A buffer is written as its bytes in hex: what Node writes itself, with a space after each byte, takes seconds. */
Object.defineProperty(ArrayBuffer.prototype, inspect.custom, {
  value(this: ArrayBuffer) {
    return `ArrayBuffer ${Buffer.from(this).toString('hex')}`;
  },
});
