import { Console } from 'node:console';
import { Writable } from 'node:stream';
import { format, inspect } from 'node:util';
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { Secret } from '../../lambdas/domain/secret.ts';
import { fakeOpenAiKey } from './keys/fake-openai-key.ts';

const text = fakeOpenAiKey();
const secret = Secret.fromText(text);

/** Text that a console prints, on either stream. */
const printedBy = (use: (console: Console) => void): string => {
  const chunks: string[] = [];
  const sink = new Writable({
    write: (chunk: Buffer, _encoding, done) => {
      chunks.push(chunk.toString());
      done();
    },
  });
  use(new Console({ stdout: sink, stderr: sink, colorMode: false }));
  return chunks.join('');
};

const PRINTED: Record<string, () => string> = {
  'toString()': () => secret.toString(),
  'String()': () => String(secret),
  'a template': () => `${secret}`,
  concatenation: () => ['', secret].join(''),
  'JSON.stringify': () => JSON.stringify(secret),
  'JSON.stringify of what holds it': () => JSON.stringify({ key: secret, list: [secret] }),
  'util.inspect': () => inspect(secret),
  'util.inspect of hidden properties': () => inspect(secret, { showHidden: true, depth: null }),
  'util.inspect of what holds it': () => inspect({ key: secret, list: [secret] }, { depth: null }),
  'util.inspect of a Map and a Set': () => inspect([new Map([[secret, secret]]), new Set([secret])]),
  'util.format %s': () => format('%s', secret),
  'util.format %j': () => format('%j', secret),
  'util.format %o': () => format('%o', secret),
  'util.format %O': () => format('%O', secret),
  'util.format of an extra argument': () => format('key:', secret),
  'console.log': () => printedBy((console) => console.log('key', secret)),
  'console.error': () => printedBy((console) => console.error({ secret })),
  'console.table': () => printedBy((console) => console.table([{ secret }])),
  'an error with it as cause': () => inspect(new Error('failed', { cause: secret })),
  'an error whose cause holds it': () => inspect(new Error('failed', { cause: { secret } }), { depth: null }),
  'an error with it as a property': () => inspect(Object.assign(new Error('failed'), { secret })),
  'an AggregateError': () => inspect(new AggregateError([secret], 'failed')),
  'an error message': () => new Error(`failed with ${secret}`).message,
};

/** Every way in which bytes are commonly written, of any eight bytes of the secret. */
const fragmentsOf = (plain: string): string[] => {
  const part = plain.slice(20, 40);
  const bytes = Buffer.from(part);
  return [
    part.slice(0, 8),
    bytes.toString('hex').slice(0, 16),
    Buffer.from(plain).toString('base64').slice(0, 16),
    [...bytes].join(', ').slice(0, 24),
    [...bytes].join(',').slice(0, 24),
    [...bytes].map((byte) => byte.toString(16)).join(' '),
  ];
};

describe('a secret', () => {
  it.each(Object.keys(PRINTED))('prints as [redacted] in %s', (way) => {
    const printed = PRINTED[way]?.() ?? '';
    expect(printed).toContain('[redacted]');
    for (const fragment of fragmentsOf(text)) expect(printed).not.toContain(fragment);
  });

  it('stays hidden when custom inspection is switched off or bypassed', () => {
    const printed = [
      inspect(secret, { customInspect: false, showHidden: true, depth: null }),
      inspect(structuredClone({ secret })),
      inspect(Object.entries(secret)),
      inspect({ ...secret }),
      inspect(Object.getOwnPropertyDescriptors(secret)),
      format('%d %i %f', secret, secret, secret),
    ].join('\n');
    for (const fragment of fragmentsOf(text)) expect(printed).not.toContain(fragment);
    expect(Reflect.ownKeys(secret)).toEqual([]);
  });

  it('returns exactly the text or bytes that it was made from', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (any) => Secret.fromText(any).bytes().toString() === any),
    );
    fc.assert(fc.property(fc.uint8Array(), (any) => Buffer.from(any).equals(Secret.copyOf(any).bytes())));
  });

  it('is a copy: zeroing the original keeps the secret, and destroying the secret keeps the original', () => {
    const original = Buffer.from('0123456789');
    const copy = Secret.copyOf(original);
    original.fill(0);
    expect(copy.bytes().toString()).toBe('0123456789');
    const untouched = Buffer.from('0123456789');
    Secret.copyOf(untouched).destroy();
    expect(untouched.toString()).toBe('0123456789');
  });

  it('copies the bytes of a view, not the memory behind it', () => {
    const memory = Buffer.from('left-secret-right');
    expect(Secret.copyOf(memory.subarray(5, 11)).bytes().toString()).toBe('secret');
  });

  it.each([1, 164, 4_096, 10_000])('of %p bytes shares its memory with no other object', (size) => {
    for (const own of [Secret.fromText('x'.repeat(size)), Secret.copyOf(Buffer.alloc(size, 1))]) {
      expect(own.bytes().byteLength).toBe(size);
      expect(own.bytes().buffer.byteLength).toBe(size);
    }
  });

  it('is zero in memory once destroyed', () => {
    const own = Secret.fromText(text);
    const bytes = own.bytes();
    expect(bytes.every((byte) => byte !== 0)).toBe(true);
    own.destroy();
    expect(bytes).toHaveLength(text.length);
    expect(bytes.every((byte) => byte === 0)).toBe(true);
  });

  it('cannot be read after it is destroyed, and the error does not reveal the value', () => {
    const own = Secret.fromText(text);
    own.destroy();
    expect(() => own.bytes()).toThrow(new Error('A destroyed secret was read.'));
  });

  it('can be destroyed twice, and still prints as [redacted]', () => {
    const own = Secret.fromText(text);
    own.destroy();
    own.destroy();
    expect(() => own.bytes()).toThrow('destroyed');
    expect([`${own}`, inspect(own), JSON.stringify(own)]).toEqual([
      '[redacted]',
      '[redacted]',
      '"[redacted]"',
    ]);
  });
});
