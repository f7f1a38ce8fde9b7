import { describe, expect, it } from '@jest/globals';
import { BrokerError } from '../../../lambdas/domain/broker-error.ts';
import type { EmbedKey } from '../../../lambdas/domain/sessions/embed-token.ts';
import { embedTokenTag } from '../../../lambdas/domain/sessions/embed-token-tag.ts';
import {
  checkVisitor,
  type EmbedPorts,
  embedTagsOf,
} from '../../../lambdas/use-cases/sessions/check-visitor.ts';
import { strictPorts } from '../../support/strict-port.ts';
import { aSite, NOW, NOW_SECONDS, SITE_ID } from './token-fixture.ts';

type Check = Parameters<typeof checkVisitor>[1];

const CLAIMS = { sub: 'customer-7', jti: 'jti-1', exp: NOW_SECONDS + 60, variables: { name: 'Ada' } };
const TAGS = { token: embedTokenTag(CLAIMS.jti), visitor: `tag of ${CLAIMS.sub}` };
const HMAC_KEY: EmbedKey = {
  algorithm: 'HS256',
  keyId: 'key-1',
  publicKey: null,
  createdAt: NOW.toISOString(),
  createdBy: 'owner',
};
const EC_KEY: EmbedKey = { ...HMAC_KEY, algorithm: 'ES256', publicKey: { x: 'x', y: 'y' } };
const SITE = aSite({ embedKey: HMAC_KEY });
const STRICT_SITE = { ...SITE, requireEmbedToken: true };
const NEW_DAY = { tokenUsed: false, visitorDay: { calls: 0, seconds: 0 } };
/** A visitor who has talked for an hour in five calls. */
const LONG_DAY = { tokenUsed: false, visitorDay: { calls: 5, seconds: 3_600 } };

const portsWith = (verified: typeof CLAIMS | 'expired' | 'signature' = CLAIMS) => {
  const asked: unknown[] = [];
  const ports = strictPorts<EmbedPorts>({
    embedTokens: {
      peek: (token) => (token === 'a token' ? CLAIMS : undefined),
      verify: async (_, { key, secret, siteId, expiryIgnored }) => {
        asked.push({ keyId: key.keyId, secret, siteId, expiryIgnored });
        return verified;
      },
    },
    embedSecrets: {
      embedSecret: async (siteId, keyId) => {
        asked.push(`derive ${keyId} of ${siteId}`);
        return 'a secret';
      },
      visitorTag: async (_, sub) => `tag of ${sub}`,
    },
  });
  return { ports, asked };
};

const checked = async (check: Partial<Check>, verified?: Parameters<typeof portsWith>[0]) => {
  const { ports, asked } = portsWith(verified);
  const result = await checkVisitor(ports, {
    site: SITE,
    token: 'a token',
    tags: TAGS,
    facts: NEW_DAY,
    replaced: undefined,
    now: NOW,
    ...check,
  }).catch((error: unknown) => error);
  return { result, asked };
};

/** The fault that a token is refused for, or the code of another refusal. */
const refused = async (...given: Parameters<typeof checked>) => {
  const { result, asked } = await checked(...given);
  if (!(result instanceof BrokerError)) throw new Error('It was not refused.');
  const [detail] = result.details ?? [];
  return { refusal: detail?.path ?? result.code, retryAfter: result.retryAfterSeconds, asked };
};

