import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { signEvents } from '../../lambdas/domain/sessions/event-signature.ts';
import { expectRefusal, expectSuccess } from '../support/answers.ts';
import {
  DATA_CHANNEL_OFFER,
  liveSessions,
  type OpenedCall,
  openCall,
  openedCall,
  sessionOf,
  slotsTaken,
} from '../support/calls.ts';
import { asOwner, decrypts, makeKeyedTenant, suspendWorkspaceKey } from '../support/keyed-tenant.ts';
import { openAiOf } from '../support/openai.ts';
import { event, report } from '../support/reports.ts';
import { startTestStack, type TestStack } from '../support/stack.ts';
import { fakeKey, mint, putSiteKey, putWorkspaceKey, type Tenant } from '../support/tenant.ts';

let stack: TestStack;
beforeAll(async () => {
  stack = await startTestStack({ audited: false });
});
afterAll(async () => {
  await stack.close();
});
/** No test leaves a call behind for the next. */
afterEach(async () => {
  openAiOf(stack).clearFaults();
  stack.sqs.failNext(0);
  stack.advance(3_600_000);
  await stack.hangUps.drain();
  expect(openAiOf(stack).liveCalls).toEqual([]);
});

const HANG_UP = '/v1/realtime/calls';
const live = () => openAiOf(stack).liveCalls;
const rowsOf = async (tenant: Tenant, type: string) => {
  await stack.streams.drain();
  const { items } = await asOwner(
    stack,
    tenant,
    'GET',
    `/v1/workspaces/${tenant.workspaceId}/audit?type=${type}&limit=100`,
  );
  return items;
};

/** Names the call that a reconnecting page leaves behind, with its signature. */
const replacing = ({ session_id, signing_secret }: OpenedCall) => {
  const t = Math.floor(stack.now().getTime() / 1_000);
  return { session_id, signature: `t=${t},v1=${signEvents(signing_secret, t, `replaces.${session_id}`)}` };
};

