import { generateKeyPairSync, randomUUID } from 'node:crypto';
import { afterAll, describe, expect, it } from '@jest/globals';
import { type JWTPayload, SignJWT } from 'jose';
import { signEvents } from '../../lambdas/domain/sessions/event-signature.ts';
import { expectRefusal, expectSuccess } from '../support/answers.ts';
import { openCall, openedCall, sessionOf } from '../support/calls.ts';
import { frozenClock } from '../support/frozen-clock.ts';
import { asOwner, expectNothingReached, makeKeyedTenant } from '../support/keyed-tenant.ts';
import { openAiOf } from '../support/openai.ts';
import { event, report } from '../support/reports.ts';
import { startTestStack, type TestAnswer } from '../support/stack.ts';
import { mint, type Tenant } from '../support/tenant.ts';

const time = frozenClock();
const stack = await startTestStack({
  runtime: { clock: time.clock },
  variables: {
    IP_LIMIT_PER_MINUTE: '100000',
    IP_LIMIT_PER_SECOND: '100000',
    SITE_LIMIT_PER_MINUTE: '100000',
  },
  audited: false,
});
afterAll(() => stack.close());

type Settings = Readonly<Record<string, unknown>>;
type Signed = Tenant & { readonly secret: string };

/** A site that opens sessions with embed tokens only, signed with the secret that it got. */
const makeSigned = async (site: Settings = {}): Promise<Signed> => {
  const tenant = await makeKeyedTenant(stack, { openai_tier: 5 }, { require_embed_token: true, ...site });
  const path = `/v1/sites/${tenant.siteId}/embed-key`;
  const { secret } = await asOwner(stack, tenant, 'PUT', path, { algorithm: 'HS256' });
  stack.openAi?.clearRequests();
  stack.kms.clearCalls();
  return { ...tenant, secret };
};

const nowSeconds = (): number => Math.floor(time.clock().getTime() / 1_000);

const sign = (
  tenant: Signed,
  claims: JWTPayload = {},
  key?: Parameters<SignJWT['sign']>[0],
): Promise<string> =>
  new SignJWT({
    aud: tenant.siteId,
    sub: 'visitor-1',
    jti: randomUUID(),
    exp: nowSeconds() + 120,
    ...claims,
  })
    .setProtectedHeader({ alg: key === undefined ? 'HS256' : 'ES256' })
    .sign(key ?? new TextEncoder().encode(tenant.secret));

const faultOf = ({ error }: TestAnswer): string | undefined => error.details?.[0]?.path;

const instructionsSent = (): readonly string[] =>
  openAiOf(stack).requests.map(({ body }) => {
    const text = JSON.stringify(body ?? '');
    return /"instructions":"((?:[^"\\]|\\.)*)"/.exec(text.replaceAll('\\"', '"'))?.[1] ?? text;
  });

