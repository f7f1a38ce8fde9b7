import { afterAll, beforeAll, expect, it } from '@jest/globals';
import fc from 'fast-check';
import type { SiteId, WorkspaceId } from '../../lambdas/domain/identifiers.ts';
import { FIRST_HOLD_SECONDS } from '../../lambdas/domain/limits.ts';
import { type LedgerEntry, NO_ENTRY } from '../../lambdas/domain/usage/ledger.ts';
import { TOKEN_KINDS } from '../../lambdas/domain/usage/token-counts.ts';
import type { MintedToken } from '../../lambdas/use-cases/sessions/mint-token.ts';
import type { WidgetEvent } from '../../lambdas/use-cases/sessions/record-events.ts';
import { FREE_SECONDS, setManagedSeconds } from '../support/managed-usage.ts';
import { putPlatformKey } from '../support/platform-key.ts';
import { fakeKey, makeTenant } from '../support/tenant.ts';
import {
  checked,
  connectedAt,
  endedAt,
  heartbeatAt,
  type Mishap,
  type ModelWorld,
  startModelWorld,
  usageAt,
} from './model-world.ts';

let world: ModelWorld;
beforeAll(async () => {
  world = await startModelWorld();
  await putPlatformKey(world.stack, fakeKey());
});
afterAll(() => world.close());

interface ReportOp {
  readonly session: number;
  /** Besides the heartbeat, which every one of them has. */
  readonly speaks: number | undefined;
  readonly ends: boolean;
  /** Delivered once more, at the same time. */
  readonly again: boolean;
  readonly diesAfter?: number;
}

type Command =
  | {
      readonly do: 'mint';
      readonly visitors: readonly Mishap[];
      readonly connect: boolean;
      readonly loses: number | undefined;
    }
  | { readonly do: 'report'; readonly reports: readonly ReportOp[]; readonly loses: number | undefined }
  | { readonly do: 'repeat' | 'connect'; readonly session: number }
  | { readonly do: 'wait'; readonly seconds: number }
  /** Often after so long a silence that sessions have ended. */
  | { readonly do: 'sweep'; readonly quietSeconds: number; readonly diesAfter: number | undefined };

const maybe = <Value>(value: fc.Arbitrary<Value>) => fc.option(value, { nil: undefined, freq: 4 });
const loses = maybe(fc.nat(8));
const mishap: fc.Arbitrary<Mishap> = fc
  .record({ diesAfter: maybe(fc.integer({ min: 1, max: 6 })), openAiFails: maybe(fc.constant(true)) })
  .map(({ diesAfter, openAiFails }) => ({
    ...(diesAfter !== undefined && { diesAfter }),
    ...(openAiFails !== undefined && { openAiFails }),
  }));
const reportOp: fc.Arbitrary<ReportOp> = fc
  .record({
    session: fc.nat(20),
    speaks: fc.option(fc.integer({ min: 1, max: 90 }), { nil: undefined, freq: 2 }),
    ends: fc.nat(3).map((n) => n === 0),
    again: fc.boolean(),
    diesAfter: maybe(fc.integer({ min: 1, max: 2 })),
  })
  .map(({ diesAfter, ...op }) => ({ ...op, ...(diesAfter !== undefined && { diesAfter }) }));

