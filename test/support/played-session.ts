import { expectSuccess } from './answers.ts';
import type { FrozenClock } from './frozen-clock.ts';
import { event, type MintedSession, report, usageEvent } from './reports.ts';
import type { TestStack } from './stack.ts';
import { mint, type Tenant } from './tenant.ts';

/** The course of a session: its length, and the tokens of its one response. */
export interface Play {
  readonly seconds: number;
  readonly audioIn?: number;
  readonly audioOut?: number;
  readonly textIn?: number;
  readonly textOut?: number;
}

/** Mints and connects. */
export const beginSession = async (
  stack: TestStack,
  tenant: Tenant,
  time: FrozenClock,
): Promise<MintedSession> => {
  const minted: MintedSession = expectSuccess(await mint(stack, tenant));
  const now = time.clock();
  expectSuccess(await report(stack, tenant, minted, [event('connected', now)], { signedAt: now }));
  return minted;
};

/** A whole session, reported as the widget does; the clock advances by its length. */
export const playSession = async (
  stack: TestStack,
  tenant: Tenant,
  time: FrozenClock,
  { seconds, ...tokens }: Play,
): Promise<MintedSession> => {
  const minted = await beginSession(stack, tenant, time);
  time.advance(seconds * 1_000);
  await endSession(stack, tenant, time, minted, tokens);
  return minted;
};

export const endSession = async (
  stack: TestStack,
  tenant: Tenant,
  time: FrozenClock,
  minted: MintedSession,
  tokens: Omit<Play, 'seconds'> = {},
): Promise<void> => {
  const now = time.clock();
  const events = [usageEvent(now, tokens), event('ended', now, { reason: 'hung_up' })];
  expectSuccess(await report(stack, tenant, minted, events, { signedAt: now }));
};
