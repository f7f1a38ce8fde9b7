import './buffers-as-hex.ts';
import { writeFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { queryObjects, writeHeapSnapshot } from 'node:v8';
import { watchHandler } from '../../../lambdas/composition/watch.ts';
import { ENVIRONMENTS, parseEnvironment } from '../../../lambdas/contract/environment.ts';
import { localRuntime } from '../../../local/local-runtime.ts';

/** A parent's requests: watch a call, collect garbage, or write down what the process still holds. */
export type Order =
  | { readonly do: 'watch'; readonly variables: Readonly<Record<string, string>>; readonly request: unknown }
  | { readonly do: 'keep'; readonly secret: string }
  | { readonly do: 'collect' }
  | { readonly do: 'write'; readonly snapshotFile: string; readonly buffersFile: string };

/** A careless program would hold on to these; they prove that a search finds them. */
const kept: unknown[] = [];

const obey = async (order: Order): Promise<void> => {
  switch (order.do) {
    case 'watch': {
      const watch = watchHandler(
        parseEnvironment(ENVIRONMENTS.watch, order.variables),
        localRuntime(() => undefined),
      );
      void watch(order.request).then(
        () => process.send?.('ended'),
        (error: unknown) => process.send?.(`failed: ${String(error)}`),
      );
      return;
    }
    case 'keep':
      kept.push(`kept: ${order.secret}`, Buffer.alloc(order.secret.length, order.secret));
      return;
    case 'collect':
      for (let turn = 0; turn < 5; turn += 1) {
        await sleep(20);
        globalThis.gc?.();
      }
      return;
    case 'write': {
      writeHeapSnapshot(order.snapshotFile);
      const buffers = queryObjects(ArrayBuffer, { format: 'summary' });
      writeFileSync(order.buffersFile, buffers.join('\n'));
    }
  }
};

process.on('message', (order) => {
  void obey(order as Order).then(() => process.send?.('done'));
});
