import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { callIdOf, delayUntil, isCallId, MAX_DELAY_SECONDS } from '../../../lambdas/domain/calls/call.ts';
import { callForm } from '../../../lambdas/domain/calls/call-form.ts';
import { newKeyUse } from '../../../lambdas/domain/calls/key-use.ts';
import { aSession } from '../sessions/session-usage-fixture.ts';

describe('the ID of a call', () => {
  it.each([
    ['/v1/realtime/calls/rtc_abc-DEF_123', 'rtc_abc-DEF_123'],
    ['https://api.openai.com/v1/realtime/calls/rtc_a', 'rtc_a'],
    ['https://eu.api.openai.com:443/v1/realtime/calls/rtc_a', 'rtc_a'],
    ['http://127.0.0.1:9000/v1/realtime/calls/rtc_a', 'rtc_a'],
    [`/v1/realtime/calls/rtc_${'a'.repeat(200)}`, `rtc_${'a'.repeat(200)}`],
  ])('is read from the Location header: %s', (location, id) => {
    expect(callIdOf(location)).toBe(id);
  });

  it.each([
    null,
    '',
    'rtc_a',
    '/v1/realtime/calls/',
    '/v1/realtime/calls/rtc_',
    '/v1/realtime/calls/call_a',
    '/v1/realtime/calls/RTC_a',
    `/v1/realtime/calls/rtc_${'a'.repeat(201)}`,
    // Nothing that would lead a later request, which carries a key, to another path.
    '/v1/realtime/calls/rtc_a/hangup',
    '/v1/realtime/calls/rtc_a?x=1',
    '/v1/realtime/calls/rtc_a#part',
    '/v1/realtime/calls/rtc_a%2f..',
    '/v1/realtime/calls/../rtc_a',
    '/v1/realtime/calls/rtc_a\r\nx: y',
    '/v1/realtime/calls/rtc_a ',
    ' /v1/realtime/calls/rtc_a',
    '/v1/realtime/calls/rtc_ä',
    '/v2/realtime/calls/rtc_a',
    'https://api.openai.com/x/v1/realtime/calls/rtc_a',
    'https://api.openai.com?/v1/realtime/calls/rtc_a',
    'ftp://api.openai.com/v1/realtime/calls/rtc_a',
    '//api.openai.com/v1/realtime/calls/rtc_a',
  ])('is not read from %j', (location) => {
    expect(callIdOf(location)).toBeUndefined();
  });

  it('cannot change the URL that contains it, whatever OpenAI answers', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        for (const id of [callIdOf(text), callIdOf(`/v1/realtime/calls/rtc_${text}`)])
          if (id !== undefined) expect(new URL(`https://a.example/${id}`).pathname).toBe(`/${id}`);
        if (isCallId(text)) expect(encodeURIComponent(text)).toBe(text);
      }),
    );
  });
});

describe('the delay of an SQS message', () => {
  const now = new Date('2026-11-23T12:00:00.000Z');
  const delay = (ms: number): number => delayUntil(now.getTime() + ms, now);

  it.each([
    [-60_000, 0],
    [0, 0],
    [1, 1],
    [1_000, 1],
    [1_001, 2],
    [899_001, 900],
    [900_000, MAX_DELAY_SECONDS],
    [3_600_000, MAX_DELAY_SECONDS],
  ])(
    'that is due in %i milliseconds is %i whole seconds: never early, and within the SQS maximum',
    (ms, seconds) => {
      expect(delay(ms)).toBe(seconds);
    },
  );
});

describe('the form that creates a call', () => {
  it('has the parts sdp and session, each with a type and without a file name', async () => {
    const { type, text } = callForm('v=0\r\n', '{"model":"x"}');
    const form = await new Response(text, { headers: { 'content-type': type } }).formData();
    expect([...form.entries()]).toEqual([
      ['sdp', 'v=0\r\n'],
      ['session', '{"model":"x"}'],
    ]);
    expect(text).toContain('name="sdp"\r\nContent-Type: application/sdp\r\n');
    expect(text).toContain('name="session"\r\nContent-Type: application/json\r\n');
    expect(text).not.toContain('filename');
  });

  it('cannot be split by the offer or the instructions, not even with the boundary of another call', async () => {
    const other = callForm('v=0\r\n', '{}');
    const hostile = `--${other.type.split('boundary=')[1]}\r\nContent-Disposition: form-data; name="x"\r\n\r\ny\r\n`;
    const { type, text } = callForm(hostile, JSON.stringify({ instructions: hostile }));
    const form = await new Response(text, { headers: { 'content-type': type } }).formData();
    expect([...form.keys()]).toEqual(['sdp', 'session']);
    expect(form.get('sdp')).toBe(hostile);
  });
});

describe('the audit record of a key that was opened for a call', () => {
  const now = new Date('2026-11-23T12:00:00.000Z');
  const random = (size: number) => Buffer.alloc(size);
  const session = { ...aSession({ mode: 'byok' }), ipHash: 'hash', actor: 'visitor' };

  it('names the opened version, which can differ from the version of the session', () => {
    const use = newKeyUse(session, { scope: 'site', version: 7 }, 'call', now, random);
    expect(use).toMatchObject({
      sessionId: session.sessionId,
      siteId: session.siteId,
      workspaceId: session.workspaceId,
      reason: 'call',
      mode: 'byok',
      keyScope: 'site',
      keyVersion: 7,
      ipHash: 'hash',
      createdAt: '2026-11-23T12:00:00.000Z',
    });
    expect(use.useId).toMatch(/^call#evt_[0-9a-z]{26}$/);
  });

  it('names the visitor for a call, and otherwise the function that watches or hangs up', () => {
    const actorOf = (reason: 'call' | 'watch' | 'hangup'): string =>
      newKeyUse(session, { scope: 'site', version: 1 }, reason, now, random).actor;
    expect(actorOf('call')).toBe('visitor');
    expect(actorOf('watch')).toBe('system:watch');
    expect(actorOf('hangup')).toBe('system:hangup');
  });
});
