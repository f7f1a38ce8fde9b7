import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import {
  fillInstructions,
  MAX_FILLED_INSTRUCTIONS,
  NO_VISITOR_LIMITS,
  SHORTEST_VISIT_SECONDS,
  secondsLeft,
  secondsToNextVisitorDay,
  visitorDayOf,
  visitorIsDone,
} from '../../../lambdas/domain/sessions/embed-token.ts';
import { embedTokenTag } from '../../../lambdas/domain/sessions/embed-token-tag.ts';

describe('the instructions of a session', () => {
  it.each([
    ['Hello {{name}}.', { name: 'Ada' }, 'Hello Ada.'],
    ['Hello {{ name }}, {{name}}!', { name: 'Ada' }, 'Hello Ada, Ada!'],
    ['Hello {{\n\tname }}.', { name: 'Ada' }, 'Hello Ada.'],
    ['Hello {{name}}.', {}, 'Hello .'],
    ['{{_a1}}', { _a1: 'x' }, 'x'],
    // Only names are placeholders; everything else is text of the site.
    ['{name} {{1st}} {{a-b}} {{}} {{ }}', { name: 'Ada' }, '{name} {{1st}} {{a-b}} {{}} {{ }}'],
    ['{{{name}}}', { name: 'Ada' }, '{Ada}'],
    // A name has at most 64 characters.
    [`{{${'a'.repeat(64)}}}`, { ['a'.repeat(64)]: 'x' }, 'x'],
    [`{{${'a'.repeat(65)}}}`, { ['a'.repeat(65)]: 'x' }, `{{${'a'.repeat(65)}}}`],
  ])('from %j with %j are %j', (instructions, variables, filled) => {
    expect(fillInstructions(instructions, variables as Record<string, string>)).toBe(filled);
  });

  it('contain a value literally: it is neither a replacement pattern nor a source of placeholders', () => {
    const variables = { a: "$& $1 $` $' $$", b: '{{a}}' };
    expect(fillInstructions('{{a}}|{{b}}', variables)).toBe("$& $1 $` $' $$|{{a}}");
  });

  it.each(['constructor', 'toString', 'hasOwnProperty', '__proto__'])(
    'are empty for the placeholder %s, and never show a built-in property',
    (name) => {
      expect(fillInstructions(`<{{${name}}}>`, {})).toBe('<>');
    },
  );

  it('are cut at 32,000 characters, and never inside a surrogate pair', () => {
    const long = fillInstructions('{{v}}'.repeat(100), { v: 'a'.repeat(500) });
    expect(long).toBe('a'.repeat(MAX_FILLED_INSTRUCTIONS));
    const split = fillInstructions(`x${'😀'.repeat(16_000)}`, {});
    expect(split).toHaveLength(MAX_FILLED_INSTRUCTIONS);
    expect(split.isWellFormed()).toBe(true);
  });

  it('are well-formed text for any values in a token', () => {
    const text = fc.string({ unit: 'binary', maxLength: 50 });
    fc.assert(
      fc.property(text, text, (before, value) => {
        const filled = fillInstructions(`${before}{{v}}\ud800`, { v: value });
        expect(filled.isWellFormed()).toBe(true);
        expect(filled.length).toBeLessThanOrEqual(MAX_FILLED_INSTRUCTIONS);
      }),
    );
  });
});

describe('the daily limits of a visitor', () => {
  it('allow everything if none are set', () => {
    const day = { calls: 1_000_000, seconds: 86_400 };
    expect(secondsLeft(NO_VISITOR_LIMITS, day)).toBeUndefined();
    expect(visitorIsDone(NO_VISITOR_LIMITS, day)).toBe(false);
  });

  it.each([
    [0, false],
    [2, false],
    [3, true],
    [4, true],
  ])('of three calls: after %i calls, further sessions are refused: %p', (calls, done) => {
    expect(visitorIsDone({ callsPerDay: 3, minutesPerDay: null }, { calls, seconds: 0 })).toBe(done);
  });

  it('of zero calls refuse the first one', () => {
    expect(visitorIsDone({ callsPerDay: 0, minutesPerDay: null }, { calls: 0, seconds: 0 })).toBe(true);
  });

  it.each([
    [0, 600, false],
    [595, SHORTEST_VISIT_SECONDS, false],
    // Too little is left for a conversation.
    [596, 4, true],
    [600, 0, true],
    [700, 0, true],
  ])(
    'of ten minutes: after %i seconds, %i are left and further sessions are refused: %p',
    (seconds, left, done) => {
      const limits = { callsPerDay: null, minutesPerDay: 10 };
      expect(secondsLeft(limits, { calls: 9, seconds })).toBe(left);
      expect(visitorIsDone(limits, { calls: 9, seconds })).toBe(done);
    },
  );

  it('apply together: the first limit that is reached ends the day', () => {
    const limits = { callsPerDay: 2, minutesPerDay: 10 };
    expect(visitorIsDone(limits, { calls: 1, seconds: 599 })).toBe(true);
    expect(visitorIsDone(limits, { calls: 2, seconds: 1 })).toBe(true);
    expect(visitorIsDone(limits, { calls: 1, seconds: 1 })).toBe(false);
  });
});

describe('the day of a visitor limit', () => {
  it.each([
    ['2026-11-23T00:00:00.000Z', '2026-11-23', 86_400],
    ['2026-11-23T00:00:00.001Z', '2026-11-23', 86_400],
    ['2026-11-23T23:59:58.001Z', '2026-11-23', 2],
    ['2026-11-23T23:59:59.000Z', '2026-11-23', 1],
    ['2026-11-23T23:59:59.999Z', '2026-11-23', 1],
    ['2026-11-24T00:30:00.000+01:00', '2026-11-23', 1_800],
    // A day with a change of clocks in Europe has 24 hours in UTC.
    ['2026-10-25T00:00:00.000Z', '2026-10-25', 86_400],
  ])('at %s is %s in UTC, and the next one begins in %i seconds', (now, day, seconds) => {
    expect(visitorDayOf(new Date(now))).toBe(day);
    expect(secondsToNextVisitorDay(new Date(now))).toBe(seconds);
  });

  it('is the next one after the wait in a refusal, within its first second', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: Date.UTC(2100, 0) }), (ms) => {
        const after = ms + secondsToNextVisitorDay(new Date(ms)) * 1_000;
        const day = visitorDayOf(new Date(after));
        expect(day > visitorDayOf(new Date(ms))).toBe(true);
        expect(after - Date.parse(`${day}T00:00:00Z`)).toBeLessThan(1_000);
      }),
    );
  });
});

describe('the tag of an embed token', () => {
  it('is the SHA-256 of its jti in base64url, and reveals no text of the customer', () => {
    // Computed with openssl.
    expect(embedTokenTag('jti-1')).toBe('WWTaBVrjHPjrcjDhkKUEiZxvYPB_nxzTyt6fvyJujCg');
  });
});
