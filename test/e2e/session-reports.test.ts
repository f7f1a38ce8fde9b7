import { afterAll, describe, expect, it } from '@jest/globals';
import type { SessionId } from '../../lambdas/domain/identifiers.ts';
import { detailPaths, expectCommonHeaders, expectRefusal, expectSuccess } from '../support/answers.ts';
import { startAwsProxy } from '../support/aws-proxy.ts';
import { frozenClock } from '../support/frozen-clock.ts';
import { tablesAt } from '../support/key-tables.ts';
import { addSite, asOwner, changeWorkspace, makeKeyedTenant, needed } from '../support/keyed-tenant.ts';
import { FREE_SECONDS, setManagedSeconds } from '../support/managed-usage.ts';
import { mintRefused, openAiOf } from '../support/openai.ts';
import { putPlatformKey } from '../support/platform-key.ts';
import { rawRequest } from '../support/raw-request.ts';
import {
  event,
  eventsPath,
  type MintedSession,
  type ReportOptions,
  report,
  usageEvent,
} from '../support/reports.ts';
import { startTestStack, type TestStack } from '../support/stack.ts';
import { fakeKey, makeTenant, mint, ORIGIN, putWorkspaceKey, type Tenant } from '../support/tenant.ts';
import { useCasePorts } from '../support/use-case-ports.ts';

const TIER_1 = { openai_tier: 1 };
const MANAGED = { billing_mode: 'managed' };

const time = frozenClock();
const dynamoDb = await startAwsProxy();
const stack = await startTestStack({
  audited: false,
  runtime: { clock: time.clock },
  variables: { AWS_ENDPOINT_URL_DYNAMODB: dynamoDb.url },
});
dynamoDb.forwardTo(stack.dynamoDb.endpoint);
await needed(stack, putPlatformKey(stack, fakeKey()));
const tables = tablesAt(stack.dynamoDb.endpoint);
const { pseudonyms } = useCasePorts(stack);
afterAll(async () => {
  tables.close();
  await stack.close();
  await dynamoDb.close();
});

const now = time.clock;
const wait = (seconds: number): void => time.advance(seconds * 1_000);
const minted = async (tenant: Tenant) => expectSuccess(await mint(stack, tenant));
const say = (
  tenant: Tenant,
  session: MintedSession,
  types: readonly string[],
  options: Partial<ReportOptions> = {},
) =>
  report(
    stack,
    tenant,
    session,
    types.map((type) => event(type, now(), type === 'ended' ? { reason: 'hung_up' } : {})),
    { signedAt: now(), ...options },
  );
const told = async (...given: Parameters<typeof say>) => expectSuccess(await say(...given));
const CONTINUE = { action: 'continue', reason: null, ended_by: null };
const hangUp = (reason: string) => ({ action: 'hang_up', reason });
/** Mints for a visitor at the given address. */
const mintFrom = (from: string, { siteId }: Tenant) =>
  rawRequest(stack, {
    method: 'POST',
    path: `/v1/${siteId}/token`,
    headers: { origin: ORIGIN, 'content-type': 'application/json' },
    body: '{}',
    from,
  });
const periodOf = async ({ workspaceId }: Tenant) =>
  (await tables.usageOf(`USAGE#${workspaceId}`)).find(({ sk }) => String(sk).startsWith('PERIOD#'));
const meterOf = async ({ siteId }: Tenant, { session_id }: MintedSession) =>
  (await tables.usageOf(`METERS#${siteId}`)).find(({ sk }) => sk === session_id);

