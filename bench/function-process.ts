import { readFileSync } from 'node:fs';

/**
 * One container of Lambda in a separate process, so that its memory and its processor time can be measured: loads the
 * bundle that the last argument names, reports the cost of that, and then answers events until its parent disconnects.
 */

export interface Spent {
  /** Processor time of the whole process so far, of all its threads, milliseconds. */
  readonly cpuMs: number;
  readonly peakMiB: number;
}

export type ProcessMessage =
  | ({
      /** Since the start of the process, including Node's own start. */
      readonly readyMs: number;
      readonly loadMs: number;
      readonly loadCpuMs: number;
    } & Spent)
  | ({ readonly id: number; readonly answer: unknown } & Spent);

export interface ProcessCall {
  readonly id: number;
  readonly event: unknown;
}

/** The kernel's own high-water mark. That of getrusage is no use: a child starts with its parent's. */
const peakMiB = (): number => {
  try {
    const [, kilobytes] = /^VmHWM:\s+(\d+) kB$/m.exec(readFileSync('/proc/self/status', 'utf8')) ?? [];
    if (kilobytes !== undefined) return Number(kilobytes) / 1_024;
  } catch {
    // Outside of Linux, the present usage must suffice.
  }
  return process.memoryUsage.rss() / 1_024 ** 2;
};

const cpuMs = (): number => {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1_000;
};

const tell = (message: ProcessMessage): void => {
  process.send?.(message);
};

const bundle = process.argv.at(-1) ?? '';
const [startedAtMs, cpuAtStartMs] = [performance.now(), cpuMs()];
const { handler } = (await import(bundle)) as {
  readonly handler: (event: unknown, context: unknown) => Promise<unknown>;
};
tell({
  readyMs: performance.now(),
  loadMs: performance.now() - startedAtMs,
  loadCpuMs: cpuMs() - cpuAtStartMs,
  cpuMs: cpuMs(),
  peakMiB: peakMiB(),
});

process.on('message', ({ id, event }: ProcessCall) => {
  const context = { callbackWaitsForEmptyEventLoop: true, getRemainingTimeInMillis: () => 25_000 };
  void handler(event, context).then((answer) => tell({ id, answer, cpuMs: cpuMs(), peakMiB: peakMiB() }));
});
