import { fork } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Order } from '../custody/children/watch-call.ts';
import { openAiOf } from './openai.ts';
import { prepareCall, type RealtimeCaller } from './realtime-caller.ts';
import type { TestStack } from './stack.ts';

/** A watcher in a separate process, as on Lambda, of a call that has had one turn. */
export interface WatcherProcess {
  readonly pid: number;
  readonly caller: RealtimeCaller;
  /** Returns after the process has executed it. */
  order(order: Order): Promise<void>;
  close(): Promise<void>;
}

const CHILD = join(import.meta.dirname, '..', 'custody', 'children', 'watch-call.ts');

/** The stack must have `WATCH=off`: the process is the call's only watcher. Also for benches, so without Jest. */
export const startWatcherProcess = async (
  stack: TestStack,
  siteId: string,
  origin: string,
): Promise<WatcherProcess> => {
  const caller = await prepareCall();
  const child = fork(CHILD, {
    execArgv: ['--expose-gc'],
    env: { PATH: process.env['PATH'], AWS_ACCESS_KEY_ID: 'local', AWS_SECRET_ACCESS_KEY: 'local' },
  });
  const order = async (one: Order): Promise<void> => {
    const done = once(child, 'message');
    child.send(one);
    const [answer] = await done;
    if (answer !== 'done') throw new Error(`The watcher has ${answer}.`);
  };
  const close = async (): Promise<void> => {
    await caller.close();
    child.kill('SIGKILL');
  };
  try {
    const body = { sdp: caller.offer };
    const { data: call, error } = await stack.call('POST', `/v1/${siteId}/calls`, { origin, body });
    if (call === undefined) throw new Error(`The call was refused: ${error.code}`);
    await caller.connect(call.sdp);
    const record = () => openAiOf(stack).calls.at(-1);
    const request = {
      siteId,
      sessionId: call.session_id,
      callId: record()?.callId,
      openedAtMs: stack.now().getTime(),
      strict: true,
    };
    await order({ do: 'watch', variables: stack.variables, request });
    for (let waitedMs = 0; record()?.sidebands !== 1; waitedMs += 25) {
      if (waitedMs > 20_000) throw new Error('The watcher does not attach.');
      await sleep(25);
    }
    await caller.speak(600);
    await caller.event('response.done');
    return { pid: child.pid ?? 0, caller, order, close };
  } catch (error) {
    await close();
    throw error;
  }
};