describe('a site that requires embed tokens', () => {
  it('refuses all of 1,000 scripted requests without a token, at no cost', async () => {
    const tenant = await makeSigned();
    const codes = new Set<string>();
    for (let i = 0; i < 100; i++)
      for (const answer of await Promise.all(
        Array.from({ length: 10 }, (_, j) => (j % 2 ? mint(stack, tenant) : openCall(stack, tenant))),
      ))
        codes.add(`${answer.status} ${answer.error?.code} ${faultOf(answer)}`);
    expect([...codes]).toEqual(['401 embed_token_invalid missing']);
    expectNothingReached(stack);
  });

  it('admits a token once, even if it is sent twenty times at once', async () => {
    const tenant = await makeSigned();
    const tokens = await Promise.all([sign(tenant), sign(tenant)]);
    for (const [index, embed_token] of tokens.entries()) {
      const answers = await Promise.all(
        Array.from({ length: 20 }, () =>
          index === 0 ? mint(stack, tenant, { embed_token }) : openCall(stack, tenant, { embed_token }),
        ),
      );
      const refused = answers.filter(({ error }) => error !== undefined);
      expect(refused).toHaveLength(19);
      for (const answer of refused) expectRefusal(answer, 401, 'embed_token_invalid');
      expect(new Set(refused.map(faultOf))).toEqual(new Set(['replayed']));
    }
  });

  it('admits twenty visitors who each have a token', async () => {
    const tenant = await makeSigned();
    const answers = await Promise.all(
      Array.from({ length: 20 }, async (_, i) =>
        openCall(stack, tenant, { embed_token: await sign(tenant, { sub: `visitor-${i}` }) }),
      ),
    );
    for (const answer of answers) expectSuccess(answer, 201);
  });

  it('refuses a token that was not signed for it, and names the fault', async () => {
    const [tenant, other] = [await makeSigned(), await makeSigned()];
    const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    const unsigned = `${Buffer.from('{"alg":"none"}').toString('base64url')}.${Buffer.from(
      JSON.stringify({ aud: tenant.siteId, sub: 'a', jti: 'b', exp: nowSeconds() + 60 }),
    ).toString('base64url')}.`;
    const cases: readonly (readonly [string, string])[] = [
      ['signature', 'no token'],
      ['signature', unsigned],
      ['signature', await sign({ ...tenant, secret: other.secret })],
      ['signature', await sign(tenant, {}, privateKey)],
      ['signature', await sign(tenant, { aud: other.siteId })],
      ['signature', await sign(tenant, { aud: [tenant.siteId, other.siteId] })],
      ['signature', await sign(tenant, { exp: nowSeconds() + 3_600 })],
      ['signature', await sign(tenant, { nbf: nowSeconds() + 3_600 })],
      ['signature', await sign(tenant, { variables: { name: 5 } })],
      ['signature', await sign(tenant, { variables: { 'bad name': 'x' } })],
      ['signature', await sign(tenant, { variables: { name: 'x'.repeat(501) } })],
      ['expired', await sign(tenant, { exp: nowSeconds() })],
      ['expired', await sign(tenant, { exp: nowSeconds() - 600 })],
    ];
    for (const [fault, embed_token] of cases)
      for (const answer of [
        await mint(stack, tenant, { embed_token }),
        await openCall(stack, tenant, { embed_token }),
      ]) {
        expectRefusal(answer, 401, 'embed_token_invalid');
        expect(faultOf(answer)).toBe(fault);
      }
    expectNothingReached(stack);
  });

  it('refuses a token without sub, jti or exp', async () => {
    const tenant = await makeSigned();
    for (const claim of ['sub', 'jti', 'exp']) {
      const answer = await openCall(stack, tenant, {
        embed_token: await sign(tenant, { [claim]: undefined }),
      });
      expectRefusal(answer, 401, 'embed_token_invalid');
    }
  });

  it('refuses a foreign origin before it verifies the token', async () => {
    const tenant = await makeSigned();
    expectRefusal(await mint(stack, tenant, {}, 'https://elsewhere.example'), 403, 'origin_not_allowed');
  });

  it('refuses the tokens of a replaced or removed key immediately', async () => {
    const tenant = await makeSigned();
    const path = `/v1/sites/${tenant.siteId}/embed-key`;
    const before = await sign(tenant);
    const { secret, key_id } = await asOwner(stack, tenant, 'PUT', path, { algorithm: 'HS256' });
    expect(secret).not.toBe(tenant.secret);
    expect(faultOf(await mint(stack, tenant, { embed_token: before }))).toBe('signature');
    const fresh = { ...tenant, secret };
    expectSuccess(await mint(stack, tenant, { embed_token: await sign(fresh) }));
    const site = await asOwner(stack, tenant, 'GET', `/v1/sites/${tenant.siteId}`);
    expect(site.embed_key).toMatchObject({ algorithm: 'HS256', key_id });
    expect(JSON.stringify(site)).not.toContain(secret);
    await asOwner(stack, tenant, 'DELETE', path);
    expect(faultOf(await mint(stack, tenant, { embed_token: await sign(fresh) }))).toBe('signature');
    expectRefusal(await stack.call('DELETE', path, { as: tenant.owner }), 404, 'embed_key_not_found');
  });

  it('accepts tokens of an ES256 key of the customer, and refuses to store a private key', async () => {
    const tenant = await makeSigned();
    const path = `/v1/sites/${tenant.siteId}/embed-key`;
    const pair = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    const other = generateKeyPairSync('ec', { namedCurve: 'P-384' });
    const put = (public_key?: string) =>
      stack.call('PUT', path, { as: tenant.owner, body: { algorithm: 'ES256', public_key } });
    for (const pem of [
      undefined,
      'text',
      pair.privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
      other.publicKey.export({ type: 'spki', format: 'pem' }).toString(),
    ])
      expectRefusal(await put(pem), 400, 'invalid_request');
    const stored = expectSuccess(
      await put(pair.publicKey.export({ type: 'spki', format: 'pem' }).toString()),
    );
    expect(stored).toMatchObject({ algorithm: 'ES256', secret: null });
    expectSuccess(await mint(stack, tenant, { embed_token: await sign(tenant, {}, pair.privateKey) }));
    expect(faultOf(await mint(stack, tenant, { embed_token: await sign(tenant) }))).toBe('signature');
  });

  it('fills the placeholders of its instructions only from the token', async () => {
    const tenant = await makeSigned({ instructions: 'Greet {{name}} of {{ city }}. {{unknown}}{{name}}' });
    const variables = { name: 'Ada {{city}}', city: 'Oslo', constructor: 'no' };
    expectSuccess(await mint(stack, tenant, { embed_token: await sign(tenant, { variables }) }));
    await openedCall(stack, tenant, { embed_token: await sign(tenant, { variables }) });
    const sent = instructionsSent();
    expect(sent).toHaveLength(2);
    for (const text of sent) expect(text).toContain('Greet Ada {{city}} of Oslo. Ada {{city}}');
    expectRefusal(await mint(stack, tenant, { variables }), 400, 'invalid_request');
  });

  it('needs no second token for a call that replaces an earlier one', async () => {
    const tenant = await makeSigned({ instructions: 'Greet {{name}}.' });
    const embed_token = await sign(tenant, { variables: { name: 'Ada' } });
    const first = await openedCall(stack, tenant, { embed_token });
    const replaces = ({ session_id, signing_secret }: typeof first) => {
      const t = nowSeconds();
      return {
        session_id,
        signature: `t=${t},v1=${signEvents(signing_secret, t, `replaces.${session_id}`)}`,
      };
    };
    const second = await openedCall(stack, tenant, { replaces: replaces(first) });
    // The used and expired token still names the variables.
    time.advance(200_000);
    stack.openAi?.clearRequests();
    await openedCall(stack, tenant, { replaces: replaces(second), embed_token });
    expect(instructionsSent().join()).toContain('Greet Ada.');
    expectRefusal(await openCall(stack, tenant, { replaces: replaces(first) }), 401, 'embed_token_invalid');
    expect((await sessionOf(stack, tenant, first)).ended_by).toBe('visitor');
  });
});