describe('the sender of a report', () => {
  it.each([
    ['a spent time stamp', { signedAt: -301 }],
    ['one from the future', { signedAt: 301 }],
    ['the secret of another session', { secret: Buffer.alloc(32, 7).toString('base64') }],
    ['no signature', { headers: { 'x-spelo-signature': '' } }],
    ['half a signature', { headers: { 'x-spelo-signature': 't=1' } }],
  ] as const)(
    '%s: 401 that its page can read, after one read for the origins of the site',
    async (_, {
      signedAt = 0,
      ...options
    }: { signedAt?: number; secret?: string; headers?: Record<string, string> }) => {
      const tenant = await makeKeyedTenant(stack);
      const session = await minted(tenant);
      const before = dynamoDb.calls.length;
      const answer = await say(tenant, session, ['connected'], {
        ...options,
        signedAt: new Date(now().getTime() + signedAt * 1_000),
      });
      expectRefusal(answer, 401, 'invalid_signature');
      expect(dynamoDb.calls.slice(before).map(({ operation }) => operation)).toEqual(['BatchGetItem']);
      expect(answer.headers.get('access-control-allow-origin')).toBe(ORIGIN);
      expect(await meterOf(tenant, session)).toBeUndefined();
    },
  );

  it.each([-299, 299])('may have a clock that is %p seconds off', async (skew) => {
    const tenant = await makeKeyedTenant(stack);
    const session = await minted(tenant);
    const signedAt = new Date(now().getTime() + skew * 1_000);
    const answer = await report(stack, tenant, session, [event('connected', signedAt)], { signedAt });
    expect(expectSuccess(answer)).toEqual({ accepted: 1, duplicates: 0, flagged: 0, ...CONTINUE });
  });

  it('cannot report with a real session of the same site for another session', async () => {
    const tenant = await makeKeyedTenant(stack);
    const [one, other] = [await minted(tenant), await minted(tenant)];
    const answer = await say(tenant, one, ['ended'], { secret: other.signing_secret });
    expectRefusal(answer, 401, 'invalid_signature');
  });

  it('is refused if the body was changed after it was signed', async () => {
    const tenant = await makeKeyedTenant(stack);
    const session = await minted(tenant);
    const signed = await say(tenant, session, ['connected'], { rawBody: '{"events":[]}' });
    expectRefusal(signed, 400, 'invalid_request');
    const events = JSON.stringify({ events: [event('connected', now())] });
    const t = Math.floor(now().getTime() / 1_000);
    const answer = await stack.call('POST', eventsPath(tenant, session), {
      origin: ORIGIN,
      rawBody: events,
      headers: { 'x-spelo-signature': `t=${t},v1=${'ab'.repeat(32)}` },
    });
    expectRefusal(answer, 401, 'invalid_signature');
  });

  it('cannot report for an unknown, refused or test session, or for a session of another site', async () => {
    const tenant = await makeKeyedTenant(stack);
    const other = await addSite(stack, tenant);
    const session = await minted(tenant);
    expectRefusal(await say(other, session, ['connected']), 404, 'session_not_found');
    expectRefusal(
      await say(tenant, { ...session, session_id: 'ses_none' }, ['connected']),
      404,
      'session_not_found',
    );

    const signedFor = async (sessionId: unknown) => ({
      session_id: String(sessionId),
      signing_secret: await pseudonyms.signingSecret(String(sessionId) as SessionId),
    });
    const unknown = `${session.session_id.slice(0, -2)}zz`;
    expectRefusal(await say(tenant, await signedFor(unknown), ['connected']), 404, 'session_not_found');

    await asOwner(stack, tenant, 'POST', `/v1/workspaces/${tenant.workspaceId}/openai-key/test`);
    openAiOf(stack).inject(mintRefused(500, { message: 'No.' }));
    expectRefusal(await mint(stack, tenant), 502, 'openai_error');
    openAiOf(stack).clearFaults();
    const [tested] = (await tables.scan('sessions')).filter(
      ({ kind, workspaceId }) => kind === 'test' && workspaceId === tenant.workspaceId,
    );
    const refused = (await tables.sessionsOf(tenant.siteId)).find(({ state }) => state === 'refused');
    for (const item of [tested, refused])
      expectRefusal(
        await say(tenant, await signedFor(item?.['sessionId']), ['connected']),
        404,
        'session_not_found',
      );
  });

  it.each(['https://elsewhere.example', 'https://shop.example:444', 'http://shop.example'])(
    'may not be a page of another origin than the session was minted for: %s',
    async (origin) => {
      const tenant = await makeKeyedTenant(stack);
      const answer = await say(tenant, await minted(tenant), ['connected'], { origin });
      expectRefusal(answer, 403, 'origin_not_allowed');
      expect(answer.headers.get('access-control-allow-origin')).toBeNull();
    },
  );

  it('is checked in this order: site ID, body, session ID, signature, session, origin', async () => {
    const tenant = await makeKeyedTenant(stack);
    const session = await minted(tenant);
    const wrong = { origin: 'https://elsewhere.example', secret: Buffer.alloc(32).toString('base64') };
    const nowhere = { ...tenant, siteId: 'Not-A-Site' };
    const unknown = { ...session, session_id: 'nothing' };
    const bad = { ...wrong, rawBody: '{' };
    expectRefusal(await say(nowhere, unknown, [], bad), 400, 'invalid_site_id');
    expectRefusal(await say(tenant, unknown, [], bad), 400, 'invalid_request');
    expectRefusal(await say(tenant, unknown, ['connected'], wrong), 404, 'session_not_found');
    expectRefusal(await say(tenant, session, ['connected'], wrong), 401, 'invalid_signature');
    const other = await addSite(stack, tenant);
    expectRefusal(
      await say(other, session, ['connected'], { origin: wrong.origin }),
      404,
      'session_not_found',
    );
  });
});

