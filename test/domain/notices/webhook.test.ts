import { describe, expect, it } from '@jest/globals';
import type { WorkspaceId } from '../../../lambdas/domain/identifiers.ts';
import {
  isSubscribed,
  isWebhookId,
  newWebhookId,
  parseWebhookUrl,
  secretText,
  signedHeaders,
  signingVersions,
  type Webhook,
} from '../../../lambdas/domain/notices/webhook.ts';

const aWebhook = (facts: Partial<Webhook> = {}): Webhook => ({
  workspaceId: '0123456789ab' as WorkspaceId,
  webhookId: 'whk_00000000000000000000',
  url: 'https://shop.example/hooks',
  events: null,
  enabled: true,
  secretVersion: 3,
  previousSecretUntil: null,
  createdAt: '2026-11-01T00:00:00.000Z',
  createdBy: 'owner',
  ...facts,
});

describe('the signature of a webhook', () => {
  // The example of the Standard Webhooks specification; its signature is also what openssl computes.
  const message = {
    id: 'msg_p5jXN8AQM9LWM0D4loKWxJek',
    at: new Date(1_614_265_330_999),
    body: '{"test": 2432232314}',
  };
  const secret = Buffer.from('MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw', 'base64');

  it('equals the example of the Standard Webhooks specification, with the time in whole seconds', () => {
    expect(signedHeaders(message, [secret])).toEqual({
      'webhook-id': 'msg_p5jXN8AQM9LWM0D4loKWxJek',
      'webhook-timestamp': '1614265330',
      'webhook-signature': 'v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=',
    });
  });

  it('is made with each of two secrets while both are valid, in their order', () => {
    // The second was computed with openssl, under 32 bytes of zero.
    expect(signedHeaders(message, [secret, Buffer.alloc(32)])['webhook-signature']).toBe(
      'v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE= v1,woH/1mJtZGSMCmpFTxRYbStS24eLLD/oXIYr4PYyZ7g=',
    );
  });

  it('uses a secret in the form of Standard Webhooks', () => {
    expect(secretText(secret)).toBe('whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw');
  });
});

describe('a rotated webhook secret', () => {
  const until = '2026-11-24T12:00:00.000Z';
  const at = (time: string): readonly number[] =>
    signingVersions(aWebhook({ previousSecretUntil: until }), new Date(time));

  it('signs together with the previous secret until the exact millisecond at which the overlap ends', () => {
    expect(at('2026-11-24T11:59:59.999Z')).toEqual([3, 2]);
    expect(at(until)).toEqual([3]);
    expect(at('2026-11-24T12:00:00.001Z')).toEqual([3]);
  });

  it('is the only signer if there was no rotation', () => {
    expect(signingVersions(aWebhook(), new Date(until))).toEqual([3]);
  });
});

describe('the subscription of a webhook', () => {
  it('covers every kind without a list, otherwise the listed kinds, and none while it is switched off', () => {
    expect(isSubscribed(aWebhook(), 'session.ended')).toBe(true);
    expect(isSubscribed(aWebhook({ events: ['key.failing'] }), 'key.failing')).toBe(true);
    expect(isSubscribed(aWebhook({ events: ['key.failing'] }), 'session.ended')).toBe(false);
    expect(isSubscribed(aWebhook({ events: [] }), 'key.failing')).toBe(false);
    expect(isSubscribed(aWebhook({ enabled: false }), 'key.failing')).toBe(false);
    expect(isSubscribed(aWebhook({ enabled: false, events: ['key.failing'] }), 'key.failing')).toBe(false);
  });
});

describe('the ID of a webhook', () => {
  it('is ten random bytes in hex', () => {
    const id = newWebhookId((size) => Buffer.alloc(size, 0xab));
    expect(id).toBe(`whk_${'ab'.repeat(10)}`);
    expect(isWebhookId(id)).toBe(true);
  });

  it.each(['', 'whk_', 'mail', `whk_${'A'.repeat(20)}`, `whk_${'0'.repeat(21)}`, `whk_${'0'.repeat(20)}\n`])(
    'is not %j',
    (text) => {
      expect(isWebhookId(text)).toBe(false);
    },
  );
});

describe('the URL of a webhook', () => {
  /** Asked for an address that is written out, and only then. */
  const parse = (text: string, allowed: readonly string[] = []) => {
    const asked: string[] = [];
    const result = parseWebhookUrl(text, (address) => {
      asked.push(address);
      return allowed.includes(address);
    });
    return { result, asked };
  };

  it.each([
    ['https://shop.example/hooks?tenant=1', 'https://shop.example/hooks?tenant=1'],
    ['HTTPS://Shop.Example:443', 'https://shop.example/'],
    ['https://bücher.example/x#part', 'https://xn--bcher-kva.example/x'],
    ['https://shop.example:8443/', 'https://shop.example:8443/'],
  ])('%s is kept as %s, and its host name is resolved later', (text, url) => {
    expect(parse(text)).toEqual({ result: { url }, asked: [] });
  });

  it.each([
    ['', 'malformed'],
    ['shop.example', 'malformed'],
    ['https://', 'malformed'],
    ['http://shop.example', 'not_https'],
    ['file:///etc/passwd', 'not_https'],
    ['javascript:alert(1)', 'not_https'],
    ['https://user@shop.example', 'credentials'],
    ['https://:word@shop.example', 'credentials'],
  ])('%j is refused as %s', (text, fault) => {
    expect(parse(text)).toEqual({ result: { fault }, asked: [] });
  });

  it.each([
    ['https://127.0.0.1/', '127.0.0.1'],
    ['https://0x7f.1/', '127.0.0.1'],
    ['https://2130706433/', '127.0.0.1'],
    ['https://017700000001/', '127.0.0.1'],
    ['https://169.254.169.254/latest/meta-data', '169.254.169.254'],
    ['https://[::1]:8443/', '::1'],
    ['https://[::ffff:10.0.0.1]/', '::ffff:a00:1'],
  ])('%s is refused by its address %s in every spelling', (text, address) => {
    expect(parse(text)).toEqual({ result: { fault: 'not_public' }, asked: [address] });
  });

  it('can be an address on the allow list', () => {
    expect(parse('https://203.0.113.7/x', ['203.0.113.7']).result).toEqual({ url: 'https://203.0.113.7/x' });
  });

  it('has at most 500 characters in canonical form, without the fragment', () => {
    const room = 500 - 'https://shop.example/'.length;
    const longest = `https://shop.example/${'a'.repeat(room)}`;
    expect(parse(longest).result).toEqual({ url: longest });
    expect(parse(`${longest}#part`).result).toEqual({ url: longest });
    expect(parse(`${longest}a`).result).toEqual({ fault: 'too_long' });
    // Each of these letters becomes six characters of an escape.
    expect(parse(`https://shop.example/${'ü'.repeat(100)}`).result).toEqual({ fault: 'too_long' });
  });
});
