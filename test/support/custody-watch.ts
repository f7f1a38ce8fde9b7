import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { KmsCall } from '../../local/kms/server.ts';
import type { RecordedRequest } from '../../local/openai/server.ts';
import type { Item } from './key-tables.ts';

/** A place where a secret could be found, and its content. */
export interface Sink {
  readonly where: string;
  readonly content: string | Uint8Array;
}

/** Everything in a table, its binary attributes byte for byte. */
export const sinksOfItems = (table: string, items: readonly Item[]): Sink[] =>
  items.flatMap((item, i) => {
    const where = `table ${table}, item ${i} (${String(item['pk'])} ${String(item['sk'])})`;
    return [
      { where, content: JSON.stringify(item) },
      ...bytesIn(item).map((content): Sink => ({ where: `${where}, bytes`, content })),
    ];
  });

const bytesIn = (value: unknown): Uint8Array[] => {
  if (value instanceof Uint8Array) return [value];
  return typeof value === 'object' && value !== null ? Object.values(value).flatMap(bytesIn) : [];
};

/** Every file below a folder, byte for byte. */
export const sinksOfFiles = (folder: string): Sink[] =>
  readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .map((file) => ({ where: `file ${file}`, content: readFileSync(file) }));

/** Everything sent to KMS and OpenAI, except the Authorization header to OpenAI. */
export const sinksOfCalls = (kms: readonly KmsCall[], openAi: readonly RecordedRequest[]): Sink[] => [
  ...kms.map((call): Sink => ({ where: `KMS ${call.operation}`, content: JSON.stringify(call) })),
  ...openAi.map((call): Sink => ({ where: `OpenAI ${call.path}`, content: JSON.stringify(call) })),
];

/** Records everything that this process writes to its standard streams and consoles until `stop`. `silent` suppresses it. */
export const watchOutput = ({ silent = false } = {}): { readonly sinks: () => Sink[]; stop(): void } => {
  const written: string[] = [];
  const restore: (() => void)[] = [];
  for (const name of ['stdout', 'stderr'] as const) {
    const stream = process[name];
    const write = stream.write;
    stream.write = ((chunk: string | Uint8Array, ...rest: []) => {
      written.push(typeof chunk === 'string' ? chunk : Buffer.from(chunk).toString('latin1'));
      return silent || write.call(stream, chunk, ...rest);
    }) as typeof stream.write;
    restore.push(() => {
      stream.write = write;
    });
  }
  const target = globalThis.console;
  for (const level of ['log', 'info', 'warn', 'error', 'debug', 'trace'] as const) {
    const original = target[level];
    target[level] = (...args: unknown[]) => {
      written.push(args.map(String).join(' '));
      original.apply(target, args);
    };
    restore.push(() => {
      target[level] = original;
    });
  }
  return {
    sinks: () => written.map((content, i) => ({ where: `output ${i}`, content })),
    stop: () => {
      for (const undo of restore) undo();
    },
  };
};