describe('the format of a report', () => {
  const at = '2026-11-23T12:00:00Z';
  it.each<[string, readonly unknown[], string]>([
    ['no event', [], 'events'],
    ['51 events', Array.from({ length: 51 }, (_, i) => ({ id: `e${i}`, type: 'heartbeat', at })), 'events'],
    ['a field that it does not have', [{ id: 'e', type: 'heartbeat', at, extra: 1 }], 'events.0.extra'],
    ['a type that there is not', [{ id: 'e', type: 'burst', at }], 'events.0.type'],
    ['an id with a space', [{ id: 'a b', type: 'heartbeat', at }], 'events.0.id'],
    ['an id of 65 letters', [{ id: 'a'.repeat(65), type: 'heartbeat', at }], 'events.0.id'],
    [
      'a time of another zone',
      [{ id: 'e', type: 'heartbeat', at: '2026-11-23T12:00:00+01:00' }],
      'events.0.at',
    ],
    ['a time that is a number', [{ id: 'e', type: 'heartbeat', at: 1_795_000_000 }], 'events.0.at'],
    ['an unknown reason to end', [{ id: 'e', type: 'ended', at, reason: 'bored' }], 'events.0.reason'],
    ['an unknown source', [{ id: 'e', type: 'error', at, source: 'moon', code: null }], 'events.0.source'],
    [
      'a code of 1,001 letters',
      [{ id: 'e', type: 'error', at, source: 'media', code: 'x'.repeat(1_001) }],
      'events.0.code',
    ],
    [
      'a response with an empty id',
      [{ id: 'e', type: 'usage', at, response_id: '', usage: {} }],
      'events.0.response_id',
    ],
  ])('%s: 400 that names the field', async (_, events, path) => {
    const tenant = await makeKeyedTenant(stack);
    const session = await minted(tenant);
    const answer = await report(stack, tenant, session, events, { signedAt: now() });
    expectRefusal(answer, 400, 'invalid_request');
    expect(detailPaths(answer)).toContain(path);
  });

  it('allows 50 events at once, and ignores additional fields of OpenAI in usage', async () => {
    const tenant = await makeKeyedTenant(stack);
    const session = await minted(tenant);
    const events = [
      ...Array.from({ length: 49 }, (_, i) => event('error', now(), { source: 'media', code: `Code${i}` })),
      event('usage', now(), {
        response_id: 'resp_1',
        usage: { total_tokens: 5, output_tokens: 5, something_new: { text_tokens: 9 } },
      }),
    ];
    const answer = await report(stack, tenant, session, events, { signedAt: now() });
    expect(expectSuccess(answer)).toMatchObject({ accepted: 50, duplicates: 0, flagged: 0 });
  });

  it('lets one event of an unusual response fail without the others', async () => {
    const tenant = await makeKeyedTenant(stack);
    const session = await minted(tenant);
    const events = [
      event('connected', now()),
      event('usage', now(), { response_id: null, usage: { output_tokens: 5 } }),
      event('usage', now(), { usage: { output_tokens: 5 } }),
      event('usage', now(), { response_id: 'resp_1' }),
      event('error', now(), { source: 'response' }),
      event('error', now(), { source: 'response', code: 'x'.repeat(1_000) }),
    ];
    const answer = await report(stack, tenant, session, events, { signedAt: now() });
    // A response without usage is a sign of life, and the page connected at the same instant.
    expect(expectSuccess(answer)).toMatchObject({ accepted: 5, duplicates: 1, flagged: 0 });
  });

  it('lets a closing page send a beacon as text, signed in its address, without a preflight', async () => {
    const tenant = await makeKeyedTenant(stack, TIER_1);
    const session = await minted(tenant);
    expect(await told(tenant, session, ['connected'])).toMatchObject(CONTINUE);
    const answer = await say(tenant, session, ['ended'], { beacon: true });
    expect(expectSuccess(answer)).toMatchObject({ accepted: 1, ...hangUp('ended') });
    expectSuccess(await mint(stack, tenant));
  });

  it('refuses text without a signature, and every other content type and query', async () => {
    const tenant = await makeKeyedTenant(stack);
    const session = await minted(tenant);
    const rawBody = JSON.stringify({ events: [event('connected', now())] });
    const send = (path: string, contentType: string) =>
      stack.call('POST', path, { origin: ORIGIN, rawBody, headers: { 'content-type': contentType } });
    const path = eventsPath(tenant, session);
    expectRefusal(await send(path, 'text/plain'), 401, 'invalid_signature');
    expectRefusal(await send(`${path}?signature=t=1,v1=00`, 'text/plain'), 401, 'invalid_signature');
    for (const contentType of ['application/x-www-form-urlencoded', 'multipart/form-data', 'text/html'])
      expectRefusal(await send(path, contentType), 400, 'invalid_request');
    expectRefusal(await send(`${path}?other=1`, 'application/json'), 400, 'invalid_request');
    expectRefusal(
      await stack.call('POST', `/v1/${tenant.siteId}/token`, {
        origin: ORIGIN,
        rawBody: '{}',
        headers: { 'content-type': 'text/plain' },
      }),
      400,
      'invalid_request',
    );
  });
});

