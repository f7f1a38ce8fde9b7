import { describe, expect, it } from '@jest/globals';
import { BrokerError } from '../../../lambdas/domain/broker-error.ts';
import { DependencyUnavailableError } from '../../../lambdas/domain/dependency.ts';
import type { EmbedClaims } from '../../../lambdas/domain/sessions/embed-token.ts';
import type { ReservedSession } from '../../../lambdas/domain/sessions/session.ts';
import type { TokenContext } from '../../../lambdas/domain/sessions/token-context.ts';
import { admitVisitor, type VisitorPorts } from '../../../lambdas/use-cases/sessions/admit-visitor.ts';
import {
  aContext,
  aRequest,
  aSite,
  aWorkspace,
  NOW,
  NOW_SECONDS,
  recordingPorts,
  SETTINGS,
} from './token-fixture.ts';

const DOWN = new DependencyUnavailableError('dynamodb', 'TransactWriteItems', 'InternalServerError');
const SITE = aSite({
  instructions: 'Greet {{name}}. {{unknown}}Sell bread.',
  embedKey: {
    algorithm: 'ES256',
    keyId: 'key-1',
    publicKey: { x: 'x', y: 'y' },
    createdAt: NOW.toISOString(),
    createdBy: 'owner',
  },
});
const CLAIMS: EmbedClaims = {
  sub: 'customer-7',
  jti: 'jti-1',
  exp: NOW_SECONDS + 60,
  variables: { name: 'Ada {{unknown}}' },
};
const TAGS = { token: 'tag of the token', visitor: 'tag of the visitor' };

/** Admits one visitor; the result or error, every step, and the sessions that were written. */
const admitted = async ({
  /** null: none was sent. */
  embedToken = 'a token' as string | null,
  verified = CLAIMS as EmbedClaims | 'expired' | 'signature',
  context = {} as Partial<TokenContext>,
  replaced = undefined as Pick<ReservedSession, 'sessionId' | 'visitorTag' | 'admission'> | undefined,
  own = {} as Partial<VisitorPorts>,
} = {}) => {
  const { ports, log } = recordingPorts(aContext());
  const written: unknown[] = [];
  const result = await admitVisitor(
    {
      ...ports,
      embedTokens: { peek: () => CLAIMS, verify: async () => verified },
      embedSecrets: { embedSecret: async () => '', visitorTag: async () => TAGS.visitor },
      admissions: {
        admit: async ({ session, visitor }) => {
          log.push('admit');
          written.push({ visitorTag: session.visitorTag, visitor });
        },
      },
      ...own,
    },
    SETTINGS,
    aRequest({ embedToken: embedToken ?? undefined }),
    {
      ipHash: 'an address',
      site: { ...SITE, errorDays: 30 },
      workspace: aWorkspace(),
      context: aContext({ site: SITE, ...context }),
      embedTags: embedToken === null ? undefined : TAGS,
    },
    'call',
    NOW,
    replaced,
  ).catch((error: unknown) => error);
  return { result, log, written };
};

describe('a visitor with a valid embed token', () => {
  it('gets the instructions with the variables of the token, whose values are not placeholders themselves', async () => {
    const { result } = await admitted();
    expect(result).toMatchObject({
      site: { instructions: 'Greet Ada {{unknown}}. Sell bread.' },
      visitor: { sub: 'customer-7' },
    });
  });

  it('is recorded only as a keyed hash', async () => {
    const { result, written } = await admitted();
    expect(written).toMatchObject([
      { visitorTag: TAGS.visitor, visitor: { tag: TAGS.visitor, token: { tag: TAGS.token } } },
    ]);
    const { admitted: session } = result as { readonly admitted: unknown };
    expect(JSON.stringify(session)).not.toContain('customer-7');
  });

  it.each(['expired', 'signature'] as const)(
    "is refused with a token fault %s before a slot or the site's rate limit is used, and the operator is told",
    async (verified) => {
      const { result, log } = await admitted({ verified });
      expect(result).toMatchObject({ code: 'embed_token_invalid', details: [{ path: verified }] });
      expect(log).toEqual(['tell operator embed_token_invalid']);
    },
  );

  it('gets an outage, and the operator no report, if the key cannot be derived', async () => {
    const embedTokens = { peek: () => CLAIMS, verify: () => Promise.reject(DOWN) };
    const { result, log } = await admitted({ own: { embedTokens } });
    expect(result).toBe(DOWN);
    expect(log).toEqual([]);
  });

  it('stays the same visitor without the token when replacing a call', async () => {
    const replaced = {
      sessionId: 'ses_old' as ReservedSession['sessionId'],
      visitorTag: TAGS.visitor,
    };
    const { written, result } = await admitted({ embedToken: null, replaced });
    expect(written).toMatchObject([{ visitorTag: TAGS.visitor, visitor: { token: undefined } }]);
    // Without the token nothing is known to fill the placeholders with.
    expect(result).toMatchObject({ site: { instructions: 'Greet . Sell bread.' } });
  });
});

describe('a visitor without an embed token', () => {
  it('gets the instructions of the site unchanged', async () => {
    const { result, written } = await admitted({ embedToken: null });
    expect(result).toMatchObject({ site: { instructions: SITE.instructions }, visitor: undefined });
    expect(written).toEqual([{ visitorTag: undefined, visitor: undefined }]);
  });
});

describe('the rate limit of a site in an admission', () => {
  it('refuses before anything is written if it is used up', async () => {
    const { result, log } = await admitted({ context: { siteCalls: SETTINGS.rateLimits.perSite.perMinute } });
    expect(result).toMatchObject({ code: 'rate_limited', retryAfterSeconds: 50 });
    expect(log).toEqual([]);
  });

  it('releases the admission that was written at the same time if it refuses', async () => {
    const limiter = { spend: async () => ({ allowed: false as const, retryAfterSeconds: 7 }) };
    const { result, log } = await admitted({ own: { limiter } });
    expect(result).toMatchObject({ code: 'rate_limited', retryAfterSeconds: 7 });
    expect(log).toEqual([
      'admit',
      'settle refused rate_limited',
      'release',
      'no longer live',
      'give minutes back',
    ]);
  });

  it('releases the admission that was written at the same time if it cannot be read', async () => {
    const { result, log } = await admitted({ own: { limiter: { spend: () => Promise.reject(DOWN) } } });
    expect(result).toBe(DOWN);
    expect(log).toContain('settle refused unavailable');
    expect(log).toContain('release');
  });

  it('releases nothing if the admission was refused too', async () => {
    const limiter = { spend: async () => ({ allowed: false as const, retryAfterSeconds: 7 }) };
    const admissions = { admit: () => Promise.reject(new BrokerError('busy')) };
    const { result, log } = await admitted({ own: { limiter, admissions } });
    expect(result).toMatchObject({ code: 'rate_limited' });
    expect(log).toEqual([]);
  });
});

describe('a failed admission', () => {
  it('is reported to the operator under its code if it is a refusal', async () => {
    const admissions = { admit: () => Promise.reject(new BrokerError('busy')) };
    const { result, log } = await admitted({ own: { admissions } });
    expect(result).toMatchObject({ code: 'busy' });
    expect(log).toEqual(['spend site', 'tell operator busy']);
  });

  it('is not reported to the operator if it is an outage', async () => {
    const { result, log } = await admitted({ own: { admissions: { admit: () => Promise.reject(DOWN) } } });
    expect(result).toBe(DOWN);
    expect(log).toEqual(['spend site']);
  });
});