describe('a brokered call', () => {
  it('gives the browser an SDP answer and nothing that could open another session', async () => {
    const instructions = 'Never say pelican-4711.';
    const tenant = await makeKeyedTenant(stack, {}, { control: 'brokered', instructions });
    const answer = await openCall(stack, tenant, { visitor_id: 'v1' });
    const data = expectSuccess(answer, 201);
    expect(Object.keys(data).sort()).toEqual([
      'control',
      'first_message',
      'heartbeat_seconds',
      'max_duration_seconds',
      'mode',
      'model',
      'remaining_slots',
      'sdp',
      'session_id',
      'signing_secret',
      'voice',
    ]);
    const [callId = ''] = live();
    expect(callId).toMatch(/^rtc_/);
    const seen = `${answer.text} ${JSON.stringify([...answer.headers])}`;
    for (const secret of [callId, tenant.key, 'pelican', 'ek_']) expect(seen).not.toContain(secret);
    const created = openAiOf(stack).requests.find(({ path }) => path === HANG_UP);
    expect(created?.headers['openai-safety-identifier']).toMatch(/^[0-9a-f]{64}$/);
    expect(created?.headers['content-type']).toMatch(/^multipart\/form-data; boundary=/);
  });

  it('is hung up within two seconds of its cap, whatever the page does, and frees its slot once', async () => {
    const tenant = await makeKeyedTenant(stack, { openai_tier: 1 }, { max_duration_seconds: 60 });
    const call = await openedCall(stack, tenant);
    expectRefusal(await openCall(stack, tenant), 429, 'busy');
    stack.advance(58_000);
    await stack.hangUps.drain();
    expect(live()).toHaveLength(1);
    stack.advance(3_000);
    await stack.hangUps.drain();
    expect(live()).toEqual([]);
    expect(await sessionOf(stack, tenant, call)).toMatchObject({
      opened_with: 'call',
      ended_by: 'max_duration',
    });
    expect(await slotsTaken(stack, tenant)).toBe(0);
    expect(await liveSessions(stack, tenant)).toEqual([]);
    await openedCall(stack, tenant);
  });

  it('has one intent and one outcome in the audit trail for each decrypt of the key', async () => {
    const tenant = await makeKeyedTenant(stack, {}, { max_duration_seconds: 60 });
    const call = await openedCall(stack, tenant);
    stack.advance(61_000);
    await stack.hangUps.drain();
    const [intended, settled] = [
      await rowsOf(tenant, 'key.use_intended'),
      await rowsOf(tenant, 'key.use_settled'),
    ];
    const ids = (rows: readonly { facts: { use_id: string } }[]) =>
      rows.map(({ facts }) => facts.use_id).sort();
    expect(ids(intended)).toHaveLength(2);
    expect(ids(settled)).toEqual(ids(intended));
    expect(settled.map(({ facts }: { facts: { reason: string } }) => facts.reason).sort()).toEqual([
      'call',
      'hangup',
    ]);
    expect(
      new Set(settled.map(({ facts }: { facts: { kms_request_id: string } }) => facts.kms_request_id)).size,
    ).toBe(2);
    expect(decrypts(stack)).toHaveLength(2);
    const { items } = await asOwner(stack, tenant, 'GET', `/v1/sites/${tenant.siteId}/sessions`);
    expect(items.map(({ session_id }: { session_id: string }) => session_id)).toEqual([call.session_id]);
  });

  it('keeps its slot until OpenAI has ended it, even if the page reports that it has ended', async () => {
    const tenant = await makeKeyedTenant(stack, { openai_tier: 1 });
    const call = await openedCall(stack, tenant);
    const path = `${HANG_UP}/${live()[0]}/hangup`;
    openAiOf(stack).inject({ path, status: 500, times: 2 });
    const ended = event('ended', stack.now(), { reason: 'hung_up' });
    const told = await report(stack, tenant, call, [ended], { signedAt: stack.now() });
    expect(expectSuccess(told)).toMatchObject({ action: 'hang_up', reason: 'ended' });
    await stack.hangUps.drain();
    expect(live()).toHaveLength(1);
    expectRefusal(await openCall(stack, tenant), 429, 'busy');
    stack.advance(6_000);
    await stack.hangUps.drain();
    expect(live()).toEqual([]);
    expect(await sessionOf(stack, tenant, call)).toMatchObject({ ended_by: 'visitor' });
    await openedCall(stack, tenant);
  });

  it('is hung up after 75 to 135 seconds without a heartbeat', async () => {
    const tenant = await makeKeyedTenant(stack);
    const call = await openedCall(stack, tenant);
    stack.advance(60_000);
    await stack.sweep();
    await stack.hangUps.drain();
    expect(live()).toHaveLength(1);
    stack.advance(16_000);
    await stack.sweep();
    await stack.hangUps.drain();
    expect(live()).toEqual([]);
    expect(await sessionOf(stack, tenant, call)).toMatchObject({ ended_by: 'no_heartbeat' });
  });

  it('is kept alive by heartbeats, which never extend its slot', async () => {
    const tenant = await makeKeyedTenant(stack, {}, { max_duration_seconds: 300 });
    const call = await openedCall(stack, tenant);
    for (let i = 0; i < 4; i++) {
      stack.advance(60_000);
      const beat = await report(stack, tenant, call, [event('heartbeat', stack.now())], {
        signedAt: stack.now(),
      });
      expect(expectSuccess(beat)).toMatchObject({ action: 'continue' });
      await stack.sweep();
      await stack.hangUps.drain();
    }
    expect(live()).toHaveLength(1);
    stack.advance(61_000);
    await stack.hangUps.drain();
    expect(live()).toEqual([]);
  });

  it('passes its slot to the call that replaces it', async () => {
    const tenant = await makeKeyedTenant(stack, { openai_tier: 1 });
    const first = await openedCall(stack, tenant);
    const t = Math.floor(stack.now().getTime() / 1_000);
    const forged = { session_id: first.session_id, signature: `t=${t},v1=${'0'.repeat(64)}` };
    expectRefusal(await openCall(stack, tenant, { replaces: forged }), 401, 'invalid_signature');
    const second = await openedCall(stack, tenant, { replaces: replacing(first) });
    expect(live()).toHaveLength(1);
    expect(await liveSessions(stack, tenant)).toEqual([second.session_id]);
    expect(await sessionOf(stack, tenant, first)).toMatchObject({ ended_by: 'visitor' });
    expect(await slotsTaken(stack, tenant)).toBe(1);
    stack.advance(31_000);
    await stack.hangUps.drain();
    expect(live()).toHaveLength(1);
    expect(await slotsTaken(stack, tenant)).toBe(1);
  });
});