describe('CORS', () => {
  it('a response is readable only by the page of the session', async () => {
    const tenant = await makeKeyedTenant(stack);
    const answer = await say(tenant, await minted(tenant), ['connected']);
    expectCommonHeaders(answer);
    expect(answer.headers.get('access-control-allow-origin')).toBe(ORIGIN);
    expect(answer.headers.get('vary')).toBe('Origin');
    expect(answer.headers.get('access-control-allow-credentials')).toBeNull();
  });

  it('a preflight allows the signature header to a registered page only', async () => {
    const tenant = await makeKeyedTenant(stack);
    const path = eventsPath(tenant, await minted(tenant));
    const preflight = (origin: string, to = path) =>
      stack.call('OPTIONS', to, {
        origin,
        headers: {
          'access-control-request-method': 'POST',
          'access-control-request-headers': 'content-type,x-spelo-signature',
        },
      });
    const allowed = await preflight(ORIGIN);
    expect(allowed.status).toBe(204);
    expect(allowed.headers.get('access-control-allow-origin')).toBe(ORIGIN);
    expect(allowed.headers.get('access-control-allow-headers')).toContain('X-Spelo-Signature');
    expectRefusal(await preflight('https://elsewhere.example'), 403, 'origin_not_allowed');
    const nowhere = path.replace(tenant.siteId, '0'.repeat(24));
    expectRefusal(await preflight(ORIGIN, nowhere), 404, 'site_not_found');
  });
});

describe('slots and reports', () => {
  it('the second visitor on tier 1 gets in after exactly the wait that the broker returned', async () => {
    const tenant = await makeKeyedTenant(stack, TIER_1);
    const first = await minted(tenant);
    wait(60);
    expect(await told(tenant, first, ['connected'])).toMatchObject(CONTINUE);
    wait(5);
    const refused = await mint(stack, tenant);
    expectRefusal(refused, 429, 'busy');
    expect(refused.error.retry_after).toBe(60);
    wait(69);
    expectRefusal(await mint(stack, tenant), 429, 'busy');
    wait(1);
    expectSuccess(await mint(stack, tenant));
    expect(await told(tenant, first, ['heartbeat'])).toMatchObject(hangUp('slot_lost'));
  });

  it('the second visitor gets in immediately after the first one hangs up', async () => {
    const tenant = await makeKeyedTenant(stack, TIER_1);
    const first = await minted(tenant);
    await told(tenant, first, ['connected']);
    expectRefusal(await mint(stack, tenant), 429, 'busy');
    expect(await told(tenant, first, ['ended'])).toMatchObject(hangUp('ended'));
    expectSuccess(await mint(stack, tenant));
    // What comes later takes nothing from the second.
    expect(await told(tenant, first, ['heartbeat'])).toMatchObject(hangUp('ended'));
    expectRefusal(await mint(stack, tenant), 429, 'busy');
  });

  it('heartbeats keep the slot beyond its first lease, and a crashed tab frees it after 75 s', async () => {
    const tenant = await makeKeyedTenant(stack, TIER_1);
    const session = await minted(tenant);
    await told(tenant, session, ['connected']);
    for (let i = 0; i < 8; i++) {
      wait(20);
      expect(await told(tenant, session, ['heartbeat'])).toMatchObject(CONTINUE);
    }
    expectRefusal(await mint(stack, tenant), 429, 'busy');
    wait(74);
    expectRefusal(await mint(stack, tenant), 429, 'busy');
    wait(1);
    expectSuccess(await mint(stack, tenant));
  });

  it('an expired lease is lost, even if nobody took the slot', async () => {
    const tenant = await makeKeyedTenant(stack, TIER_1);
    const session = await minted(tenant);
    wait(90);
    expect(await told(tenant, session, ['connected'])).toMatchObject(hangUp('slot_lost'));
    expectSuccess(await mint(stack, tenant));
  });

  it('heartbeats keep no slot beyond the hour that OpenAI allows', async () => {
    const tenant = await makeKeyedTenant(stack, TIER_1, { max_duration_seconds: 3_600 });
    const session = await minted(tenant);
    await told(tenant, session, ['connected']);
    for (let passed = 0; passed < 3_690; passed += 70) {
      wait(70);
      await told(tenant, session, ['heartbeat']);
    }
    expectSuccess(await mint(stack, tenant));
  });

  it('a busy response on a shared key says when both the key and the share of the site have a free slot', async () => {
    const first = await makeKeyedTenant(stack, { concurrency_limit: 2, site_share_percent: 50 });
    const second = await addSite(stack, first);
    await minted(first);
    wait(30);
    await minted(second);
    const refused = await mint(stack, second);
    expectRefusal(refused, 429, 'busy');
    expect(refused.error.retry_after).toBe(60);
    wait(90);
    expectSuccess(await mint(stack, second));
  });
});

