import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { dynamoDbClient } from '../../lambdas/adapters/aws/clients.ts';
import { dynamoDbRateLimiter } from '../../lambdas/adapters/aws/sessions/dynamodb-rate-limiter.ts';
import { TABLES } from '../../lambdas/contract/tables.ts';
import { checked, type ModelWorld, startModelWorld } from './model-world.ts';

let world: ModelWorld;
let dynamoDb: ReturnType<typeof dynamoDbClient>;

beforeAll(async () => {
  world = await startModelWorld();
  dynamoDb = dynamoDbClient({
    AWS_REGION: 'us-east-1',
    AWS_ENDPOINT_URL_DYNAMODB: world.stack.variables['AWS_ENDPOINT_URL_DYNAMODB'],
  });
});
afterAll(async () => {
  dynamoDb.destroy();
  await world.close();
});

/** So many calls of one subject at once, after the clock jumped. */
const burst = fc.record({
  jumpSeconds: fc.oneof(fc.constant(0), fc.integer({ min: -70, max: 70 }), fc.constant(1)),
  calls: fc.integer({ min: 1, max: 12 }),
  subject: fc.constantFrom('one', 'other'),
  loses: fc.option(fc.nat(11), { nil: undefined, freq: 3 }),
});

const START = Date.parse('2026-11-23T12:00:10.000Z');

it('a rate limit admits exactly its number of requests under any concurrency, and never more after a lost response', async () => {
  const limiter = dynamoDbRateLimiter(dynamoDb, TABLES.limits.name);
  const limit = { perMinute: 10, perSecond: 4 };
  const commands = fc.array(burst, { minLength: 1, maxLength: 12 });
  await checked(
    commands,
    async (bursts) => {
      const run = randomBytes(8).toString('hex');
      const spent = new Map<string, number>();
      const spentIn = (window: string): number => spent.get(window) ?? 0;
      /** Calls whose answer was lost may have been counted twice: the model knows no more than a bound from then on. */
      let exact = true;
      let nowMs = START;
      for (const { jumpSeconds, calls, subject, loses } of bursts) {
        nowMs += jumpSeconds * 1_000;
        const now = new Date(nowMs);
        const minute = `${subject} ${now.toISOString().slice(0, 16)}`;
        const second = `${subject} ${now.toISOString().slice(0, 19)}`;
        if (loses !== undefined) {
          exact = false;
          world.loseAnswers((write) => write === loses);
        }
        const answers = await Promise.all(
          Array.from({ length: calls }, () => limiter.spend(`${run}#${subject}`, limit, now)),
        );
        world.loseNoAnswers();
        const allowed = answers.filter((answer) => answer.allowed).length;
        const left = Math.min(limit.perMinute - spentIn(minute), limit.perSecond - spentIn(second));
        if (exact) expect(allowed).toBe(Math.min(calls, Math.max(0, left)));
        else expect(allowed).toBeLessThanOrEqual(Math.max(0, left));
        spent.set(minute, spentIn(minute) + allowed);
        spent.set(second, spentIn(second) + allowed);
        const minuteIsSpent = spentIn(minute) >= limit.perMinute;
        for (const answer of answers)
          if (!answer.allowed && exact)
            expect(answer.retryAfterSeconds).toBe(minuteIsSpent ? 60 - now.getUTCSeconds() : 1);
      }
    },
    { seed: 20_261_124, numRuns: 30 },
  );
});
