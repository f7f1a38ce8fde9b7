import { hangUp, type Watcher } from './watcher.ts';

/**
 * The watcher ends its own call, which takes less time than the queue of all calls. The queue then records who ended it. If
 * neither works, the end of the calls of the budget ends this one too. `onFailed`: OpenAI did not hang up, so the call continues.
 */
export const endSpentCall = async (watcher: Watcher, onFailed: () => void): Promise<void> => {
  const isHungUp = await watcher.hangUpAtOnce().catch(() => false);
  if (!isHungUp) onFailed();
  await Promise.allSettled([hangUp(watcher, 'budget')]);
};