describe('the hang_up action', () => {
  it('the widget hangs up after the longest session of the site, counted from the connection', async () => {
    const tenant = await makeKeyedTenant(
      stack,
      {},
      { client_secret_ttl_seconds: 600, max_duration_seconds: 60 },
    );
    const session = await minted(tenant);
    wait(400);
    expect(await told(tenant, session, ['connected'])).toMatchObject(CONTINUE);
    for (let passed = 20; passed <= 80; passed += 20) {
      wait(20);
      expect(await told(tenant, session, ['heartbeat'])).toMatchObject(CONTINUE);
    }
    wait(11);
    expect(await told(tenant, session, ['heartbeat'])).toMatchObject(hangUp('max_duration'));
  });

  it("the widget hangs up after the longest session by the broker's clock, even if the browser's clock barely moves", async () => {
    const tenant = await makeKeyedTenant(stack, {}, { max_duration_seconds: 60 });
    const session = await minted(tenant);
    const start = now().getTime();
    let last = {};
    for (let i = 0; i <= 180; i += 30) {
      const slow = new Date(start + i * 100);
      last = expectSuccess(
        await report(stack, tenant, session, [event('heartbeat', slow)], { signedAt: now() }),
      );
      if (i < 180) wait(30);
    }
    expect(last).toMatchObject(CONTINUE);
    wait(1);
    expect(await told(tenant, session, ['heartbeat'])).toMatchObject(hangUp('max_duration'));
  });

  it('the widget hangs up if its site was archived or its workspace deleted', async () => {
    const tenant = await makeKeyedTenant(stack);
    const other = await addSite(stack, tenant);
    const [one, two] = [await minted(tenant), await minted(other)];
    await told(tenant, one, ['connected']);
    await asOwner(stack, tenant, 'DELETE', `/v1/sites/${tenant.siteId}`);
    expect(await told(tenant, one, ['heartbeat'])).toMatchObject(hangUp('site_gone'));
    expect(await told(other, two, ['connected'])).toMatchObject(CONTINUE);
    await asOwner(stack, tenant, 'DELETE', `/v1/workspaces/${tenant.workspaceId}`, { confirm: 'Shop' });
    wait(20);
    expect(await told(other, two, ['heartbeat'])).toMatchObject(hangUp('site_gone'));
    // What it used is still counted.
    expect((await meterOf(other, two))?.['posted']).toMatchObject({ sessions: 1, seconds: 20 });
  });

  it('the widget hangs up if the session has ended, in every order of the reports', async () => {
    const tenant = await makeKeyedTenant(stack);
    const session = await minted(tenant);
    const connected = event('connected', now());
    wait(30);
    expect(await told(tenant, session, ['ended'])).toMatchObject({ accepted: 1, ...hangUp('ended') });
    const late = await report(stack, tenant, session, [connected], { signedAt: now() });
    expect(expectSuccess(late)).toMatchObject({ accepted: 1, ...hangUp('ended') });
    expect((await meterOf(tenant, session))?.['posted']).toMatchObject({ sessions: 1, seconds: 30 });
  });
});

describe('repeated and false reports', () => {
  it('a repeated report has no effect, in one request or in several', async () => {
    const tenant = await makeKeyedTenant(stack);
    const session = await minted(tenant);
    const events = [event('connected', now()), usageEvent(now(), { audioOut: 40, textIn: 100 }, 'resp_1')];
    wait(20);
    const send = (some: readonly unknown[]) => report(stack, tenant, session, some, { signedAt: now() });
    expect(expectSuccess(await send(events))).toMatchObject({ accepted: 2, duplicates: 0 });
    const before = (await meterOf(tenant, session))?.['posted'];
    expect(expectSuccess(await send(events.toReversed()))).toMatchObject({ accepted: 0, duplicates: 2 });
    const again = usageEvent(now(), { audioOut: 40, textIn: 100 }, 'resp_1');
    expect(expectSuccess(await send([again, ...events]))).toMatchObject({ accepted: 0, duplicates: 3 });
    expect((await meterOf(tenant, session))?.['posted']).toEqual(before);
  });

  it('impossible reports are flagged, stored separately and not counted', async () => {
    const tenant = await makeKeyedTenant(stack);
    const session = await minted(tenant);
    const nextYear = new Date(now().getTime() + 31_536_000_000);
    const events = [
      event('connected', now()),
      event('heartbeat', nextYear),
      usageEvent(now(), { audioOut: 1_000_000 }),
    ];
    const answer = await report(stack, tenant, session, events, { signedAt: now() });
    expect(expectSuccess(answer)).toEqual({ accepted: 1, duplicates: 0, flagged: 2, ...CONTINUE });
    expect(await meterOf(tenant, session)).toMatchObject({
      flags: ['time_out_of_bounds', 'tokens_out_of_bounds'],
      flaggedTokens: { audioOut: 1_000_000 },
      posted: { sessions: 1, flaggedSessions: 1, tokens: {} },
    });
  });

  it('the tokens that a late report may claim do not grow with the wait', async () => {
    const tenant = await makeKeyedTenant(stack);
    const session = await minted(tenant);
    await told(tenant, session, ['connected']);
    wait(3 * 3_600);
    // An hour and the 90 s until it might connect, 10 s and half as much again: 20 a second; and one answer ahead.
    const most = 20 * 1.5 * (3_600 + 90 + 10) + 4_096;
    const claim = (audioOut: number) =>
      report(stack, tenant, session, [usageEvent(now(), { audioOut })], { signedAt: now() });
    expect(expectSuccess(await claim(most + 1))).toMatchObject({ flagged: 1 });
    expect(expectSuccess(await claim(most))).toMatchObject({ accepted: 1 });
  });

  it('a session may send 120 reports a minute, even if they contain nothing new', async () => {
    const tenant = await makeKeyedTenant(stack);
    const session = await minted(tenant);
    const intoMinute = (now().getTime() / 1_000) % 60;
    wait(60 - intoMinute);
    const events = [event('connected', now())];
    const send = () => report(stack, tenant, session, events, { signedAt: now() });
    for (let i = 0; i < 120; i++) expectSuccess(await send());
    const refused = await send();
    expectRefusal(refused, 429, 'rate_limited');
    expect(refused.error.retry_after).toBe(60);
    expect(refused.headers.get('access-control-allow-origin')).toBe(ORIGIN);
    wait(60);
    expectSuccess(await send());
  });
});

