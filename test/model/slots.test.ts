import { afterAll, beforeAll, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { leaseItem } from '../../lambdas/adapters/aws/sessions/lease-item.ts';
import { holderTagOf, keyPoolOf } from '../../lambdas/domain/sessions/slots.ts';
import type { MintedToken } from '../../lambdas/use-cases/sessions/mint-token.ts';
import type { WidgetEvent } from '../../lambdas/use-cases/sessions/record-events.ts';
import { addSite, changeWorkspace, makeKeyedTenant } from '../support/keyed-tenant.ts';
import {
  checked,
  endedAt,
  heartbeatAt,
  type Mishap,
  type ModelWorld,
  startModelWorld,
} from './model-world.ts';

let world: ModelWorld;
beforeAll(async () => {
  world = await startModelWorld();
});
afterAll(() => world.close());

/** Seconds that a slot is kept: of a fresh mint (client secret of 60 s and half a minute), and from each report on. */
const MINT_LEASE = 90;
const REPORT_LEASE = 75;

type Op =
  | ({ readonly op: 'mint'; readonly site: number } & Mishap)
  | {
      readonly op: 'beat' | 'end';
      readonly session: number;
      readonly again: boolean;
      readonly diesAfter?: number;
    };

type Command =
  | { readonly do: 'burst'; readonly ops: readonly Op[]; readonly loses: number | undefined }
  | { readonly do: 'wait'; readonly seconds: number }
  /** To the second at which the lease of a visitor ends, or this many seconds from it. */
  | { readonly do: 'wait_for_lease'; readonly session: number; readonly beside: number }
  | { readonly do: 'limit'; readonly limit: number }
  | { readonly do: 'share'; readonly percent: number | null }
  | { readonly do: 'sweep' };

const maybe = <Value>(value: fc.Arbitrary<Value>) => fc.option(value, { nil: undefined, freq: 4 });

const mishap: fc.Arbitrary<Mishap> = fc
  .record({ diesAfter: maybe(fc.integer({ min: 1, max: 6 })), openAiFails: maybe(fc.constant(true)) })
  .map(({ diesAfter, openAiFails }) => ({
    ...(diesAfter !== undefined && { diesAfter }),
    ...(openAiFails !== undefined && { openAiFails }),
  }));
const mints = (mishaps: fc.Arbitrary<Mishap>): fc.Arbitrary<Op> =>
  fc.record({ site: fc.nat(1), mishaps }).map(({ site, mishaps: of }) => ({ op: 'mint', site, ...of }));
const report: fc.Arbitrary<Op> = fc
  .record({
    op: fc.constantFrom('beat' as const, 'beat' as const, 'end' as const),
    session: fc.nat(30),
    again: fc.boolean(),
    diesAfter: maybe(fc.integer({ min: 1, max: 3 })),
  })
  .map(({ diesAfter, ...op }) => ({ ...op, ...(diesAfter !== undefined && { diesAfter }) }));

const command: fc.Arbitrary<Command> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({
      do: fc.constant('burst' as const),
      ops: fc.array(mints(fc.constant({})), { minLength: 1, maxLength: 6 }),
      loses: maybe(fc.nat(10)),
    }),
  },
  {
    weight: 6,
    arbitrary: fc.record({
      do: fc.constant('burst' as const),
      ops: fc.array(fc.oneof(mints(mishap), report, report), { minLength: 1, maxLength: 6 }),
      loses: maybe(fc.nat(10)),
    }),
  },
  {
    weight: 5,
    arbitrary: fc.record({
      do: fc.constant('wait' as const),
      seconds: fc.constantFrom(1, 15, 20, 30, 59, 74, 75, 76, 89, 90, 91, 600),
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      do: fc.constant('wait_for_lease' as const),
      session: fc.nat(30),
      beside: fc.constantFrom(-1, 0, 0),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({ do: fc.constant('limit' as const), limit: fc.integer({ min: 1, max: 5 }) }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ do: fc.constant('share' as const), percent: fc.constantFrom(null, 20, 50) }),
  },
  { weight: 2, arbitrary: fc.constant({ do: 'sweep' as const }) },
);

