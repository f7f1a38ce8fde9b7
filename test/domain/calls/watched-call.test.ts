import { describe, expect, it } from '@jest/globals';
import {
  afterEvent,
  attachedAgain,
  cancelling,
  newWatchedCall,
  sawEverything,
  stopped,
  type WatchedCall,
  type WatchedEvent,
  type WatchedStep,
} from '../../../lambdas/domain/calls/watched-call.ts';
import { NO_TOKENS } from '../../../lambdas/domain/usage/token-counts.ts';

const admitted = {
  locked: false,
  turnByTurn: false,
  maxOutputTokens: 1_024,
  expected: { instructions: '"Be kind."', max_output_tokens: '1024' },
  strict: false,
  joined: false,
  greets: false,
};
const equal: WatchedEvent = {
  type: 'session',
  fields: { ...admitted.expected, input: '{"turn_detection":null}' },
};
const changed: WatchedEvent = { type: 'session', fields: { ...equal.fields, instructions: '"Be rude."' } };
const started = (responseId: string, maxOutputTokens: number | 'inf' = 1_024): WatchedEvent => ({
  type: 'response_started',
  responseId,
  maxOutputTokens,
});
const done = (responseId: string): WatchedEvent => ({ type: 'response_done', responseId, tokens: NO_TOKENS });
const item = (itemId: string, previousItemId: string | null): WatchedEvent => ({
  type: 'item',
  itemId,
  previousItemId,
});

const play = (
  events: readonly WatchedEvent[],
  facts: Partial<typeof admitted> = {},
): { call: WatchedCall; steps: readonly WatchedStep['do'][] } => {
  let call = newWatchedCall({ ...admitted, ...facts });
  const steps: WatchedStep['do'][] = [];
  for (const event of events) {
    const next = afterEvent(call, event);
    call = next.call;
    steps.push(...next.steps.map((step) => step.do));
  }
  return { call, steps };
};

const speech = (speaking: boolean, atMs?: number): WatchedEvent => ({ type: 'speech', speaking, atMs });
const turn = (itemId: string): WatchedEvent => ({ type: 'turn', itemId });
const answer = (responseId: string, reservationId?: string): WatchedEvent => ({
  type: 'response_started',
  responseId,
  maxOutputTokens: 1_024,
  reservationId,
});
const stepsOf = (events: readonly WatchedEvent[], facts: Partial<typeof admitted> = {}) => {
  let call = newWatchedCall({ ...admitted, locked: true, turnByTurn: true, strict: true, ...facts });
  return events.flatMap((event) => {
    const next = afterEvent(call, event);
    call = next.call;
    return next.steps;
  });
};

describe('the watcher that asks for each response', () => {
  it('asks for a response after each turn, with the length of the speech', () => {
    const events = [equal, speech(true, 700), speech(false, 1_900), turn('item_1')];
    expect(stepsOf(events)).toEqual([
      { do: 'note_attached' },
      { do: 'respond', turnId: 'item_1', turnMs: 1_200 },
    ]);
  });

  it('leaves the length of the speech unknown if it missed the beginning', () => {
    const last = (events: readonly WatchedEvent[]) => stepsOf([equal, ...events, turn('item_1')]).at(-1);
    const unknown = { do: 'respond', turnId: 'item_1', turnMs: undefined };
    expect(last([speech(false, 1_900)])).toEqual(unknown);
    expect(last([speech(true), speech(false, 1_900)])).toEqual(unknown);
    // The length of an earlier speech is not that of the next.
    expect(last([speech(true, 0), speech(false, 100), speech(true), speech(false, 900)])).toEqual(unknown);
  });

  it('asks for no response before it has attached, while the visitor speaks, or without a turn', () => {
    expect(stepsOf([turn('item_1')])).toEqual([]);
    expect(stepsOf([turn('item_1'), equal]).map((step) => step.do)).toEqual(['note_attached', 'respond']);
    expect(stepsOf([equal, speech(true, 0), turn('item_1')])).toEqual([{ do: 'note_attached' }]);
    expect(stepsOf([equal, { type: 'turn' }])).toEqual([{ do: 'note_attached' }]);
    // Before a later watcher came, the earlier one has asked for it or nobody answers.
    expect(stepsOf([equal], { strict: false })).toEqual([{ do: 'note_attached' }]);
  });

  it('answers only the latest turn when a response has ended', () => {
    const events = [equal, turn('item_1'), answer('r1', 'rsv_1'), turn('item_2'), turn('item_3')];
    const cancelled: WatchedEvent = {
      type: 'response_done',
      responseId: 'r1',
      tokens: NO_TOKENS,
      reservationId: 'rsv_1',
    };
    expect(stepsOf([...events, cancelled]).slice(2)).toEqual([
      { do: 'count', responseId: 'r1', tokens: NO_TOKENS, reservationId: 'rsv_1', begunUnseen: false },
      { do: 'respond', turnId: 'item_3', turnMs: undefined },
    ]);
  });

  it('hangs up when a response starts that no watcher has asked for', () => {
    expect(stepsOf([equal, turn('item_1'), answer('r1')]).at(-1)).toEqual({ do: 'hang_up' });
  });

  it('stops a response that starts while the visitor speaks', () => {
    expect(stepsOf([equal, turn('item_1'), speech(true, 0), answer('r1', 'rsv_1')]).at(-1)).toEqual({
      do: 'silence',
    });
  });

  it('releases the reservation of a refused request or a failed response, unless OpenAI may bill it', () => {
    const failed = (facts: { readonly failed?: boolean; readonly reservationId?: string }): WatchedEvent => ({
      type: 'response_done',
      responseId: 'r1',
      tokens: undefined,
      ...facts,
    });
    const following = (event: WatchedEvent) =>
      stepsOf([equal, turn('item_1'), answer('r1', 'rsv_1'), event]).slice(2);
    expect(following(failed({ failed: true, reservationId: 'rsv_1' }))).toEqual([
      { do: 'release', reservationId: 'rsv_1' },
    ]);
    expect(following(failed({ failed: false, reservationId: 'rsv_1' }))).toEqual([]);
    expect(following(failed({ failed: true }))).toEqual([]);
    expect(stepsOf([equal, turn('item_1'), { type: 'refused', reservationId: 'rsv_1' }]).slice(2)).toEqual([
      { do: 'release', reservationId: 'rsv_1' },
    ]);
  });

  it('asks again for a turn whose request was refused because another response was active', () => {
    const busy: WatchedEvent = { type: 'refused', reservationId: 'rsv_2' };
    const events = [equal, turn('item_1'), answer('r1', 'rsv_1'), busy, done('r1')];
    expect(stepsOf(events).map((step) => step.do)).toEqual([
      'note_attached',
      'respond',
      'release',
      'count',
      'respond',
    ]);
  });

  it('does not ask for a response after a gap', () => {
    let call = newWatchedCall({ ...admitted, locked: true, turnByTurn: true, strict: true });
    call = afterEvent(call, equal).call;
    expect(afterEvent(attachedAgain(call), equal).steps).toEqual([]);
  });
});