describe('the minutes of a hard-capped plan', () => {
  it('are reserved for a session, returned when it ends, and refused when none are left', async () => {
    const tenant = await makeTenant(stack, MANAGED, { max_duration_seconds: 600 });
    await setManagedSeconds(stack, tenant, now(), FREE_SECONDS - 40);
    const first = await minted(tenant);
    expect(first).toMatchObject({ mode: 'managed', max_duration_seconds: 40 });
    const held = await mint(stack, tenant);
    expectRefusal(held, 402, 'minutes_exhausted');
    expect(held.error.retry_after).toBe(60);

    await told(tenant, first, ['connected']);
    wait(10);
    await told(tenant, first, ['ended']);
    expect(await periodOf(tenant)).toMatchObject({
      usedSeconds: FREE_SECONDS - 30,
      committedSeconds: FREE_SECONDS - 30,
    });

    // A visitor who never connects: the sweep gives back what they held.
    expect(await minted(tenant)).toMatchObject({ max_duration_seconds: 30 });
    wait(89);
    await stack.sweep();
    expectRefusal(await mint(stack, tenant), 402, 'minutes_exhausted');
    wait(1);
    await stack.sweep();

    const last = await minted(tenant);
    expect(last).toMatchObject({ max_duration_seconds: 30 });
    await told(tenant, last, ['connected']);
    wait(30);
    await told(tenant, last, ['ended']);
    const over = await mint(stack, tenant);
    expectRefusal(over, 402, 'minutes_exhausted');
    const nextMonth = Date.UTC(2026, 11, 1);
    expect(over.error.retry_after).toBe(Math.ceil((nextMonth - now().getTime()) / 1_000));
    expect(await periodOf(tenant)).toMatchObject({
      usedSeconds: FREE_SECONDS,
      committedSeconds: FREE_SECONDS,
    });
  });

  it('that simultaneous visitors reserve never exceed the rest of the plan', async () => {
    const tenant = await makeTenant(stack, MANAGED, { max_duration_seconds: 60 });
    await setManagedSeconds(stack, tenant, now(), FREE_SECONDS - 130);
    const answers = await Promise.all(Array.from({ length: 6 }, () => mint(stack, tenant)));
    const given = answers.filter(({ status }) => status === 200).map(({ data }) => data.max_duration_seconds);
    expect(given.toSorted((a, b) => b - a)).toEqual([60, 60, 10]);
    for (const answer of answers.filter(({ status }) => status !== 200))
      expectRefusal(answer, 402, 'minutes_exhausted');
  });

  it('are reserved further while a session lives, and the session ends when none are left', async () => {
    const tenant = await makeTenant(stack, MANAGED, { max_duration_seconds: 600 });
    await setManagedSeconds(stack, tenant, now(), FREE_SECONDS - 300);
    const first = await minted(tenant);
    const second = await minted(tenant);
    expect([first, second].map((session) => session.max_duration_seconds)).toEqual([300, 180]);
    const committed = async () => Number((await periodOf(tenant))?.['committedSeconds']) - FREE_SECONDS;
    expect(await committed()).toBe(-60);

    for (const session of [first, second]) await told(tenant, session, ['connected']);
    for (let i = 0; i < 5; i++) {
      wait(20);
      for (const session of [first, second]) await told(tenant, session, ['heartbeat']);
    }
    // Of the sixty seconds that were free the first session took all.
    expect(await committed()).toBe(0);
    expect([await meterOf(tenant, first), await meterOf(tenant, second)]).toMatchObject([
      { holdSeconds: 180 },
      { holdSeconds: 120 },
    ]);
    wait(20);
    const send = (session: MintedSession, type: string, fields = {}) =>
      report(stack, tenant, session, [event(type, now(), fields)], { signedAt: now() });
    expect(expectSuccess(await send(first, 'heartbeat'))).toMatchObject({ action: 'continue' });
    expect(expectSuccess(await send(second, 'heartbeat'))).toMatchObject({
      action: 'hang_up',
      reason: 'max_duration',
    });
    wait(20);
    // A page that continues for a while is not billed for what the plan does not have.
    expectSuccess(await send(second, 'ended', { reason: 'max_duration' }));
    expect(await meterOf(tenant, second)).toMatchObject({ posted: { seconds: 140, billedSeconds: 120 } });
    expect(await committed()).toBe(0);
  });

  it('a session that may continue after hang_up keeps its slot, and the next visitor waits', async () => {
    const tenant = await makeTenant(
      stack,
      { ...MANAGED, concurrency_limit: 1 },
      { max_duration_seconds: 600 },
    );
    const session = await minted(tenant);
    await told(tenant, session, ['connected']);
    // Other sessions took all that was left.
    await setManagedSeconds(stack, tenant, now(), FREE_SECONDS);
    wait(70);
    await told(tenant, session, ['heartbeat']);
    wait(50);
    expect(await told(tenant, session, ['heartbeat'])).toMatchObject({ reason: 'max_duration' });
    // Another session gave minutes back.
    await setManagedSeconds(stack, tenant, now(), FREE_SECONDS - 480);
    wait(1);
    expect(await told(tenant, session, ['heartbeat'])).toMatchObject({ action: 'continue' });
    const waiting = await mint(stack, tenant);
    expectRefusal(waiting, 429, 'busy');
    expect(waiting.error.retry_after).toBe(60);
  });

  it('are returned if OpenAI refuses the mint', async () => {
    const tenant = await makeTenant(stack, MANAGED, { max_duration_seconds: 600 });
    await setManagedSeconds(stack, tenant, now(), FREE_SECONDS - 40);
    openAiOf(stack).inject(mintRefused(500, { message: 'No.' }));
    expectRefusal(await mint(stack, tenant), 502, 'openai_error');
    openAiOf(stack).clearFaults();
    expect(await minted(tenant)).toMatchObject({ max_duration_seconds: 40 });
  });

  it('of a session across midnight at the end of a month belong to the month of its mint', async () => {
    const lastMinute = frozenClock('2026-11-30T23:59:50.000Z');
    const other = await startTestStack({ audited: false, runtime: { clock: lastMinute.clock } });
    const behind = tablesAt(other.dynamoDb.endpoint);
    try {
      await putPlatformKey(other, fakeKey());
      const tenant = await makeTenant(other, MANAGED);
      const session = expectSuccess(await mint(other, tenant));
      const send = async (type: string, fields = {}) =>
        expectSuccess(
          await report(other, tenant, session, [event(type, lastMinute.clock(), fields)], {
            signedAt: lastMinute.clock(),
          }),
        );
      await send('connected');
      lastMinute.advance(30_000);
      await send('ended', { reason: 'hung_up' });
      const periods = (await behind.usageOf(`USAGE#${tenant.workspaceId}`)).filter(({ sk }) =>
        String(sk).startsWith('PERIOD#'),
      );
      expect(periods).toMatchObject([{ sk: 'PERIOD#2026-11', usedSeconds: 30, committedSeconds: 30 }]);
    } finally {
      behind.close();
      await other.close();
    }
  });
});