describe('a page that reconnects after a lost response', () => {
  it('gets the only slot again, however often the response is lost', async () => {
    const tenant = await makeKeyedTenant(stack, { openai_tier: 1 });
    const first = await openedCall(stack, tenant);
    const lost: string[] = [];
    for (let i = 0; i < 3; i++) {
      const again = await openedCall(stack, tenant, { replaces: replacing(first) });
      expect(live()).toHaveLength(1);
      expect(await liveSessions(stack, tenant)).toEqual([again.session_id]);
      expect(await slotsTaken(stack, tenant)).toBe(1);
      lost.push(again.session_id);
    }
    for (const session_id of lost.slice(0, -1))
      expect(await sessionOf(stack, tenant, { session_id })).toMatchObject({ ended_by: 'visitor' });
    stack.advance(31_000);
    await stack.hangUps.drain();
    expect(live()).toHaveLength(1);
  });

  it('gets one slot while its first attempt is still being opened', async () => {
    const tenant = await makeKeyedTenant(stack, { openai_tier: 1 });
    const first = await openedCall(stack, tenant);
    openAiOf(stack).clearRequests();
    openAiOf(stack).inject({ path: HANG_UP, delayMs: 6_000, times: 1 });
    const stuck = openCall(stack, tenant, { replaces: replacing(first) });
    while (!openAiOf(stack).requests.some(({ path }) => path === HANG_UP)) await sleep(10);
    const second = await openedCall(stack, tenant, { replaces: replacing(first) });
    expectRefusal(await stuck, 503, 'unavailable');
    expect(live()).toHaveLength(1);
    expect(await liveSessions(stack, tenant)).toEqual([second.session_id]);
    expect(await slotsTaken(stack, tenant)).toBe(1);
  });

  it('does not get the slot of another visitor after its own call has ended', async () => {
    const tenant = await makeKeyedTenant(stack, { openai_tier: 1 });
    const first = await openedCall(stack, tenant);
    const second = await openedCall(stack, tenant, { replaces: replacing(first) });
    const path = `/v1/sites/${tenant.siteId}/sessions/${second.session_id}/end`;
    expectSuccess(await stack.call('POST', path, { as: tenant.owner }), 202);
    await stack.hangUps.drain();
    const other = await openedCall(stack, tenant);
    expectRefusal(await openCall(stack, tenant, { replaces: replacing(first) }), 429, 'busy');
    expect(await liveSessions(stack, tenant)).toEqual([other.session_id]);
  });
});

describe('a site with control', () => {
  it.each(['brokered', 'locked'])('%s gives out no client secrets', async (control) => {
    const tenant = await makeKeyedTenant(stack, {}, { control });
    const refused = await mint(stack, tenant);
    expectRefusal(refused, 403, 'calls_only');
    expect(refused.headers.get('access-control-allow-origin')).not.toBeNull();
    expectSuccess(await openCall(stack, tenant), 201);
  });

  it('locked refuses an offer with a data channel before any cost, and brokered accepts it', async () => {
    const tenant = await makeKeyedTenant(stack, {}, { control: 'locked' });
    expectRefusal(await openCall(stack, tenant, { sdp: DATA_CHANNEL_OFFER }), 400, 'invalid_offer');
    expect(decrypts(stack)).toEqual([]);
    const open = await makeKeyedTenant(stack, {}, { control: 'brokered' });
    expectSuccess(await openCall(stack, open, { sdp: DATA_CHANNEL_OFFER }), 201);
  });

  it('of any kind refuses a body that is not an SDP offer', async () => {
    const tenant = await makeKeyedTenant(stack);
    for (const sdp of ['hello', 'v=0\r\n', '{"type":"offer"}'])
      expectRefusal(await openCall(stack, tenant, { sdp }), 400, 'invalid_offer');
    expect(decrypts(stack)).toEqual([]);
  });
});

