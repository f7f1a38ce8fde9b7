import { describe, expect, it } from '@jest/globals';
import type { CallId } from '../../../lambdas/domain/calls/call.ts';
import { receiptOf } from '../../../lambdas/domain/sessions/receipt.ts';
import { needsSweeper, type SessionUsage } from '../../../lambdas/domain/sessions/session-usage.ts';
import {
  claimsTooMuch,
  WATCH_LEASE_MS,
  type WatchNote,
  withCallClosed,
  withEndSettled,
  withTurnReserved,
  withWatchNote,
  withWatchTaken,
} from '../../../lambdas/domain/sessions/watched-usage.ts';
import { addTokens, NO_TOKENS } from '../../../lambdas/domain/usage/token-counts.ts';
import { afterMint, aSessionUsage, clockAt, onTime, responseUsage, take } from './session-usage-fixture.ts';

const START = { callId: 'rtc_1' as CallId, openedAtMs: afterMint(1) };
const TOKENS = { ...NO_TOKENS, audioOut: 20 };
const response = (responseId: string): WatchNote => ({ type: 'response', responseId, tokens: TOKENS });

const held = (taken: SessionUsage | undefined): SessionUsage => {
  if (taken === undefined) throw new Error('Refused.');
  return taken;
};
const watched = (): SessionUsage => held(withWatchTaken(aSessionUsage(), START, clockAt(1)));
const noted = (before: SessionUsage, generation: number, ...notes: readonly WatchNote[]): SessionUsage =>
  notes.reduce((now, note) => held(withWatchNote(now, generation, note, clockAt(10))), before);
const handedOver = (before: SessionUsage): SessionUsage =>
  held(withWatchTaken(before, { ...START, after: before.watch?.generation }, clockAt(20)));
const isComplete = (usage: SessionUsage): boolean => receiptOf(usage).usageComplete;

describe('the watch of a call', () => {
  it('belongs to one watcher until its lease ends', () => {
    const late = new Date(afterMint(1) + WATCH_LEASE_MS);
    expect(withWatchTaken(watched(), START, new Date(late.getTime() - 1))).toBeUndefined();
    expect(withWatchTaken(watched(), START, late)?.watch).toMatchObject({ generation: 2, gapless: false });
  });

  it("that starts later than Lambda ever needs leaves the session incomplete, and keeps the page's count", () => {
    const reported = take(aSessionUsage(), onTime([responseUsage(30, { audioOut: 5 })])).usage;
    const inTime = withWatchTaken(reported, START, clockAt(61));
    expect(inTime).toMatchObject({ counted: NO_TOKENS, responses: 0, watch: { gapless: true } });
    const late = held(withWatchTaken(reported, START, clockAt(62)));
    expect(late).toMatchObject({
      responses: 1,
      watch: { generation: 1, gapless: false, claimedResponses: 1 },
    });
    expect(late.counted).toEqual(reported.counted);
    const over = noted(late, 1, response('r2'), { type: 'ended' });
    expect(over.counted).toEqual(addTokens(reported.counted, TOKENS));
    expect(isComplete(over)).toBe(false);
  });

  it('is never taken again after the call has ended', () => {
    const over = noted(watched(), 1, { type: 'ended' });
    expect(withWatchTaken(over, START, clockAt(1_000))).toBeUndefined();
    expect(withWatchTaken(over, { ...START, after: 1 }, clockAt(20))).toBeUndefined();
  });

  it('passes at once to the successor that its watcher hands over to, and to no other', () => {
    const next = handedOver(watched());
    expect(next.watch).toMatchObject({ generation: 2, gapless: true, awaited: 1 });
    expect(withWatchTaken(next, { ...START, after: 1 }, clockAt(21))).toBeUndefined();
  });

  it('is renewed by a response that its watcher sees, but not by a watcher that has handed it over', () => {
    const until = (usage: SessionUsage): number | undefined => usage.watch?.untilMs;
    expect(until(noted(watched(), 1, response('r1')))).toBe(afterMint(10) + WATCH_LEASE_MS);
    const next = handedOver(watched());
    expect(until(noted(next, 1, response('r1')))).toBe(until(next));
    const over = noted(watched(), 1, { type: 'ended' });
    expect(until(noted(over, 1, response('r1')))).toBe(until(over));
  });

  it('refuses notes of a watcher that has lost it, except the responses that this watcher saw', () => {
    const next = handedOver(watched());
    for (const type of ['attached', 'renewed', 'left', 'ended'] as const)
      expect(withWatchNote(next, 1, { type }, clockAt(21))).toBeUndefined();
    const counted = noted(next, 1, response('r1'));
    expect(counted.counted).toEqual(TOKENS);
    expect(noted(counted, 2, response('r1'))).toBe(counted);
    expect(noted(counted, 1, { type: 'gap' }).watch?.gapless).toBe(false);
  });
});