describe('a change of the billing mode', () => {
  it('applies at the next mint: a running session keeps its payer', async () => {
    const tenant = await makeTenant(stack, MANAGED);
    expectSuccess(await putWorkspaceKey(stack, tenant, fakeKey()));
    const before = await minted(tenant);
    expect(before.mode).toBe('managed');
    await told(tenant, before, ['connected']);
    await changeWorkspace(stack, tenant, { billing_mode: 'byok' });
    const after = await minted(tenant);
    expect(after.mode).toBe('byok');
    await told(tenant, after, ['connected']);
    wait(20);
    await told(tenant, before, ['ended']);
    await told(tenant, after, ['ended']);
    expect(await meterOf(tenant, before)).toMatchObject({ mode: 'managed', posted: { billedSeconds: 20 } });
    expect((await meterOf(tenant, after))?.['posted']).not.toHaveProperty('billedSeconds');
    expect(await periodOf(tenant)).toMatchObject({ usedSeconds: 20, committedSeconds: 20 });
  });
});

describe('an OpenAI failure that a visitor reports after the mint', () => {
  /** The page of a visitor at this address. */
  const pageAt = (from: string): Pick<TestStack, 'call'> => ({
    call: (method, path, { origin = ORIGIN, rawBody = '', headers } = {}) =>
      rawRequest(stack, {
        method,
        path,
        headers: { origin, 'content-type': 'application/json', ...headers },
        body: rawBody,
        from,
      }),
  });
  const fail = async (
    tenant: Tenant,
    session: MintedSession,
    from = '127.0.0.1',
    code = 'insufficient_quota',
  ) =>
    expectSuccess(
      await report(
        pageAt(from),
        tenant,
        session,
        [
          event('connected', now()),
          usageEvent(now(), { audioOut: 20 }),
          event('error', now(), { source: 'response', code }),
        ],
        { signedAt: now() },
      ),
    );

  it('is listed as an error with its source, once for each report even if the report is repeated', async () => {
    const tenant = await makeKeyedTenant(stack);
    const session = await minted(tenant);
    const events = [
      event('error', now(), { source: 'connect', code: 'model_not_found' }),
      event('error', now(), { source: 'media', code: 'NotAllowedError' }),
      event('error', now(), { source: 'response', code: '<script>alert(1)</script>' }),
    ];
    for (let i = 0; i < 2; i++)
      expectSuccess(await report(stack, tenant, session, events, { signedAt: now() }));
    const { items } = await asOwner(stack, tenant, 'GET', `/v1/workspaces/${tenant.workspaceId}/errors`);
    const listed = (items as readonly Record<string, unknown>[]).map(({ source, code, count }) => ({
      source,
      code,
      count,
    }));
    expect(listed).toHaveLength(3);
    expect(listed).toEqual(
      expect.arrayContaining([
        { source: 'connect', code: 'openai_key_rejected', count: 1 },
        { source: 'media', code: 'microphone_denied', count: 1 },
        { source: 'response', code: 'response_failed', count: 1 },
      ]),
    );
    expect(JSON.stringify(items)).not.toContain('script');
  });

  it('refuses the next visitor once three addresses have reported it, for a limited time', async () => {
    const tenant = await makeKeyedTenant(stack);
    for (const from of ['127.0.1.1', '127.0.1.2', '127.0.1.3']) {
      const session = expectSuccess(await mintFrom(from, tenant));
      await fail(tenant, session, from);
    }
    const refused = await mintFrom('127.0.1.4', tenant);
    expectRefusal(refused, 402, 'openai_quota_exhausted');
    expect(openAiOf(stack).requests.length).toBe(3);
    wait(60);
    expectSuccess(await mintFrom('127.0.1.4', tenant));
  });

  it('refuses nobody while only one visitor reports it, however often', async () => {
    const tenant = await makeKeyedTenant(stack);
    for (let i = 0; i < 6; i++)
      await fail(tenant, expectSuccess(await mintFrom('127.0.2.1', tenant)), '127.0.2.1');
    await fail(tenant, expectSuccess(await mintFrom('127.0.2.2', tenant)), '127.0.2.2');
    expectSuccess(await mintFrom('127.0.2.3', tenant));
  });

  it('no longer refuses visitors as soon as a session works', async () => {
    const tenant = await makeKeyedTenant(stack);
    const sessions: MintedSession[] = [];
    for (const from of ['127.0.3.1', '127.0.3.2', '127.0.3.3', '127.0.3.4'])
      sessions.push(expectSuccess(await mintFrom(from, tenant)));
    for (const [i, session] of sessions.slice(0, 3).entries())
      await fail(tenant, session, `127.0.3.${i + 1}`);
    expectRefusal(await mintFrom('127.0.3.5', tenant), 402, 'openai_quota_exhausted');
    wait(1);
    const works = [usageEvent(now(), { audioOut: 20 })];
    const last = sessions.at(-1);
    if (last === undefined) throw new Error('No session.');
    expectSuccess(await report(stack, tenant, last, works, { signedAt: now() }));
    expectSuccess(await mintFrom('127.0.3.5', tenant));
  });

  it('does not count for the key that replaces the failing one', async () => {
    const tenant = await makeKeyedTenant(stack);
    const sessions: MintedSession[] = [];
    for (const from of ['127.0.4.1', '127.0.4.2', '127.0.4.3'])
      sessions.push(expectSuccess(await mintFrom(from, tenant)));
    expectSuccess(await putWorkspaceKey(stack, tenant, fakeKey()));
    for (const [i, session] of sessions.entries()) await fail(tenant, session, `127.0.4.${i + 1}`);
    expectSuccess(await mintFrom('127.0.4.4', tenant));
  });

  it('counts once if one host reports the sessions of many addresses', async () => {
    const tenant = await makeKeyedTenant(stack);
    for (const from of ['127.0.5.1', '127.0.5.2', '127.0.5.3'])
      await fail(tenant, expectSuccess(await mintFrom(from, tenant)), '127.0.5.9');
    expectSuccess(await mintFrom('127.0.5.4', tenant));
  });
});