describe('a call that cannot be returned to the browser', () => {
  it('is hung up by the function itself if its cap cannot be queued', async () => {
    const tenant = await makeKeyedTenant(stack, { openai_tier: 1 });
    // Notices of other tests may still be on their way to their own queue.
    stack.sqs.failNext(2, stack.sqs.name);
    expectRefusal(await openCall(stack, tenant), 503, 'unavailable');
    expect(live()).toEqual([]);
    expect(decrypts(stack)).toHaveLength(1);
    expect(await slotsTaken(stack, tenant)).toBe(0);
    const { items } = await asOwner(stack, tenant, 'GET', `/v1/sites/${tenant.siteId}/sessions`);
    expect(items).toMatchObject([{ state: 'refused', refusal: 'unavailable' }]);
    expect(await liveSessions(stack, tenant)).toEqual([]);
  });

  it.each([
    [
      'without a Location',
      { headers: { 'content-type': 'application/sdp' }, body: 'v=0\r\nm=audio 9 x 0\r\n' },
    ],
    [
      'with a Location that names no call',
      {
        headers: { location: '/v1/realtime/calls/../models', 'content-type': 'application/sdp' },
        body: 'v=0\r\n\r\nm=audio ',
      },
    ],
    ['that is not SDP', { headers: { location: '/v1/realtime/calls/rtc_1' }, body: { hello: 1 } }],
  ])('is refused as openai_error when OpenAI answers %s', async (_, answer) => {
    const tenant = await makeKeyedTenant(stack, { openai_tier: 1 });
    openAiOf(stack).inject({ path: HANG_UP, status: 201, ...answer } as never);
    expectRefusal(await openCall(stack, tenant), 502, 'openai_error');
    expect(await slotsTaken(stack, tenant)).toBe(0);
    const hungUp = openAiOf(stack).requests.filter(({ path }) => path.endsWith('/hangup'));
    expect(hungUp).toHaveLength(_ === 'that is not SDP' ? 1 : 0);
  });
});

