import { type ChildProcess, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';

const KEPT_LINES = 20;
const STOP_TIMEOUT_MS = 5_000;

/** How an engine ended. `expected` is true when it was told to stop. */
export type EngineExit = {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly lastLines: readonly string[];
  readonly expected: boolean;
};

export type EngineProcess = {
  readonly pid: number | undefined;
  readonly exited: Promise<EngineExit>;
  readonly hasExited: () => boolean;
  /**
   * True once it has reported that it listens. A response on its port could come from another server, but this report
   * cannot.
   */
  readonly saysItListens: () => boolean;
  /** Asks it to stop, and kills it after five seconds. Settles when it has ended; safe to call again. */
  readonly stop: () => Promise<void>;
};

/**
 * Runs the engine so that it cannot outlive this process, however this process ends.
 *
 * It has its own process group: Ctrl-C must reach this process alone, which then closes things in order.
 */
export function runEngine(binary: string, args: readonly string[]): EngineProcess {
  const child = spawn(binary, args, { stdio: ['ignore', 'ignore', 'pipe'], detached: true });
  const lastLines: string[] = [];
  let listening = false;
  createInterface({ input: child.stderr }).on('line', (line) => {
    if (line.trim() === '') return;
    listening ||= /listening on/i.test(line);
    lastLines.push(line);
    if (lastLines.length > KEPT_LINES) lastLines.shift();
  });

  let stopping = false;
  let gone = false;
  const terminate = () => child.kill('SIGTERM');
  process.once('exit', terminate);
  const guard = guardAgainstOrphan(child);

  const exited = new Promise<EngineExit>((resolve) => {
    const finish = (code: number | null, signal: NodeJS.Signals | null) => {
      gone = true;
      process.removeListener('exit', terminate);
      guard?.kill('SIGKILL');
      resolve({ code, signal, lastLines: [...lastLines], expected: stopping });
    };
    // 'close' rather than 'exit': by then stderr has been read to its end.
    child.once('close', finish);
    child.once('error', (error) => {
      lastLines.push(error.message);
      finish(null, null);
    });
  });

  const stop = async () => {
    if (gone) return;
    stopping = true;
    child.kill('SIGTERM');
    const killer = setTimeout(() => child.kill('SIGKILL'), STOP_TIMEOUT_MS);
    await exited;
    clearTimeout(killer);
  };

  return { pid: child.pid, exited, hasExited: () => gone, saysItListens: () => listening, stop };
}

/**
 * Ends the engine when this process dies without running its exit handlers (SIGKILL, or a signal nobody handles): a
 * shell waits on a pipe that only this process holds open. Windows has no such shell, so only the exit handler works
 * there.
 */
function guardAgainstOrphan(engine: ChildProcess): ChildProcess | undefined {
  if (process.platform === 'win32' || engine.pid === undefined) return undefined;
  const guard = spawn('/bin/sh', ['-c', 'read _; kill -TERM "$0"', String(engine.pid)], {
    stdio: ['pipe', 'ignore', 'ignore'],
    detached: true,
  });
  guard.once('error', () => undefined);
  guard.unref();
  return guard;
}
