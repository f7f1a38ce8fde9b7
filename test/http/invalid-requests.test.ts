import { describe, expect, it } from '@jest/globals';
import { BrokerError, type BrokerErrorCode } from '../../lambdas/domain/broker-error.ts';
import { invalidRequests } from '../../lambdas/http/invalid-requests.ts';

const ADDRESS = '192.0.2.1';
const PER_MINUTE = 120;
const invalid = (): BrokerError => new BrokerError('invalid_request');

/** A counter whose clock the test moves. */
const counter = (startMs = 0) => {
  let nowMs = startMs;
  const counts = invalidRequests(() => nowMs);
  return {
    counts,
    setMs: (ms: number): void => {
      nowMs = ms;
    },
    send: (times: number, address = ADDRESS): void => {
      for (let sent = 0; sent < times; sent++) counts.count(address, invalid());
    },
  };
};

describe('the limit on invalid requests', () => {
  it('allows 120 per address and minute, and refuses the next request before it is read', () => {
    const { counts, send } = counter();
    send(PER_MINUTE - 1);
    expect(() => counts.check(ADDRESS)).not.toThrow();
    send(1);
    expect(() => counts.check(ADDRESS)).toThrow(new BrokerError('rate_limited'));
  });

  it('keeps the errors of the first 120, and returns rate_limited from the 121st', () => {
    const { counts, send } = counter();
    send(PER_MINUTE - 1);
    const last = invalid();
    expect(counts.count(ADDRESS, last)).toBe(last);
    expect(counts.count(ADDRESS, invalid())).toMatchObject({ code: 'rate_limited' });
  });

  it('affects no other address', () => {
    const { counts, send } = counter();
    send(PER_MINUTE + 1);
    expect(() => counts.check('192.0.2.2')).not.toThrow();
  });

  it('counts all addresses of an IPv6 /64 network together, and other networks separately', () => {
    const { counts, send } = counter();
    for (let host = 1; host <= PER_MINUTE; host++) send(1, `2001:db8:0:1:${host.toString(16)}::1`);
    expect(() => counts.check('2001:db8:0:1::ffff')).toThrow(new BrokerError('rate_limited'));
    for (const other of ['2001:db8:0:2::1', '2001:db8::1', '::1', '::ffff:192.0.2.1', '::ffff:192.0.2.2'])
      expect(() => counts.check(other)).not.toThrow();
    send(PER_MINUTE, '2001:db8::1');
    expect(() => counts.check('2001:db8::5:0:0:1')).toThrow(new BrokerError('rate_limited'));
    // The zeros that `::` stands for may end before the 64th bit.
    send(PER_MINUTE, '2001::8:9:a:b:c');
    expect(() => counts.check('2001:0:0:8:1::1')).toThrow(new BrokerError('rate_limited'));
    expect(() => counts.check('2001::7:9:a:b:c')).not.toThrow();
    send(PER_MINUTE, '::ffff:192.0.2.1');
    expect(() => counts.check('::ffff:192.0.2.2')).not.toThrow();
  });

  it('starts again with the next clock minute, to the millisecond', () => {
    const { counts, send, setMs } = counter(60_000);
    send(PER_MINUTE);
    setMs(119_999);
    expect(() => counts.check(ADDRESS)).toThrow();
    setMs(120_000);
    expect(() => counts.check(ADDRESS)).not.toThrow();
  });

  it.each([
    [60_000, 60],
    [60_001, 60],
    [90_000, 30],
    [119_000, 1],
    [119_999, 1],
  ])('at %i ms returns a wait of %i whole seconds, to the end of the minute', (ms, seconds) => {
    const { counts, send, setMs } = counter(60_000);
    send(PER_MINUTE);
    setMs(ms);
    expect(() => counts.check(ADDRESS)).toThrow(expect.objectContaining({ retryAfterSeconds: seconds }));
    setMs(ms + seconds * 1_000);
    expect(() => counts.check(ADDRESS)).not.toThrow();
  });

  it.each(['invalid_request', 'invalid_offer', 'invalid_signature'] as const)('includes %s', (code) => {
    const { counts } = counter();
    for (let sent = 0; sent < PER_MINUTE; sent++) counts.count(ADDRESS, new BrokerError(code));
    expect(() => counts.check(ADDRESS)).toThrow();
  });

  // These cost a caller something, or are no fault of theirs.
  it.each(['rate_limited', 'openai_key_missing', 'unavailable'] satisfies BrokerErrorCode[])(
    'does not include %s',
    (code) => {
      const { counts } = counter();
      for (let sent = 0; sent <= PER_MINUTE; sent++) {
        const error = new BrokerError(code);
        expect(counts.count(ADDRESS, error)).toBe(error);
      }
      expect(() => counts.check(ADDRESS)).not.toThrow();
    },
  );

  it('passes on other errors unchanged', () => {
    const { counts } = counter();
    for (const error of [new TypeError('x'), 'text', undefined, { code: 'invalid_request' }])
      expect(counts.count(ADDRESS, error)).toBe(error);
  });

  it('has bounded memory: beyond 10,000 addresses, all are forgotten together', () => {
    const { counts, send } = counter();
    send(PER_MINUTE);
    for (let index = 0; index < 10_000; index++) send(1, `2001:db8:0:${index.toString(16)}::/64`);
    expect(() => counts.check(ADDRESS)).not.toThrow();
  });
});