const replacing = ({ session_id, signing_secret }: { session_id: string; signing_secret: string }) => {
  const t = nowSeconds();
  return { session_id, signature: `t=${t},v1=${signEvents(signing_secret, t, `replaces.${session_id}`)}` };
};

describe('a reconnect that failed once at KMS', () => {
  it('can be repeated without a second token, and then the old call is hung up', async () => {
    const tenant = await makeSigned();
    const first = await openedCall(stack, tenant, { embed_token: await sign(tenant) });
    stack.kms.inject({ operation: 'Decrypt', errorName: 'DisabledException', times: 1 });
    expectRefusal(await openCall(stack, tenant, { replaces: replacing(first) }), 503, 'unavailable');
    expect((await sessionOf(stack, tenant, first)).ended_by).toBeNull();
    await openedCall(stack, tenant, { replaces: replacing(first) });
    expect((await sessionOf(stack, tenant, first)).ended_by).toBe('visitor');
  });

  it('replaces the latest call, even if the page names an older one', async () => {
    const tenant = await makeSigned();
    const first = await openedCall(stack, tenant, { embed_token: await sign(tenant) });
    const second = await openedCall(stack, tenant, { replaces: replacing(first) });
    for (let i = 0; i < 2; i++) {
      stack.kms.inject({ operation: 'Decrypt', errorName: 'DisabledException', times: 1 });
      expectRefusal(await openCall(stack, tenant, { replaces: replacing(first) }), 503, 'unavailable');
    }
    expect((await sessionOf(stack, tenant, second)).ended_by).toBeNull();
    await openedCall(stack, tenant, { replaces: replacing(first) });
    expect((await sessionOf(stack, tenant, second)).ended_by).toBe('visitor');
  });
});

describe('the limits of a visitor', () => {
  it('bound the calls of a day by the sub of the token', async () => {
    const tenant = await makeSigned({ visitor_limits: { calls_per_day: 3 } });
    const call = async (sub: string) => openCall(stack, tenant, { embed_token: await sign(tenant, { sub }) });
    const answers = await Promise.all(Array.from({ length: 8 }, () => call('busy')));
    expect(answers.filter(({ status }) => status === 201)).toHaveLength(3);
    const refused = await call('busy');
    expectRefusal(refused, 429, 'visitor_limit');
    const toMidnight = 86_400 - (nowSeconds() % 86_400);
    expect(refused.error.retry_after).toBe(toMidnight);
    expectSuccess(await call('calm'), 201);
    time.advance(toMidnight * 1_000);
    expectSuccess(await call('busy'), 201);
  });

  it('bound the minutes of a day, and shorten the last call to the remaining time', async () => {
    const tenant = await makeSigned({ visitor_limits: { minutes_per_day: 3 } });
    const call = async () => openCall(stack, tenant, { embed_token: await sign(tenant) });
    const first = expectSuccess(await call(), 201);
    expect(first.max_duration_seconds).toBe(180);
    await report(stack, tenant, first, [event('connected', time.clock())], { signedAt: time.clock() });
    time.advance(100_000);
    const ended = [event('ended', time.clock(), { reason: 'hung_up' })];
    await report(stack, tenant, first, ended, { signedAt: time.clock() });
    const second = expectSuccess(await call(), 201);
    expect(second.max_duration_seconds).toBe(80);
    await report(stack, tenant, second, [event('connected', time.clock())], { signedAt: time.clock() });
    time.advance(79_000);
    await report(stack, tenant, second, [event('heartbeat', time.clock())], { signedAt: time.clock() });
    expectRefusal(await call(), 429, 'visitor_limit');
  });
});

it('a site that does not require tokens opens sessions without one, but refuses an invalid one', async () => {
  const tenant = await makeSigned({ require_embed_token: false, instructions: 'Say {{this}}.' });
  expectSuccess(await mint(stack, tenant));
  expect(instructionsSent().join()).toContain('Say {{this}}.');
  expect(faultOf(await mint(stack, tenant, { embed_token: 'bad' }))).toBe('signature');
});
