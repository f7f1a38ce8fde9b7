import { createHmac, randomBytes } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import {
  parseEventSignature,
  signatureHolds,
  signEvents,
} from '../../../lambdas/domain/sessions/event-signature.ts';

const T = 1_795_000_000;
const now = new Date(T * 1_000);
const secret = randomBytes(32).toString('base64');
const body = '{"events":[]} – ünïcode';
const v1 = signEvents(secret, T, body);

describe('the signature of an event request', () => {
  it('is the HMAC-SHA256 of "<t>.<body>" under the decoded secret, in hex', () => {
    const expected = createHmac('sha256', Buffer.from(secret, 'base64')).update(`${T}.${body}`).digest('hex');
    expect(v1).toBe(expected);
    expect(signatureHolds({ t: T, v1 }, secret, body, now)).toBe(true);
  });

  it.each([
    ['another body', { t: T, v1 }, secret, `${body} `],
    ['another time', { t: T + 1, v1 }, secret, body],
    ['another secret', { t: T, v1 }, randomBytes(32).toString('base64'), body],
    ['another digest', { t: T, v1: '0'.repeat(64) }, secret, body],
  ] as const)('is not valid for %s', (_, signature, under, of) => {
    expect(signatureHolds(signature, under, of, now)).toBe(false);
  });

  it.each([
    [300, true],
    [300.001, false],
    [-300, true],
    [-300.001, false],
  ])('made %p seconds ago is valid: %p', (seconds, holds) => {
    expect(signatureHolds({ t: T, v1 }, secret, body, new Date((T + seconds) * 1_000))).toBe(holds);
  });

  it('is read from "t=<seconds>,v1=<64 hex digits>" and from nothing else', () => {
    expect(parseEventSignature(`t=${T},v1=${v1}`)).toEqual({ t: T, v1 });
    for (const text of [
      '',
      v1,
      `v1=${v1},t=${T}`,
      `t=${T},v1=${v1},v0=1`,
      ` t=${T},v1=${v1}`,
      `t=${T}, v1=${v1}`,
      `t=-${T},v1=${v1}`,
      `t=${T}.5,v1=${v1}`,
      `t=1e9,v1=${v1}`,
      `t=,v1=${v1}`,
      `t=${'9'.repeat(13)},v1=${v1}`,
      `t=${T},v1=${v1.toUpperCase().replace(/\d/g, 'A')}`,
      `t=${T},v1=${v1.slice(1)}`,
      `t=${T},v1=${v1}\n`,
      `t=${T},v1=${v1}00`,
    ])
      expect(parseEventSignature(text)).toBeUndefined();
  });
});
