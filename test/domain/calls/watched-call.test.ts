import { describe, expect, it } from '@jest/globals';
import {
  afterEvent,
  newWatchedCall,
  sawEverything,
  type WatchedCall,
  type WatchedEvent,
  type WatchedStep,
} from '../../../lambdas/domain/calls/watched-call.ts';
import { NO_TOKENS } from '../../../lambdas/domain/usage/token-counts.ts';

const admitted = {
  locked: false,
  maxOutputTokens: 1_024,
  expected: { instructions: '"Be kind."', max_output_tokens: '1024' },
  strict: false,
  joined: false,
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

describe('a watched call', () => {
  it('counts a response that has usage, and none without', () => {
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

  it('hangs up for a response that no turn began, on locked sites alone', () => {
    const turns: WatchedEvent[] = [equal, { type: 'turn' }, started('r1'), done('r1'), started('r2')];
    expect(play(turns, { locked: true, strict: true }).steps).toEqual(['note_attached', 'count', 'hang_up']);
    expect(play(turns).steps).toEqual(['note_attached', 'count']);
  });

  it('takes the first response for an answer to a turn that came before it attached late', () => {
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

  it('follows items that another watcher has seen, where it joins', () => {
    const joined = { strict: true, joined: true };
    expect(play([item('b', 'a'), item('c', 'b')], joined).steps).toEqual([]);
    expect(play([item('b', 'a'), item('d', 'c')], joined).steps).toEqual(['gap']);
  });

  it('finds a gap where an item follows one that was not seen', () => {
    expect(play([item('a', null), item('b', 'a'), item('c', 'b')]).steps).toEqual([]);
    expect(play([item('b', 'a')]).steps).toEqual(['gap']);
    expect(play([item('a', null), item('c', 'b')]).steps).toEqual(['gap']);
  });

  it('takes a transcription, which has no price here, for a gap', () => {
    expect(play([{ type: 'transcription' }]).steps).toEqual(['gap']);
  });

  it('has seen everything only from the first item on, and with no response cut off', () => {
    const whole = [equal, item('a', null), started('r1'), done('r1')];
    expect(sawEverything(play(whole).call)).toBe(true);
    expect(sawEverything(play([equal]).call)).toBe(false);
    expect(sawEverything(play([equal], { strict: true }).call)).toBe(true);
    expect(sawEverything(play([...whole, started('r2')]).call)).toBe(false);
    expect(sawEverything(play([item('a', null)]).call)).toBe(false);
  });
});
