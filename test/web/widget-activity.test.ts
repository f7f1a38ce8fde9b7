import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { Activity, type Levels } from '../../web/widget/src/activity.ts';
import type { ServerEvent } from '../../web/widget/src/events.ts';

const SECOND = 1_000;
const SILENCE: Levels = [0, 0];
/** The longest time for which a lost event keeps a silent call from being idle. */
const LONGEST_MS = 21 * SECOND;

const id = fc.constantFrom('a', 'b', 'c', undefined);
const event: fc.Arbitrary<ServerEvent> = fc.oneof(
  fc.record({
    type: fc.constantFrom('input_audio_buffer.speech_started', 'input_audio_buffer.speech_stopped'),
    item_id: id,
  }) as fc.Arbitrary<ServerEvent>,
  fc.record({
    type: fc.constantFrom('response.created', 'response.done'),
    response: fc.record({ id, status: fc.constantFrom('completed', 'cancelled', 'failed') }),
  }) as fc.Arbitrary<ServerEvent>,
  fc.record({
    type: fc.constantFrom(
      'output_audio_buffer.started',
      'output_audio_buffer.stopped',
      'output_audio_buffer.cleared',
    ),
    response_id: id,
  }) as fc.Arbitrary<ServerEvent>,
);

/** Lets a time pass in which the levels stay the same. */
const pass = (activity: Activity, from: number, ms: number, levels: Levels): number => {
  for (let now = from; now <= from + ms; now += SECOND) activity.tick(now, levels);
  return from + ms;
};

describe('the idle timer of a call', () => {
  it('runs again after any events in any order, even late, repeated or lost ones', () => {
    fc.assert(
      fc.property(fc.array(event, { maxLength: 30 }), (events) => {
        const activity = new Activity();
        activity.restart(0);
        let now = 0;
        for (const each of events) {
          now = pass(activity, now, SECOND, SILENCE);
          activity.hear(each, now);
        }
        now = pass(activity, now, LONGEST_MS + 60 * SECOND, SILENCE);
        expect(activity.silentMs(now)).toBeGreaterThanOrEqual(60 * SECOND);
      }),
    );
  });

  it('is stopped while the visitor speaks, however long, even if events of other turns arrive', () => {
    fc.assert(
      fc.property(fc.array(event, { maxLength: 10 }), (events) => {
        const activity = new Activity();
        activity.restart(0);
        activity.hear({ type: 'input_audio_buffer.speech_started', item_id: 'long' }, 0);
        let now = 0;
        for (const each of events) {
          const ofOtherTurns = each.item_id === 'long' || each.item_id === undefined;
          if (each.type.startsWith('input_audio_buffer') && ofOtherTurns) continue;
          if (each.type === 'input_audio_buffer.speech_started') continue;
          now = pass(activity, now, 10 * SECOND, [0.5, 0]);
          activity.hear(each, now);
          expect(activity.state).toBe('listening');
        }
        now = pass(activity, now, 300 * SECOND, [0.5, 0]);
        expect(activity.silentMs(now)).toBeLessThanOrEqual(SECOND);
      }),
    );
  });

  it('is stopped while the assistant is heard, even if the event that starts the audio was lost', () => {
    const activity = new Activity();
    activity.restart(0);
    activity.hear({ type: 'response.created', response: { id: 'r1' } }, 0);
    const now = pass(activity, 0, 90 * SECOND, [0, 0.5]);
    expect(activity.silentMs(now)).toBeLessThanOrEqual(SECOND);
  });
});