describe('the reservation of a response', () => {
  const reservation = { id: 'rsv_1', microCents: 50, budgets: [], lost: false };
  const reserved = (): SessionUsage => {
    const usage = withTurnReserved(watched(), 1, { turnId: 'item_1', reservation });
    if (usage === 'answered') throw new Error('Answered.');
    return held(usage);
  };
  const settled = (responseId: string): WatchNote => ({
    type: 'response',
    responseId,
    tokens: TOKENS,
    reservationId: 'rsv_1',
  });

  it('is made once per turn, by the watcher that holds the watch', () => {
    expect(reserved()).toMatchObject({ reservations: [reservation], watch: { answeredTurn: 'item_1' } });
    expect(withTurnReserved(reserved(), 1, { turnId: 'item_1', reservation })).toBe('answered');
    expect(withTurnReserved(reserved(), 2, { turnId: 'item_2', reservation })).toBeUndefined();
    const over = noted(watched(), 1, { type: 'ended' });
    expect(withTurnReserved(over, 1, { turnId: 'item_1', reservation })).toBeUndefined();
    // The successor of a watcher that died continues with the next turn, and keeps what that one reserved.
    const next = held(withWatchTaken(reserved(), START, clockAt(1_000)));
    expect(withTurnReserved(next, 2, { turnId: 'item_1', reservation })).toBe('answered');
    expect(next.reservations).toEqual([reservation]);
  });

  it('ends once, with the response, whichever watcher saw it', () => {
    const next = handedOver(reserved());
    const counted = noted(next, 1, settled('r1'));
    expect(counted).toMatchObject({ reservations: [], counted: TOKENS });
    expect(noted(counted, 2, settled('r1'))).toBe(counted);
  });

  it('ends when OpenAI refuses the request, and the turn may be answered again', () => {
    const released = noted(reserved(), 1, { type: 'released', reservationId: 'rsv_1' });
    expect(released).toMatchObject({ reservations: [], watch: { answeredTurn: null } });
  });

  it('stays when the call ends before the response, until the response is seen', () => {
    const over = noted(reserved(), 1, { type: 'ended' });
    expect(over.reservations).toEqual([{ ...reservation, lost: true }]);
    expect(noted(over, 1, settled('r1'))).toMatchObject({ reservations: [], counted: TOKENS });
    // Closed by the code that hung the call up: the watcher is asked, and says when it has seen all.
    expect(withCallClosed(reserved(), clockAt(60)).reservations).toEqual([reservation]);
  });

  it("is lost when the broker has closed the call and the watcher's lease has expired", () => {
    const closed = { ...withCallClosed(reserved(), clockAt(60)), silent: true };
    const lapsed = new Date(closed.watch?.untilMs ?? 0);
    expect(needsSweeper(closed)).toBe(true);
    expect(withEndSettled(closed, new Date(lapsed.getTime() - 1))).toBe(closed);
    const lost = withEndSettled(closed, lapsed);
    expect(lost.reservations).toEqual([{ ...reservation, lost: true }]);
    expect(needsSweeper(lost)).toBe(false);
    expect(withEndSettled(reserved(), lapsed)).toMatchObject({ reservations: [{ lost: false }] });
  });
});