const command: fc.Arbitrary<Command> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({
      do: fc.constant('mint' as const),
      connect: fc.nat(3).map((n) => n > 0),
      visitors: fc.array(fc.oneof({ weight: 2, arbitrary: fc.constant({}) }, mishap), {
        minLength: 1,
        maxLength: 4,
      }),
      loses,
    }),
  },
  {
    weight: 6,
    arbitrary: fc.record({
      do: fc.constant('report' as const),
      reports: fc.array(reportOp, { minLength: 1, maxLength: 4 }),
      loses,
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({ do: fc.constantFrom('repeat' as const, 'connect' as const), session: fc.nat(20) }),
  },
  {
    weight: 5,
    arbitrary: fc.record({
      do: fc.constant('wait' as const),
      seconds: fc.constantFrom(1, 4, 5, 6, 20, 20, 40, 60),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      do: fc.constant('sweep' as const),
      quietSeconds: fc.constantFrom(0, 75, 95),
      diesAfter: maybe(fc.constant(1)),
    }),
  },
);

/** The plain model: an honest visitor, and what is true of the session whatever becomes of its reports. */
interface Visitor {
  readonly minted: MintedToken;
  readonly maxSeconds: number;
  /** Everything that the browser ever told, in order. It tells it again until it is taken. */
  readonly told: WidgetEvent[];
  connectedMs: number | undefined;
  lastSeenMs: number;
  heardMs: number;
  spoken: number;
  endedMs: number | undefined;
  silent: boolean;
}

/** The seconds of the session, by the rules of docs/sessions.md. */
const secondsOf = ({ connectedMs, lastSeenMs, endedMs, silent }: Visitor): number => {
  if (connectedMs === undefined) return 0;
  return Math.floor(((endedMs ?? (silent ? lastSeenMs + 20_000 : lastSeenMs)) - connectedMs) / 1_000);
};
const billedOf = (visitor: Visitor): number => (secondsOf(visitor) >= 5 ? secondsOf(visitor) : 0);
const isOver = ({ endedMs, silent }: Visitor): boolean => endedMs !== undefined || silent;

it('plan minutes never exceed the cap when reserved, count each session once, and are all returned in the end', async () => {
  await checked(
    fc.record({
      leftSeconds: fc.constantFrom(3, 5, 60, 200, 500),
      maxSeconds: fc.constantFrom(30, 60, 200, 400),
      commands: fc.array(command, { minLength: 5, maxLength: 16 }),
    }),
    async ({ leftSeconds, maxSeconds, commands }) => {
      const tenant = await makeTenant(
        world.stack,
        { billing_mode: 'managed', concurrency_limit: null },
        { max_duration_seconds: maxSeconds },
      );
      const base = FREE_SECONDS - leftSeconds;
      await setManagedSeconds(world.stack, tenant, world.time.clock(), base);
      const visitors: Visitor[] = [];
      const nowMs = () => world.time.clock().getTime();

      const books = async () => {
        const { usages, period, days } = await world.booksOf(
          tenant.workspaceId as WorkspaceId,
          tenant.siteId as SiteId,
        );
        return { usages, days, used: period.usedSeconds - base, committed: period.committedSeconds - base };
      };

      const mint = async ({ visitors: wanted, loses: lost }: Extract<Command, { do: 'mint' }>) => {
        const { committed: before } = await books();
        if (lost !== undefined) world.loseAnswers((write) => write === lost);
        const outcomes = await Promise.all(wanted.map((mishap, i) => world.mint(tenant.siteId, i, mishap)));
        world.loseNoAnswers();
        for (const outcome of outcomes) {
          if (outcome.is !== 'done') continue;
          const { maxDurationSeconds } = outcome.result;
          expect(maxDurationSeconds).toBeLessThanOrEqual(maxSeconds);
          visitors.push({
            minted: outcome.result,
            maxSeconds: maxDurationSeconds,
            told: [],
            connectedMs: undefined,
            lastSeenMs: 0,
            heardMs: 0,
            spoken: 0,
            endedMs: undefined,
            silent: false,
          });
        }
        // A refused visitor holds nothing; one that died may.
        if (wanted.every(({ diesAfter }) => diesAfter === undefined)) {
          const { committed } = await books();
          const given = outcomes.map((outcome) =>
            outcome.is === 'done' ? Math.min(FIRST_HOLD_SECONDS, outcome.result.maxDurationSeconds) : 0,
          );
          expect(committed).toBe(given.reduce((sum, seconds) => sum + seconds, before));
        }
        if (wanted.some((mishap) => Object.keys(mishap).length > 0)) return;
        // Each may last as long as what is left, and sets two minutes of it aside, until less than five seconds are left.
        const expected: number[] = [];
        for (let left = leftSeconds - before; expected.length < wanted.length && left >= 5; ) {
          expected.push(Math.min(maxSeconds, left));
          left -= Math.min(FIRST_HOLD_SECONDS, maxSeconds, left);
        }
        const given = outcomes.flatMap((outcome) =>
          outcome.is === 'done' ? [outcome.result.maxDurationSeconds] : [],
        );
        expect(given.toSorted((a, b) => b - a)).toEqual(expected.toSorted((a, b) => b - a));
        for (const outcome of outcomes)
          if (outcome.is !== 'done')
            expect(outcome).toMatchObject({ is: 'refused', refusal: { code: 'minutes_exhausted' } });
      };

      /** The browser's next report. It hangs up by itself when its time has passed, and then reports nothing new. */
      const speak = (
        visitor: Visitor,
        { speaks, ends }: Pick<ReportOp, 'speaks' | 'ends'>,
      ): WidgetEvent[] => {
        if (visitor.endedMs !== undefined || visitor.silent) return [];
        const reports: WidgetEvent[] = [];
        if (visitor.connectedMs === undefined) {
          if (nowMs() >= (visitor.minted.session.admission?.connectBy ?? 0) * 1_000) return [];
          visitor.connectedMs = nowMs();
          visitor.lastSeenMs = nowMs();
          reports.push(connectedAt(nowMs()));
        }
        const mustEnd = visitor.connectedMs + visitor.maxSeconds * 1_000;
        if (!ends && nowMs() < mustEnd) {
          if (nowMs() > visitor.lastSeenMs) reports.push(heartbeatAt(nowMs()));
          visitor.lastSeenMs = nowMs();
        }
        const room = Math.floor((nowMs() - visitor.connectedMs) / 50) - visitor.spoken;
        const audioOut = Math.min(speaks ?? 0, room);
        if (nowMs() < mustEnd && audioOut > 0) {
          reports.push(usageAt(nowMs(), { audioOut }));
          visitor.spoken += audioOut;
          visitor.lastSeenMs = nowMs();
        }
        if (ends || nowMs() >= mustEnd) {
          visitor.endedMs = Math.min(nowMs(), mustEnd);
          reports.push(endedAt(visitor.endedMs));
        }
        visitor.heardMs = nowMs();
        return reports;
      };

      const deliver = async (
        visitor: Visitor,
        { again, diesAfter }: Pick<ReportOp, 'again' | 'diesAfter'>,
        reports: readonly WidgetEvent[],
      ) => {
        if (reports.length === 0) return;
        visitor.told.push(...reports);
        const answers = await Promise.all([
          world.report(visitor.minted, reports, diesAfter === undefined ? {} : { diesAfter }),
          ...(again ? [world.report(visitor.minted, reports)] : []),
        ]);
        if (answers.some(({ is }) => is !== 'done'))
          answers.push(await world.report(visitor.minted, reports));
        const last = answers.at(-1);
        expect(last?.is).toBe('done');
        if (last?.is === 'done') expect(last.result.flagged).toBe(0);
      };

      const at = (session: number): Visitor | undefined => visitors[session % Math.max(1, visitors.length)];
      const reportAll = async ({ reports, loses: lost }: Extract<Command, { do: 'report' }>) => {
        const spoken = new Set<Visitor>();
        const sent = reports.flatMap((op) => {
          const visitor = at(op.session);
          if (visitor === undefined || spoken.has(visitor)) return [];
          spoken.add(visitor);
          return [{ visitor, op, said: speak(visitor, op) }];
        });
        if (lost !== undefined) world.loseAnswers((write) => write === lost);
        await Promise.all(sent.map(({ visitor, op, said }) => deliver(visitor, op, said)));
        world.loseNoAnswers();
      };

      const repeat = async (visitor: Visitor | undefined) => {
        if (visitor === undefined || visitor.told.length === 0) return;
        const answer = await world.report(visitor.minted, visitor.told.toReversed());
        expect(answer).toMatchObject({ is: 'done', result: { accepted: 0, flagged: 0 } });
      };

      const sweep = async (diesAfter: number | undefined) => {
        if (diesAfter !== undefined) await world.sweep({ diesAfter });
        expect((await world.sweep()).is).toBe('done');
        for (const visitor of visitors) {
          const { heardMs, minted } = visitor;
          const mintedMs = Date.parse(minted.session.createdAt);
          const silentFrom = Math.max(
            Math.max(heardMs, mintedMs) + 75_000,
            (minted.session.admission?.connectBy ?? 0) * 1_000,
          );
          if (!isOver(visitor) && nowMs() >= silentFrom) visitor.silent = true;
        }
      };

      const audit = async () => {
        const { usages, days, used, committed } = await books();
        const sum = (count: (entry: LedgerEntry) => number) =>
          usages.reduce((total, { posted }) => total + count(posted), 0);
        expect(committed).toBeLessThanOrEqual(leftSeconds);
        expect({ used, committed }).toEqual({
          used: sum(({ billedSeconds }) => billedSeconds),
          committed: sum(({ committedSeconds }) => committedSeconds),
        });
        const { committedSeconds: _, tokens, ...counts } = NO_ENTRY;
        for (const name of Object.keys(counts) as (keyof typeof counts)[])
          expect({ name, count: days[name] ?? 0 }).toEqual({ name, count: sum((entry) => entry[name]) });
        for (const kind of TOKEN_KINDS)
          expect({ kind, count: days[kind] ?? 0 }).toEqual({
            kind,
            count: sum((entry) => entry.tokens[kind]),
          });

        const stored = new Map(usages.map((usage) => [usage.sessionId, usage]));
        for (const visitor of visitors) {
          const { sessionId } = visitor.minted.session;
          const held = stored.get(sessionId)?.holdSeconds ?? 0;
          expect(held).toBeGreaterThanOrEqual(Math.min(FIRST_HOLD_SECONDS, visitor.maxSeconds));
          expect(held).toBeLessThanOrEqual(visitor.maxSeconds);
          const billed = Math.min(held, billedOf(visitor));
          // While it runs, the totals follow when its hold grows or is used up, and are never further behind than one hold.
          const settled = stored.get(sessionId)?.posted.billedSeconds ?? 0;
          const settles = isOver(visitor) || billed === held;
          expect(settled).toBeLessThanOrEqual(billed);
          expect(settled).toBeGreaterThanOrEqual(settles ? billed : billed - FIRST_HOLD_SECONDS);
          expect({ sessionId, ...stored.get(sessionId)?.posted }).toMatchObject({
            sessionId,
            sessions: visitor.connectedMs === undefined ? 0 : 1,
            seconds: secondsOf(visitor),
            committedSeconds: isOver(visitor) ? billed : held,
            tokens: { audioOut: visitor.spoken },
          });
        }
      };

      for (const next of commands) {
        if (next.do === 'mint') {
          const known = visitors.length;
          await mint(next);
          for (const visitor of next.connect ? visitors.slice(known) : [])
            await deliver(visitor, { again: false }, speak(visitor, { speaks: undefined, ends: false }));
        } else if (next.do === 'report') await reportAll(next);
        else if (next.do === 'wait') world.time.advance(next.seconds * 1_000);
        else if (next.do === 'sweep') {
          world.time.advance(next.quietSeconds * 1_000);
          await sweep(next.diesAfter);
        } else if (next.do === 'repeat') await repeat(at(next.session));
        else {
          const visitor = at(next.session);
          if (visitor !== undefined)
            await deliver(visitor, { again: false }, speak(visitor, { speaks: undefined, ends: false }));
        }
        await audit();
      }

      world.time.advance(100_000);
      await sweep(undefined);
      await audit();
      const { usages, used, committed } = await books();
      expect(committed).toBe(used);
      const holds = new Map(usages.map(({ sessionId, holdSeconds }) => [sessionId, holdSeconds]));
      expect(used).toBe(
        visitors.reduce((total, visitor) => {
          const held = holds.get(visitor.minted.session.sessionId) ?? 0;
          return total + Math.min(held, billedOf(visitor));
        }, 0),
      );
    },
    { seed: 20_261_126, numRuns: 25 },
  );
});
