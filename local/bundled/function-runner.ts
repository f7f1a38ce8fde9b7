import {
  type ContainerOptions,
  type FunctionContainer,
  InvocationError,
  startContainer,
} from './function-container.ts';

/** A deployed bundle that runs in its own containers. */
export interface FunctionRunner {
  invoke(event: unknown): Promise<unknown>;
  close(): Promise<void>;
}

/**
 * Maximum number of containers of one function; further calls wait for one of them. Lambda would start one for each call
 * immediately. A local machine does not have enough cores for that: calls would delay each other until they time out.
 */
const MAX_CONTAINERS = 4;

/** Starts containers as they are needed, and ends those that have died. */
export const startFunction = (options: ContainerOptions): FunctionRunner => {
  const containers = new Set<FunctionContainer>();
  const idle: FunctionContainer[] = [];
  const waiting: { resolve(container: FunctionContainer): void; reject(error: Error): void }[] = [];
  let closed = false;

  const start = (): FunctionContainer => {
    const container = startContainer(options);
    containers.add(container);
    return container;
  };
  const take = async (): Promise<FunctionContainer> => {
    // The one used last, which is warm, so that sequential calls get the same container.
    for (let container = idle.pop(); container !== undefined; container = idle.pop())
      if (container.ended) containers.delete(container);
      else return container;
    if (containers.size < MAX_CONTAINERS) return start();
    return new Promise((resolve, reject) => waiting.push({ resolve, reject }));
  };
  const giveBack = (container: FunctionContainer): void => {
    if (container.ended) containers.delete(container);
    const next = waiting.shift();
    if (next !== undefined) next.resolve(container.ended ? start() : container);
    else if (!container.ended) idle.push(container);
  };
  // There will be no response, and a stream that is still being read during the shutdown must not wait for its timeout.
  const hasEnded = (): InvocationError => new InvocationError(`${options.name}: its containers have ended`);

  return {
    invoke: async (event) => {
      if (closed) throw hasEnded();
      const container = await take();
      try {
        return await container.invoke(event);
      } finally {
        if (!closed) giveBack(container);
      }
    },
    close: async () => {
      closed = true;
      for (const { reject } of waiting.splice(0)) reject(hasEnded());
      await Promise.all([...containers].map((container) => container.end()));
    },
  };
};