describe('the first message of a locked site', () => {
  const connected: WatchedEvent = { type: 'page_connected' };
  const locked = { locked: true, strict: true, greets: true };
  const greeting = { do: 'respond', turnId: 'first_message', turnMs: 0 };
  const firstIn = (events: readonly WatchedEvent[], facts: Partial<typeof admitted> = locked) =>
    stepsOf(events, facts).filter((step) => step.do === 'respond');

  it('is requested once, when the visitor can hear', () => {
    expect(firstIn([equal, connected, connected])).toEqual([greeting]);
    expect(firstIn([connected, equal])).toEqual([]);
    expect(firstIn([equal])).toEqual([]);
  });

  it.each<[string, WatchedEvent]>([
    ['begins to speak', speech(true, 0)],
    ['has finished a turn', turn('item_1')],
    ['has typed', item('item_1', null)],
  ])('is left out if the visitor %s first', (_, event) => {
    expect(firstIn([equal, event, connected])).not.toContainEqual(greeting);
  });

  it('is left out after a gap, because the visitor may have spoken', () => {
    const call = newWatchedCall({ ...admitted, ...locked });
    const again = attachedAgain(afterEvent(call, equal).call);
    expect(afterEvent(again, connected).steps).toEqual([]);
  });

  it('does not count as a response that nobody asked for, and OpenAI still answers the turn of the visitor', () => {
    const turnOfVisitor = [turn('item_1'), answer('r1', 'rsv_1'), done('r1'), answer('r2')];
    expect(play([equal, connected, ...turnOfVisitor], locked).steps).not.toContain('hang_up');
    // The same answer without a turn of the visitor is a response that nobody asked for.
    const uncalled = [answer('r1', 'rsv_1'), done('r1'), answer('r2')];
    expect(play([equal, connected, ...uncalled], locked).steps).toContain('hang_up');
  });

  it('stops if the visitor began to speak meanwhile', () => {
    const events = [equal, connected, speech(true, 0), answer('r1', 'rsv_1')];
    expect(play(events, locked).steps).toContain('silence');
  });

  it('does not allow an additional response on a locked site when OpenAI refuses it', () => {
    const refused: WatchedEvent = { type: 'refused', reservationId: 'rsv_1' };
    const events = [equal, connected, turn('item_1'), answer('r1'), refused, done('r1'), answer('r2')];
    expect(play(events, locked).steps).toContain('hang_up');
  });
});