describe('the kill switch', () => {
  it.each(['end', undefined])(
    'a suspension with live_calls %s ends the calls of that key',
    async (live_calls) => {
      const tenant = await makeKeyedTenant(stack);
      const other = await makeKeyedTenant(stack);
      const call = await openedCall(stack, tenant);
      await openedCall(stack, other);
      await asOwner(
        stack,
        tenant,
        'POST',
        `/v1/workspaces/${tenant.workspaceId}/openai-key/suspend`,
        live_calls === undefined ? undefined : { live_calls },
      );
      await stack.hangUps.drain();
      expect(live()).toHaveLength(1);
      expect(await sessionOf(stack, tenant, call)).toMatchObject({ ended_by: 'key_suspended' });
      expect(await liveSessions(stack, other)).toHaveLength(1);
    },
  );

  it('a suspension with live_calls keep leaves the calls running', async () => {
    const tenant = await makeKeyedTenant(stack);
    await openedCall(stack, tenant);
    const path = `/v1/workspaces/${tenant.workspaceId}/openai-key/suspend`;
    await asOwner(stack, tenant, 'POST', path, { live_calls: 'keep' });
    await stack.hangUps.drain();
    expect(live()).toHaveLength(1);
  });

  it('ends the calls of a deleted key, which for one minute can only hang up', async () => {
    const tenant = await makeKeyedTenant(stack);
    const call = await openedCall(stack, tenant);
    const path = `/v1/workspaces/${tenant.workspaceId}/openai-key`;
    expect(await asOwner(stack, tenant, 'DELETE', path)).toEqual({ deleted: true, calls_ending: 1 });
    expectRefusal(await openCall(stack, tenant), 422, 'openai_key_missing');
    await stack.hangUps.drain();
    expect(live()).toEqual([]);
    expect(await sessionOf(stack, tenant, call)).toMatchObject({ ended_by: 'key_deleted' });
  });

  it('ends the calls of an archived site and of a deleted workspace', async () => {
    const tenant = await makeKeyedTenant(stack);
    await openedCall(stack, tenant);
    expect(await asOwner(stack, tenant, 'DELETE', `/v1/sites/${tenant.siteId}`)).toMatchObject({
      calls_ending: 1,
    });
    await stack.hangUps.drain();
    expect(live()).toEqual([]);
    const second = await makeKeyedTenant(stack);
    await openedCall(stack, second);
    const ended = await asOwner(stack, second, 'DELETE', `/v1/workspaces/${second.workspaceId}`, {
      confirm: 'Shop',
    });
    expect(ended).toMatchObject({ calls_ending: 1 });
    await stack.hangUps.drain();
    expect(live()).toEqual([]);
  });

  it('keeps the calls of a replaced key that is retained', async () => {
    const tenant = await makeKeyedTenant(stack);
    await openedCall(stack, tenant);
    expectSuccess(await putWorkspaceKey(stack, tenant, fakeKey()));
    await stack.hangUps.drain();
    expect(live()).toHaveLength(1);
    expect(await liveSessions(stack, tenant)).toHaveLength(1);
  });

  it('still refuses new calls on a suspended key', async () => {
    const tenant = await makeKeyedTenant(stack);
    await suspendWorkspaceKey(stack, tenant);
    expectRefusal(await openCall(stack, tenant), 423, 'openai_key_suspended');
  });
});

describe('the probe of a key', () => {
  it.each(['brokered', 'locked'])(
    'of a %s site opens a call as its visitors do, and hangs it up',
    async (control) => {
      const tenant = await makeKeyedTenant(stack, {}, { control });
      openAiOf(stack).clearRequests();
      const path = `/v1/sites/${tenant.siteId}/openai-key`;
      expectSuccess(await putSiteKey(stack, tenant, fakeKey()));
      const verdict = await asOwner(stack, tenant, 'POST', `${path}/test`);
      expect(verdict).toMatchObject({ ok: true, code: 'ok' });
      const paths = openAiOf(stack).requests.map((request) => request.path);
      expect(paths.filter((one) => one === HANG_UP)).toHaveLength(2);
      expect(paths.filter((one) => one.endsWith('/hangup'))).toHaveLength(2);
      expect(paths).not.toContain('/v1/realtime/client_secrets');
      expect(live()).toEqual([]);
    },
  );
});

describe('an admin who ends a session', () => {
  it('hangs up a call, may repeat the request, and cannot end a client secret', async () => {
    const tenant = await makeKeyedTenant(stack);
    const call = await openedCall(stack, tenant);
    const end = (id: string) =>
      stack.call('POST', `/v1/sites/${tenant.siteId}/sessions/${id}/end`, { as: tenant.owner });
    expect(expectSuccess(await end(call.session_id), 202)).toEqual({
      session_id: call.session_id,
      ending: true,
    });
    await stack.hangUps.drain();
    expect(live()).toEqual([]);
    expect(await sessionOf(stack, tenant, call)).toMatchObject({ ended_by: 'operator' });
    expect(expectSuccess(await end(call.session_id), 202)).toMatchObject({ ending: false });
    const token = expectSuccess(await mint(stack, tenant));
    expectRefusal(await end(token.session_id), 409, 'not_endable');
    expectRefusal(await end('ses_0'), 404, 'session_not_found');
  });
});
