import { writeFileSync } from 'node:fs';
import type { HeapProfiler } from 'node:inspector';
import { Session } from 'node:inspector/promises';
import { join } from 'node:path';
import { PerformanceObserver } from 'node:perf_hooks';

/**
 * Loaded into a server that is measured (`node --import`): reports to its parent, over the channel between them, what the
 * server has used so far. Ends with its parent. With `HEAP_PROFILE_DIR`, the sampled heap is also written there, as a file
 * that Chrome's developer tools open.
 */

export interface Spent {
  /** Processor time of all threads so far, milliseconds. */
  readonly cpuMs: number;
  /** Runs of the garbage collector, and how long they stopped everything. */
  readonly collections: number;
  readonly collectionMs: number;
  /** Estimated allocations on the heap during sampling; 0 until sampling has ended. */
  readonly allocatedBytes: number;
}

export type ProbeQuestion = 'spent' | 'start sampling' | 'stop sampling';

let [collections, collectionMs, allocatedBytes] = [0, 0, 0];
new PerformanceObserver((list) => {
  for (const { duration } of list.getEntries()) {
    collections += 1;
    collectionMs += duration;
  }
}).observe({ entryTypes: ['gc'] });

const sizeOf = ({ selfSize, children }: HeapProfiler.SamplingHeapProfileNode): number =>
  children.reduce((sum, child) => sum + sizeOf(child), selfSize);

const inspector = new Session();
const SAMPLING = {
  samplingInterval: 8_192,
  includeObjectsCollectedByMajorGC: true,
  includeObjectsCollectedByMinorGC: true,
};

process.on('message', async (question: ProbeQuestion) => {
  if (question === 'start sampling') {
    inspector.connect();
    await inspector.post('HeapProfiler.startSampling', SAMPLING);
  }
  if (question === 'stop sampling') {
    const { profile } = await inspector.post('HeapProfiler.stopSampling');
    allocatedBytes = sizeOf(profile.head);
    const folder = process.env['HEAP_PROFILE_DIR'];
    if (folder !== undefined)
      writeFileSync(join(folder, `${process.pid}.heapprofile`), JSON.stringify(profile));
    inspector.disconnect();
  }
  const { user, system } = process.cpuUsage();
  const spent: Spent = { cpuMs: (user + system) / 1_000, collections, collectionMs, allocatedBytes };
  process.send?.({ spent });
});
// Not killed, so that a requested profile is written.
process.on('disconnect', () => process.exit(0));
