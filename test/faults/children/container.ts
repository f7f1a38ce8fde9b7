import { localRuntime } from '../../../local/local-runtime.ts';
import { HANDLERS, type Served, serveAlone } from '../containers.ts';

/** One function in a separate process, which its parent kills: prints its address and serves until then. */
interface Task {
  readonly serves: Served;
  readonly variables: Readonly<Record<string, string>>;
  /** The time that stands still. */
  readonly now: string;
}

const { serves, variables, now } = JSON.parse(process.argv[2] ?? '') as Task;
const world = { ...localRuntime(() => undefined), clock: () => new Date(now) };
const gateway = await serveAlone(HANDLERS[serves](variables, world));
process.stdout.write(`${gateway.url}\n`);