describe('a visitor with an embed token', () => {
  it('is the visitor in the token, with its variables, and the token counts as used', async () => {
    const { result, asked } = await checked({});
    expect(result).toEqual({
      tag: TAGS.visitor,
      token: { tag: TAGS.token, exp: CLAIMS.exp },
      limits: SITE.visitorLimits,
      sub: CLAIMS.sub,
      variables: { name: 'Ada' },
    });
    expect(asked).toEqual([
      `derive key-1 of ${SITE_ID}`,
      { keyId: 'key-1', secret: 'a secret', siteId: SITE_ID, expiryIgnored: false },
    ]);
  });

  it('needs no secret on a site with a public key', async () => {
    const { asked } = await checked({ site: { ...SITE, embedKey: EC_KEY } });
    expect(asked).toEqual([{ keyId: 'key-1', secret: '', siteId: SITE_ID, expiryIgnored: false }]);
  });

  it.each(['expired', 'signature'] as const)('is refused if the token fault is %s', async (fault) => {
    expect((await refused({}, fault)).refusal).toBe(fault);
  });

  it.each<[string, Partial<Check>]>([
    ['the site has no embed key', { site: aSite() }],
    ['the token cannot be read', { tags: undefined }],
  ])(
    'is refused if %s, even on a site that requires no token, without a check of the signature',
    async (_, check) => {
      expect(await refused(check)).toMatchObject({ refusal: 'signature', asked: [] });
    },
  );

  it('is refused if the token has already opened a session', async () => {
    expect((await refused({ facts: { ...NEW_DAY, tokenUsed: true } })).refusal).toBe('replayed');
  });

  it.each([
    ['calls', { callsPerDay: 5, minutesPerDay: null }],
    ['minutes', { callsPerDay: null, minutesPerDay: 60 }],
  ])('is refused until midnight UTC after the daily limit of %s', async (_, visitorLimits) => {
    const { refusal, retryAfter } = await refused({ site: { ...SITE, visitorLimits }, facts: LONG_DAY });
    expect({ refusal, retryAfter }).toEqual({ refusal: 'visitor_limit', retryAfter: 43_190 });
  });

  it('is judged by the signature before the limits, so that a forged token reveals nothing about a visitor', async () => {
    const site = { ...SITE, visitorLimits: { callsPerDay: 1, minutesPerDay: null } };
    expect((await refused({ site, facts: LONG_DAY }, 'signature')).refusal).toBe('signature');
  });
});

describe('a visitor without an embed token', () => {
  it('is anonymous on a site that requires no token', async () => {
    expect(await checked({ token: undefined, tags: undefined })).toEqual({ result: undefined, asked: [] });
  });

  it('is refused on a site that requires a token', async () => {
    const check = { site: STRICT_SITE, token: undefined, tags: undefined };
    expect((await refused(check)).refusal).toBe('missing');
  });

  it('stays the visitor of the replaced call, even on a site that requires tokens', async () => {
    const { result } = await checked({
      site: STRICT_SITE,
      token: undefined,
      tags: undefined,
      replaced: { visitorTag: TAGS.visitor },
    });
    expect(result).toEqual({
      tag: TAGS.visitor,
      token: undefined,
      limits: SITE.visitorLimits,
      sub: undefined,
      variables: {},
    });
  });

  it('stays anonymous when replacing an anonymous call', async () => {
    const { result } = await checked({ token: undefined, replaced: { visitorTag: undefined } });
    expect(result).toBeUndefined();
  });
});

describe('a visitor who replaces a call with the token that opened the call', () => {
  const replaced = { visitorTag: TAGS.visitor };

  it('gets the variables again, even if the token is used and has expired', async () => {
    const { result, asked } = await checked({ replaced, facts: { ...NEW_DAY, tokenUsed: true } });
    expect(result).toMatchObject({ token: undefined, variables: { name: 'Ada' } });
    expect(asked).toContainEqual(expect.objectContaining({ expiryIgnored: true }));
  });

  it('does not use another call of the day', async () => {
    const site = { ...SITE, visitorLimits: { callsPerDay: 5, minutesPerDay: null } };
    expect((await checked({ site, replaced, facts: LONG_DAY })).result).toMatchObject({ tag: TAGS.visitor });
  });

  it('is refused when the daily minutes are used up', async () => {
    const site = { ...SITE, visitorLimits: { callsPerDay: null, minutesPerDay: 60 } };
    expect((await refused({ site, replaced, facts: LONG_DAY })).refusal).toBe('visitor_limit');
  });

  it.each<[string, string | undefined]>([
    ['another visitor', 'tag of customer-8'],
    ['an anonymous visitor', undefined],
  ])('is judged as a new visitor if the call belonged to %s', async (_, visitorTag) => {
    const check = { replaced: { visitorTag }, facts: { ...NEW_DAY, tokenUsed: true } };
    const { refusal, asked } = await refused(check);
    expect(refusal).toBe('replayed');
    expect(asked).toContainEqual(expect.objectContaining({ expiryIgnored: false }));
  });
});

describe('the tags of an embed token', () => {
  it('identify the token and the visitor without any text of the customer', async () => {
    const tags = await embedTagsOf(portsWith().ports, SITE_ID, 'a token');
    expect(tags).toEqual(TAGS);
    expect(tags?.token).not.toContain(CLAIMS.jti);
  });

  it.each([undefined, 'no token'])('are missing for %s', async (token) => {
    expect(await embedTagsOf(portsWith().ports, SITE_ID, token)).toBeUndefined();
  });
});
