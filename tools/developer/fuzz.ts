import { randomInt } from 'node:crypto';
import fc from 'fast-check';
import { z } from 'zod';
import { FAMILIES, type FamilyName, familyOf } from '../../test/hostile/support/families.ts';
import { startHostileWorld } from '../../test/hostile/support/world.ts';
import { runCommand, UsageError } from '../command.ts';

const USAGE = `npm run fuzz -- --minutes N [--seed S] [--family NAME]

Plays hostile input against the handlers of a local stack, longer than the tests in test/hostile do: ${Object.keys(FAMILIES).join(', ')}.
Prints the seed, what was played, and the smallest case that fails, as a file for test/hostile/regressions.

  --minutes  for how long, all families together
  --seed     the seed of an earlier run; without it a new one
  --family   one of them alone
  --help     this text

Exit status: 0 nothing was found; 1 something was; 2 it was called wrongly.
`;

const options = z.object({
  minutes: z.coerce
    .number({ error: '--minutes must be a number' })
    .positive({ error: '--minutes must be above 0' }),
  seed: z.coerce
    .number()
    .int({ error: '--seed must be a whole number' })
    .default(() => randomInt(2 ** 31)),
  family: z.enum(Object.keys(FAMILIES) as [FamilyName, ...FamilyName[]]).optional(),
});

/** Shares of the time. Requests have by far the most variation. */
const SHARES: Readonly<Record<FamilyName, number>> = {
  requests: 5,
  targets: 1,
  streams: 2,
  tokens: 1,
  origins: 1,
};
/** Cases between two checks of the clock. */
const CHUNK = 200;
/** Maximum growth of the heap from the first to the last quarter, for caches and counters. */
const HEAP_GROWTH = { factor: 1.25, bytes: 8 * 1_024 * 1_024 };

const say = (text: string): void => {
  process.stdout.write(`${text}\n`);
};

/** Heap in use after a full garbage collection, bytes. */
const heapUsed = (): number => {
  globalThis.gc?.();
  return process.memoryUsage().heapUsed;
};

const unhandled: string[] = [];
for (const event of ['unhandledRejection', 'uncaughtException'] as const)
  process.on(event, (error: unknown) => {
    unhandled.push(`${event}: ${error instanceof Error ? error.stack : String(error)}`);
  });

/** Runs one family until its time has passed or a case fails. True if no case failed. */
const fuzz = async (name: FamilyName, milliseconds: number, firstSeed: number): Promise<boolean> => {
  const family = familyOf(name);
  const world = await startHostileWorld();
  const { play, close } = await family.prepare(world);
  const startedAt = performance.now();
  const heaps: number[] = [];
  let cases = 0;
  try {
    for (let seed = firstSeed; ; seed++) {
      const elapsed = performance.now() - startedAt;
      while (heaps.length < Math.min(4, Math.floor((elapsed / milliseconds) * 4))) heaps.push(heapUsed());
      if (elapsed >= milliseconds) break;
      let failure: { readonly given: unknown; readonly faults: readonly string[] } | undefined;
      const property = fc.asyncProperty(family.cases(), async (given) => {
        cases++;
        const faults = [...(await play(given)), ...unhandled.splice(0)];
        if (faults.length > 0) failure = { given, faults };
        return faults.length === 0;
      });
      const {
        failed,
        seed: failedSeed,
        counterexamplePath,
      } = await fc.check(property, { seed, numRuns: CHUNK });
      if (!failed) continue;
      say(`${name}: FAILED after ${cases} cases, seed ${failedSeed}, path ${counterexamplePath}`);
      for (const fault of failure?.faults ?? []) say(`  ${fault}`);
      say(JSON.stringify({ family: name, why: '', case: failure?.given }, undefined, 2));
      return false;
    }
  } finally {
    close();
    await world.close();
  }
  const answers = [...world.answers]
    .toSorted(([a], [b]) => a - b)
    .map(([status, count]) => `${status}: ${count}`);
  const megabytes = heaps.map((bytes) => (bytes / 1_048_576).toFixed(1));
  say(
    `${name}: ${cases} cases; ${answers.length > 0 ? `answers ${answers.join(', ')}; ` : ''}heap by quarter ${megabytes.join(', ')} MB`,
  );
  const [first = 0] = heaps;
  const grew = (heaps.at(-1) ?? 0) > first * HEAP_GROWTH.factor + HEAP_GROWTH.bytes;
  if (grew) say(`${name}: FAILED, the heap grows`);
  return !grew;
};

await runCommand({
  usage: USAGE,
  options: {
    minutes: { type: 'string' },
    seed: { type: 'string' },
    family: { type: 'string' },
  },
  run: async (values) => {
    const given = options.safeParse(values);
    if (!given.success) throw new UsageError(given.error.issues.map(({ message }) => message).join('\n'));
    const { minutes, seed, family } = given.data;
    const names = family === undefined ? (Object.keys(FAMILIES) as FamilyName[]) : [family];
    const shares = names.reduce((sum, name) => sum + SHARES[name], 0);
    say(`Seed ${seed}.`);
    let status = 0;
    for (const name of names)
      if (!(await fuzz(name, (minutes * 60_000 * SHARES[name]) / shares, seed))) status = 1;
    return status;
  },
  failureStatus: 2,
});