describe('the sweep of silent sessions', () => {
  it('closes due sessions behind more unreadable records than one batch, and reports their number', async () => {
    const clock = frozenClock();
    const own = await startTestStack({ audited: false, runtime: { clock: clock.clock } });
    const ownTables = tablesAt(own.dynamoDb.endpoint);
    try {
      const tenant = await makeKeyedTenant(own, TIER_1);
      const session = expectSuccess(await mint(own, tenant));
      const connected = [event('connected', clock.clock())];
      expectSuccess(await report(own, tenant, session, connected, { signedAt: clock.clock() }));
      const dueAt = clock.clock().getTime() - 60_000;
      for (let i = 0; i < 60; i++)
        await ownTables.putItem('usage', {
          pk: `METERS#${tenant.siteId}`,
          sk: `unreadable-${i}`,
          openShard: String(i % 2),
          dueAt: new Date(dueAt + i).toISOString(),
        });
      clock.advance(600_000);
      await expect(own.sweep()).rejects.toThrow();
      const line = own.logs.find((each) => each.includes('silent sessions closed')) ?? '{}';
      expect(JSON.parse(line)).toMatchObject({ closed: 1, failed: 60, more: false });
      const [meter] = (await ownTables.usageOf(`METERS#${tenant.siteId}`)).filter(
        ({ sk }) => sk === session.session_id,
      );
      expect(meter).toMatchObject({ silent: true });
      expect(meter).not.toHaveProperty('openShard');
    } finally {
      ownTables.close();
      await own.close();
    }
  });
});