describe('the watcher of a call', () => {
  it('counts only responses that have a usage', () => {
    const failed: WatchedEvent = { type: 'response_done', responseId: 'r2', tokens: undefined };
    expect(play([equal, started('r1'), done('r1'), started('r2'), failed]).steps).toEqual([
      'note_attached',
      'count',
    ]);
  });

  it('restores a changed session once, and hangs up at the second change', () => {
    expect(play([equal, changed]).steps).toEqual(['note_attached', 'restore']);
    expect(play([equal, changed, equal, changed]).steps).toEqual(['note_attached', 'restore', 'hang_up']);
  });

  it('hangs up when OpenAI refuses the restore', () => {
    expect(play([equal, changed, { type: 'refused' }]).steps).toEqual([
      'note_attached',
      'restore',
      'hang_up',
    ]);
    expect(play([equal, { type: 'refused' }]).steps).toEqual(['note_attached']);
  });

  it('notices a change of a field that OpenAI had filled in', () => {
    const other: WatchedEvent = { type: 'session', fields: { ...equal.fields, input: '{}' } };
    expect(play([equal, other]).steps).toEqual(['note_attached', 'restore']);
  });

  it.each([2_048, 'inf'] as const)('hangs up for a response with max_output_tokens %s', (max) => {
    expect(play([equal, started('r1', max)]).steps).toEqual(['note_attached', 'hang_up']);
  });

  it('hangs up for a response without a turn, but only on locked sites', () => {
    const turns: WatchedEvent[] = [equal, { type: 'turn' }, started('r1'), done('r1'), started('r2')];
    expect(play(turns, { locked: true, strict: true }).steps).toEqual(['note_attached', 'count', 'hang_up']);
    expect(play(turns).steps).toEqual(['note_attached', 'count']);
  });

  it('accepts the first response as the answer to an earlier turn if it attached late', () => {
    const responses: WatchedEvent[] = [equal, started('r1'), done('r1'), started('r2')];
    for (const facts of [{ strict: false }, { strict: true, joined: true }])
      expect(play(responses, { locked: true, ...facts }).steps).toEqual([
        'note_attached',
        'count',
        'hang_up',
      ]);
    expect(play(responses, { locked: true, strict: true }).steps).toEqual([
      'note_attached',
      'hang_up',
      'count',
      'hang_up',
    ]);
  });

  it('does not report a gap for items that the watcher before has seen', () => {
    const joined = { strict: true, joined: true };
    expect(play([item('b', 'a'), item('c', 'b')], joined).steps).toEqual([]);
    expect(play([item('b', 'a'), item('d', 'c')], joined).steps).toEqual(['gap']);
  });

  it('reports a gap when an item follows one that it has not seen', () => {
    expect(play([item('a', null), item('b', 'a'), item('c', 'b')]).steps).toEqual([]);
    expect(play([item('b', 'a')]).steps).toEqual(['gap']);
    expect(play([item('a', null), item('c', 'b')]).steps).toEqual(['gap']);
  });

  it('reports a gap for a transcription, because the price catalogue has no price for it', () => {
    expect(play([{ type: 'transcription' }]).steps).toEqual(['gap']);
  });

  it('has seen everything only if it saw the first item and no response was cut off', () => {
    const whole = [equal, item('a', null), started('r1'), done('r1')];
    expect(sawEverything(play(whole).call)).toBe(true);
    expect(sawEverything(play([equal]).call)).toBe(false);
    expect(sawEverything(play([equal], { strict: true }).call)).toBe(true);
    expect(sawEverything(play([...whole, started('r2')]).call)).toBe(false);
    expect(sawEverything(play([item('a', null)]).call)).toBe(false);
  });
});

describe('the watcher of a call whose budget is spent', () => {
  const steps = (call: WatchedCall, events: readonly WatchedEvent[]) => {
    const found: WatchedStep['do'][] = [];
    let current = stopped(call);
    for (const event of events) {
      const next = afterEvent(current, event);
      current = next.call;
      found.push(...next.steps.map((step) => step.do));
    }
    return found;
  };

  it('stops no response while the hang-up is in progress, because the page would start another', () => {
    const { call } = play([equal]);
    expect(steps(call, [started('r1', 'inf'), done('r1')])).toEqual(['count']);
  });

  it('stops and counts each response that the page starts after the hang-up failed, whatever its length', () => {
    const call = cancelling(play([equal]).call);
    expect(steps(call, [started('r1', 'inf'), done('r1'), started('r2'), done('r2')])).toEqual([
      'silence',
      'count',
      'silence',
      'count',
    ]);
  });

  it('neither restores the session nor reports tampering, because the call is ending anyway', () => {
    const { call } = play([equal]);
    expect(steps(call, [changed, equal, changed])).toEqual([]);
  });

  it('answers no turn', () => {
    const call = newWatchedCall({ ...admitted, locked: true, turnByTurn: true, strict: true });
    expect(steps(call, [equal, speech(true, 0), speech(false, 900), turn('i1')])).toEqual(['note_attached']);
  });

  it('still reports a gap', () => {
    const { call } = play([equal, item('i1', null)]);
    expect(steps(call, [item('i3', 'i2')])).toEqual(['gap']);
  });
});
