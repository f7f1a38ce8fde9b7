import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { makeKeyedTenant } from '../support/keyed-tenant.ts';
import { startTestStack, type TestStack } from '../support/stack.ts';
import { ORIGIN } from '../support/tenant.ts';
import { startWatcherProcess } from '../support/watcher-process.ts';

let stack: TestStack;
beforeAll(async () => {
  stack = await startTestStack({ audited: false });
});
afterAll(() => stack?.close());

/** Pieces that leave no 23 neighbouring characters of the key unseen. */
const piecesOf = (key: string): string[] =>
  Array.from({ length: Math.floor((key.length - 4) / 12) }, (_, i) => key.slice(i * 12, i * 12 + 12));

interface Held {
  readonly inStrings: boolean;
  readonly inBuffers: boolean;
}

/**
 * Where a running watcher still holds the key after a collection of garbage, before it keeps the key as a careless program
 * would, and after.
 */
const heldByWatcher = async (): Promise<{ readonly clean: Held; readonly planted: Held }> => {
  const tenant = await makeKeyedTenant(stack, {}, { control: 'brokered' });
  const folder = mkdtempSync(join(tmpdir(), 'custody-watcher-'));
  const [snapshotFile, buffersFile] = [join(folder, 'heapsnapshot'), join(folder, 'buffers')];
  const watcher = await startWatcherProcess(stack, tenant.siteId, ORIGIN);
  const look = async (): Promise<Held> => {
    await watcher.order({ do: 'collect' });
    await watcher.order({ do: 'write', snapshotFile, buffersFile });
    const [snapshot, buffers] = [readFileSync(snapshotFile), readFileSync(buffersFile)];
    expect(snapshot.byteLength).toBeGreaterThan(1_000_000);
    expect(buffers.indexOf('ArrayBuffer')).toBeGreaterThanOrEqual(0);
    const pieces = piecesOf(tenant.key);
    return {
      inStrings: pieces.some((piece) => snapshot.includes(piece)),
      inBuffers: pieces.some((piece) => buffers.includes(Buffer.from(piece).toString('hex'))),
    };
  };
  try {
    const clean = await look();
    await watcher.order({ do: 'keep', secret: tenant.key });
    return { clean, planted: await look() };
  } finally {
    await watcher.close();
    rmSync(folder, { recursive: true, force: true });
  }
};

describe('a watcher that follows a call', () => {
  let held: Awaited<ReturnType<typeof heldByWatcher>>;
  beforeAll(async () => {
    held = await heldByWatcher();
  });

  test('holds the key in no string and no buffer of its heap after a garbage collection', () => {
    expect(held.clean).toEqual({ inStrings: false, inBuffers: false });
  });

  test('is detected if it keeps the key, in a string and in a buffer', () => {
    expect(held.planted).toEqual({ inStrings: true, inBuffers: true });
  });
});