/** The plain model: who holds what until when, as the documents say it. */
interface Visitor {
  readonly minted: MintedToken;
  readonly connectBy: number;
  /** Unix seconds; 0: it holds no slot any more. */
  leaseEnds: number;
  /** When a report last told something new. 0: it never reported, and nobody watches for its silence. */
  heardAt: number;
  over: boolean;
  last: readonly WidgetEvent[];
}

it('a workspace never has more sessions than slots and loses no slot under concurrency, crashes and repeats', async () => {
  await checked(
    fc.array(command, { minLength: 4, maxLength: 14 }),
    async (commands) => {
      const tenant = await makeKeyedTenant(
        world.stack,
        { concurrency_limit: 3 },
        { max_duration_seconds: 3_600 },
      );
      const sites = [tenant, await addSite(world.stack, tenant)];
      const visitors: Visitor[] = [];
      /** When the slots of mints end that died on the way, or were given up. */
      const strays: number[] = [];
      let limit = 3;
      let share: number | null = null;
      let pool = '';

      const now = world.nowSeconds;
      const live = async () =>
        (await world.tables.slotsOf(tenant.workspaceId))
          .map((item) => leaseItem.parse(item))
          .map(({ pool, holder, expiresAt: ends }) => ({ pool, holder, ends }))
          .filter(({ ends }) => ends > now());
      const poolsAt = (site: number) => {
        const key = { pool, limit };
        if (share === null) return [key];
        const most = Math.max(1, Math.floor((limit * share) / 100));
        return [key, { pool: `${pool}#${(sites[site] ?? tenant).siteId.slice(12)}`, limit: most }];
      };

      const mintOne = async (op: Extract<Op, { op: 'mint' }>) => {
        const outcome = await world.mint((sites[op.site] ?? tenant).siteId, op.site, op);
        if (outcome.is === 'done') {
          const { minted, connectBy } = {
            minted: outcome.result,
            connectBy: outcome.result.session.admission?.connectBy ?? 0,
          };
          expect(connectBy).toBe(now() + MINT_LEASE);
          pool = keyPoolOf(minted.session.fingerprint);
          visitors.push({ minted, connectBy, leaseEnds: connectBy, heardAt: 0, over: false, last: [] });
        } else if (outcome.is === 'failed') strays.push(now() + MINT_LEASE);
        return outcome;
      };

      const reportOne = async (op: Exclude<Op, { op: 'mint' }>) => {
        const visitor = visitors[op.session % Math.max(1, visitors.length)];
        if (visitor === undefined) return;
        const nowMs = world.time.clock().getTime();
        const reports = [op.op === 'end' ? endedAt(nowMs) : heartbeatAt(nowMs)];
        const held = visitor.leaseEnds > now();
        const first = world.report(
          visitor.minted,
          reports,
          op.diesAfter === undefined ? {} : { diesAfter: op.diesAfter },
        );
        const answers = await Promise.all([
          first,
          ...(op.again ? [world.report(visitor.minted, reports)] : []),
        ]);
        // A widget that heard nothing sends the same again.
        if (answers.some(({ is }) => is === 'failed'))
          answers.push(await world.report(visitor.minted, reports));
        const last = answers.at(-1);
        if (last?.is !== 'done') throw new Error(`A report was not taken: ${JSON.stringify(last)}`);
        visitor.over ||= op.op === 'end';
        visitor.heardAt = Math.max(visitor.heardAt, now());
        if (visitor.over) visitor.leaseEnds = 0;
        else if (held) visitor.leaseEnds = Math.max(now() + REPORT_LEASE, visitor.connectBy);
        else visitor.leaseEnds = 0;
        const expected = visitor.over ? 'ended' : held ? undefined : 'slot_lost';
        expect(last.result.hangUp).toBe(expected);
      };

      const burst = async ({ ops, loses }: Extract<Command, { do: 'burst' }>) => {
        const before = await live();
        if (loses !== undefined) world.loseAnswers((write) => write === loses);
        // One browser sends one thing at a time; different ones do so at once.
        const once = ops.filter(
          (op, i) =>
            op.op === 'mint' ||
            ops.findIndex(
              (o) => o.op !== 'mint' && o.session % visitors.length === op.session % visitors.length,
            ) === i,
        );
        const outcomes = await Promise.all(
          once.map((op) => (op.op === 'mint' ? mintOne(op) : reportOne(op))),
        );
        world.loseNoAnswers();
        const after = await live();
        const inPool = (leases: typeof after, pool: string) => leases.filter((lease) => lease.pool === pool);
        for (const { pool, limit: most } of [0, 1].flatMap(poolsAt))
          expect(inPool(after, pool).length).toBeLessThanOrEqual(Math.max(most, inPool(before, pool).length));

        const mintsAlone = once.every((op) => op.op === 'mint' && Object.keys(op).length === 2);
        if (!mintsAlone || pool === '') return;
        const admitted = outcomes.filter((outcome) => outcome?.is === 'done').length;
        const room = ({ pool, limit: most }: { pool: string; limit: number }) =>
          Math.max(0, most - inPool(before, pool).length);
        const [keyRoom = 0] = poolsAt(0).map(room);
        const perSite = [0, 1].map((site) => {
          const wanted = once.filter((op) => op.op === 'mint' && op.site === site).length;
          return Math.min(wanted, ...poolsAt(site).map(room));
        });
        expect(admitted).toBe(Math.min(keyRoom, (perSite[0] ?? 0) + (perSite[1] ?? 0)));
        for (const outcome of outcomes)
          if (outcome?.is === 'refused') {
            expect(outcome.refusal.code).toBe('busy');
            if (share !== null) continue;
            const ends = after.map((lease) => lease.ends).sort((a, b) => a - b);
            expect(outcome.refusal.retryAfterSeconds).toBe(
              Math.min(60, (ends[ends.length - limit] ?? 0) - now()),
            );
          }
      };

      const sweep = async () => {
        expect((await world.sweep()).is).toBe('done');
        for (const visitor of visitors) {
          const silentFrom = Math.max(visitor.heardAt + REPORT_LEASE, visitor.connectBy);
          if (visitor.heardAt > 0 && now() >= silentFrom) visitor.over = true;
        }
      };

      for (const next of commands) {
        if (next.do === 'burst') await burst(next);
        else if (next.do === 'wait') world.time.advance(next.seconds * 1_000);
        else if (next.do === 'wait_for_lease') {
          const ends = visitors[next.session % Math.max(1, visitors.length)]?.leaseEnds ?? 0;
          if (ends + next.beside > now()) world.time.advance((ends + next.beside - now()) * 1_000);
        } else if (next.do === 'sweep') await sweep();
        else if (next.do === 'limit') {
          limit = next.limit;
          await changeWorkspace(world.stack, tenant, { concurrency_limit: limit });
        } else {
          share = next.percent;
          await changeWorkspace(world.stack, tenant, { site_share_percent: share });
        }

        const inTable = await live();
        const holderOf = ({ minted }: Visitor) => holderTagOf(minted.session.sessionId);
        const known = new Set(visitors.map(holderOf));
        for (const visitor of visitors) {
          const leases = inTable.filter(({ holder }) => holder === holderOf(visitor));
          const slots = visitor.minted.session.admission?.slots ?? [];
          const held = visitor.leaseEnds > now();
          expect(leases.map(({ ends }) => ends)).toEqual(held ? slots.map(() => visitor.leaseEnds) : []);
        }
        const unknown = inTable.filter(({ holder }) => !known.has(holder));
        const possible = strays.filter((ends) => ends > now());
        expect(new Set(unknown.map(({ holder }) => holder)).size).toBeLessThanOrEqual(possible.length);
        for (const { ends } of unknown) expect(possible).toContain(ends);
      }

      // Nothing is leaked: when nobody reports any more, every slot comes back by itself.
      world.time.advance((MINT_LEASE + 1) * 1_000);
      expect(await live()).toEqual([]);
    },
    { seed: 20_261_125, numRuns: 25 },
  );
});