describe('a watched session', () => {
  it('is complete after a handover only if the previous watcher has written all that it saw', () => {
    const next = handedOver(watched());
    expect(isComplete(noted(next, 2, { type: 'ended' }))).toBe(false);
    expect(isComplete(noted(noted(next, 2, { type: 'ended' }), 1, { type: 'drained' }))).toBe(true);
    const third = handedOver(next);
    expect(isComplete(noted(noted(third, 3, { type: 'ended' }), 2, { type: 'drained' }))).toBe(false);
  });

  it('is not complete after a gap, an expired lease, or a watcher that left early', () => {
    expect(isComplete(noted(watched(), 1, { type: 'ended' }))).toBe(true);
    expect(isComplete(noted(watched(), 1, { type: 'gap' }, { type: 'ended' }))).toBe(false);
    expect(isComplete(noted(watched(), 1, { type: 'left' }, { type: 'ended' }))).toBe(false);
    const lapsed = held(withWatchTaken(watched(), START, clockAt(1_000)));
    expect(isComplete(noted(lapsed, 2, { type: 'ended' }))).toBe(false);
  });

  it('ends once, when the broker hangs up or the watcher sees the end', () => {
    const closed = withCallClosed(watched(), clockAt(60));
    expect(closed.watch?.closedAtMs).toBe(afterMint(60));
    expect(withCallClosed(closed, clockAt(90))).toBe(closed);
    expect(noted(closed, 1, { type: 'ended' }).watch?.closedAtMs).toBe(afterMint(60));
  });

  it("counts the responses that the watcher saw, and compares them with the page's events", () => {
    const counted = noted(watched(), 1, response('r1'));
    const claims = (audioOut: number): SessionUsage =>
      take(counted, onTime([responseUsage(30, { ...NO_TOKENS, audioOut })])).usage;
    const ended = (audioOut: number): SessionUsage => noted(claims(audioOut), 1, { type: 'ended' });
    for (const audioOut of [20, 21]) expect(claims(audioOut).counted).toEqual(TOKENS);
    expect(claimsTooMuch(ended(20))).toBe(false);
    expect(claimsTooMuch(ended(21))).toBe(true);
    // Nobody knows while the call continues, or where something was missed, or if the watcher died before the end.
    expect(claimsTooMuch(claims(21))).toBe(false);
    expect(claimsTooMuch(noted(ended(21), 1, { type: 'gap' }))).toBe(false);
    expect(claimsTooMuch(withCallClosed(claims(21), clockAt(60)))).toBe(false);
    const reservations = [{ id: 'rsv_1', microCents: 5, budgets: [], lost: true }];
    expect(claimsTooMuch({ ...ended(21), reservations })).toBe(false);
  });

  it('shows on its receipt the tokens that the page claims, their cost, and whether they are too many', () => {
    const counted = noted(watched(), 1, response('r1'));
    const claiming = (audioOut: number): SessionUsage =>
      take(counted, onTime([responseUsage(30, { ...NO_TOKENS, audioOut })])).usage;
    const ended = (audioOut: number): SessionUsage => noted(claiming(audioOut), 1, { type: 'ended' });
    const receipt = receiptOf(ended(40));
    expect(receipt).toMatchObject({ tokens: TOKENS, claimedTokens: { audioOut: 40 }, claimsTooMuch: true });
    expect(receipt.claimedMicroCents).toBe(2 * (receipt.costMicroCents ?? Number.NaN));
    expect(receiptOf(ended(20)).claimsTooMuch).toBe(false);
    // While the call continues nobody knows, nor before its watcher has seen the end.
    expect(receiptOf(withCallClosed(claiming(40), clockAt(60))).claimsTooMuch).toBeNull();
    expect(receiptOf(claiming(40))).toMatchObject({ claimsTooMuch: null, claimedTokens: { audioOut: 40 } });
    expect(receiptOf(aSessionUsage())).toMatchObject({
      claimsTooMuch: null,
      claimedMicroCents: null,
      claimedTokens: NO_TOKENS,
    });
  });

  it('stays live while responses arrive, even if its page reports nothing', () => {
    expect(noted(watched(), 1, response('r1')).receivedAtMs).toBe(afterMint(10));
    expect(noted(watched(), 1, { type: 'renewed' }).receivedAtMs).toBe(afterMint(0));
  });
});
