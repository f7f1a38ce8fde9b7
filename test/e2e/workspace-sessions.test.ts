import { afterAll, afterEach, describe, expect, it } from '@jest/globals';
import { parse } from 'csv-parse/sync';
import { expectRefusal, expectSuccess } from '../support/answers.ts';
import { openedCall } from '../support/calls.ts';
import { frozenClock } from '../support/frozen-clock.ts';
import { tablesAt } from '../support/key-tables.ts';
import { addSite, asOwner, makeKeyedTenant } from '../support/keyed-tenant.ts';
import { openAiOf } from '../support/openai.ts';
import { beginSession, playSession } from '../support/played-session.ts';
import { event, report, usageEvent } from '../support/reports.ts';
import { startTestStack } from '../support/stack.ts';
import { mint, type Tenant } from '../support/tenant.ts';

const time = frozenClock();
const stack = await startTestStack({ runtime: { clock: time.clock }, audited: false });
const tables = tablesAt(stack.dynamoDb.endpoint);
afterAll(async () => {
  tables.close();
  await stack.close();
});
afterEach(() => openAiOf(stack).clearFaults());

interface Row {
  readonly session_id: string;
  readonly site_id: string;
}

const pathOf = ({ workspaceId }: Pick<Tenant, 'workspaceId'>, query = ''): string =>
  `/v1/workspaces/${workspaceId}/sessions${query}`;
const listOf = (tenant: Tenant, query = '') => asOwner(stack, tenant, 'GET', pathOf(tenant, query));
const idsOf = ({ items }: { readonly items: readonly Row[] }) => items.map(({ session_id }) => session_id);
const idsBy = async (tenant: Tenant, query: string) => idsOf(await listOf(tenant, query));

/** Every page of a list. */
const walk = async (tenant: Tenant, query: string): Promise<readonly string[]> => {
  const ids: string[] = [];
  for (let cursor = ''; ; ) {
    const page = await listOf(tenant, `${query}${cursor}`);
    ids.push(...idsOf(page));
    if (page.next_cursor === null) return ids;
    cursor = `&cursor=${page.next_cursor}`;
  }
};

/** A refused mint, as its record says. */
const failedMint = async (tenant: Tenant): Promise<void> => {
  openAiOf(stack).inject({ status: 500 });
  expectRefusal(await mint(stack, tenant), 502, 'openai_error');
  openAiOf(stack).clearFaults();
};

/** Sessions of two sites in turn, oldest first. */
const makeTwoSites = async (sessions: number) => {
  const tenant = await makeKeyedTenant(stack);
  const other = await addSite(stack, tenant);
  const ids: string[] = [];
  for (let i = 0; i < sessions; i++) {
    const minted = expectSuccess(await mint(stack, i % 2 === 0 ? tenant : other));
    ids.push(minted.session_id);
    time.advance(1_000);
  }
  return { tenant, other, ids };
};

describe('the sessions of a workspace', () => {
  it('are those of all its sites in the order of their mint, with the same receipt as the site shows', async () => {
    const { tenant, other, ids } = await makeTwoSites(5);
    const { items, next_cursor, searched_to } = await listOf(tenant);
    expect(idsOf({ items })).toEqual(ids.toReversed());
    expect([next_cursor, searched_to]).toEqual([null, null]);
    expect(await idsBy(tenant, '?order=oldest_first')).toEqual(ids);
    for (const site of [tenant, other]) {
      const { items: shown } = await asOwner(stack, tenant, 'GET', `/v1/sites/${site.siteId}/sessions`);
      expect(items.filter(({ site_id }: Row) => site_id === site.siteId)).toEqual(shown);
    }
  });

  it('are complete page by page in both orders, without duplicates', async () => {
    const { tenant, other, ids } = await makeTwoSites(7);
    for (const limit of [1, 2, 3, 100]) {
      expect(await walk(tenant, `?limit=${limit}`)).toEqual(ids.toReversed());
      expect(await walk(tenant, `?limit=${limit}&order=oldest_first`)).toEqual(ids);
      const ofOther = ids.filter((_, index) => index % 2 === 1);
      expect(await walk(tenant, `?limit=${limit}&site_id=${other.siteId}`)).toEqual(ofOther.toReversed());
      expect(await walk(tenant, `?limit=${limit}&site_id=${other.siteId}&order=oldest_first`)).toEqual(
        ofOther,
      );
      expect(await walk(tenant, `?limit=${limit}&state=issued`)).toEqual(ids.toReversed());
    }
  });

  it('stay in the list after their site was archived', async () => {
    const { tenant, other, ids } = await makeTwoSites(2);
    await asOwner(stack, tenant, 'DELETE', `/v1/sites/${other.siteId}`);
    expect(await idsBy(tenant, '')).toEqual(ids.toReversed());
    expect(await idsBy(tenant, `?site_id=${other.siteId}`)).toEqual([ids[1]]);
    expect(await idsBy(tenant, `?session_id=${ids[1]}`)).toEqual([ids[1]]);
  });

  it('are found by ID in every site of the workspace, and in no other workspace', async () => {
    const { tenant, ids } = await makeTwoSites(3);
    const stranger = await makeTwoSites(1);
    for (const id of ids) expect(await idsBy(tenant, `?session_id=${id}`)).toEqual([id]);
    for (const id of [...stranger.ids, 'ses_1', `ses_${'0'.repeat(26)}`, '%00', 'SESSION%23'])
      expect(await listOf(tenant, `?session_id=${id}`)).toEqual({
        items: [],
        next_cursor: null,
        searched_to: null,
      });
    expect(await idsBy(tenant, `?session_id=${ids[0]}&state=live`)).toEqual([]);
  });

  it('are found by OpenAI’s call ID in this workspace only, and no response contains that ID', async () => {
    const tenant = await makeKeyedTenant(stack, {}, { control: 'brokered' });
    const stranger = await makeKeyedTenant(stack);
    const { session_id } = await openedCall(stack, tenant);
    await openedCall(stack, tenant);
    const rows = await tables.scan('sessions');
    const callId = String(
      rows.find(({ sessionId, callId: id }) => sessionId === session_id && id)?.['callId'],
    );
    expect(callId).toMatch(/^rtc_/);
    expect(await idsBy(tenant, `?call_id=${callId}`)).toEqual([session_id]);
    expect(await idsBy(tenant, `?call_id=${callId}&session_id=${session_id}`)).toEqual([session_id]);
    expect(await idsBy(tenant, `?call_id=${callId}&state=refused`)).toEqual([]);
    expect(await idsBy(tenant, `?call_id=${callId}0`)).toEqual([]);
    expect(await idsBy(stranger, `?call_id=${callId}`)).toEqual([]);
    const answer = await listOf(tenant, `?call_id=${callId}`);
    expect(JSON.stringify(answer)).not.toContain(callId);
    const [item] = rows.filter(({ pk }) => pk === `CALL#${callId}`);
    const session = rows.find(({ sk }) => sk === `SESSION#${session_id}`);
    expect(item).toEqual({
      pk: `CALL#${callId}`,
      sk: tenant.workspaceId,
      siteId: tenant.siteId,
      sessionId: session_id,
      expires_at: session?.['expires_at'],
    });
  });

  it('are filtered by state, end, problem, payer, day and opening method', async () => {
    const tenant = await makeKeyedTenant(stack);
    const other = await addSite(stack, tenant);
    const ended = await playSession(stack, tenant, time, { seconds: 10 });
    const live = await beginSession(stack, other, time);
    time.advance(1_000);
    await failedMint(other);
    time.advance(1_000);
    const flagged = await beginSession(stack, tenant, time);
    const now = time.clock();
    await report(stack, tenant, flagged, [usageEvent(now, { audioOut: 1_000_000 })], { signedAt: now });
    const silent = await beginSession(stack, other, time);
    await report(stack, other, silent, [event('ended', now, { reason: 'page_closed' })], { signedAt: now });
    const by = (query: string) => idsBy(tenant, query);
    expect(await by('?state=ended')).toEqual([silent.session_id, ended.session_id].toSorted().toReversed());
    expect(await by('?end_reason=hung_up')).toEqual([ended.session_id]);
    expect(await by('?end_reason=page_closed')).toEqual([silent.session_id]);
    expect(await by('?state=live')).toEqual([live, flagged].map(({ session_id }) => session_id).toReversed());
    expect(await by('?problem=flagged')).toEqual([flagged.session_id]);
    expect(await by('?problem=refused')).toEqual(await by('?state=refused'));
    expect(await by('?problem=refused')).toHaveLength(1);
    expect(await by('?problem=incomplete')).toEqual([]);
    expect(await by('?opened_with=call')).toEqual([]);
    expect(await by('?opened_with=token')).toHaveLength(5);
    expect(await by('?mode=managed')).toEqual([]);
    expect(await by('?ended_by=operator')).toEqual([]);
    const day = time.clock().toISOString().slice(0, 10);
    time.advance(86_400_000);
    const next = expectSuccess(await mint(stack, other));
    expect(await by(`?from=${day}&to=${day}`)).toHaveLength(5);
    expect(await by(`?from=${time.clock().toISOString().slice(0, 10)}`)).toEqual([next.session_id]);
  });

  it('leave out uses of the workspace key by a person, which belong to no site', async () => {
    const { tenant, ids } = await makeTwoSites(1);
    await asOwner(stack, tenant, 'POST', `/v1/workspaces/${tenant.workspaceId}/openai-key/test`);
    expect(await walk(tenant, '?limit=1')).toEqual(ids);
  });

  it('are available as CSV with the columns of a session and a link to the next page', async () => {
    const { tenant, ids } = await makeTwoSites(3);
    const answer = await stack.call('GET', pathOf(tenant, '?limit=2'), {
      as: tenant.owner,
      headers: { accept: 'text/csv' },
    });
    expect(answer.status).toBe(200);
    expect(answer.headers.get('link')).toMatch(/rel="next"/);
    const rows: Row[] = parse(answer.text, { columns: true });
    expect(rows.map(({ session_id }) => session_id)).toEqual(ids.toReversed().slice(0, 2));
  });
});

describe('the sessions of another workspace', () => {
  it('are not listed, even with one of its cursors or sites', async () => {
    const { tenant, other } = await makeTwoSites(4);
    const stranger = await makeTwoSites(4);
    const { next_cursor: theirs } = await listOf(stranger.tenant, '?limit=1');
    const { next_cursor: ours } = await listOf(tenant, '?limit=1');
    for (const query of [
      `?cursor=${theirs}`,
      `?cursor=${ours}&state=issued`,
      `?cursor=${ours}&order=oldest_first`,
      `?cursor=${ours}&site_id=${other.siteId}`,
    ])
      expectRefusal(
        await stack.call('GET', pathOf(tenant, query), { as: tenant.owner }),
        400,
        'invalid_request',
      );
    expectRefusal(
      await stack.call('GET', pathOf(tenant, `?site_id=${stranger.tenant.siteId}`), { as: tenant.owner }),
      404,
      'site_not_found',
    );
    expectRefusal(
      await stack.call('GET', pathOf(tenant), { as: stranger.tenant.owner }),
      404,
      'workspace_not_found',
    );
  });

  it('are not reached by a forged cursor that names a place in that list', async () => {
    const { tenant, ids } = await makeTwoSites(4);
    const stranger = await makeTwoSites(4);
    const { next_cursor } = await listOf(tenant, '?limit=1');
    const [binding] = JSON.parse(Buffer.from(next_cursor, 'base64url').toString('utf8'));
    const forge = (place: string): string =>
      Buffer.from(JSON.stringify([binding, place])).toString('base64url');
    const foreign = stranger.tenant;
    for (const place of [
      `SESSION#${stranger.ids[1]} SITE#${foreign.siteId}`,
      `SESSION#${ids[1]} SITE#${foreign.siteId}`,
      `SESSION#${ids[1]} WORKSPACE#${foreign.workspaceId}`,
      `SESSION#${ids[1]} SITE#${tenant.siteId} SITE#${foreign.siteId}`,
      `SESSION#${ids[1]}`,
    ])
      expectRefusal(
        await stack.call('GET', pathOf(tenant, `?limit=1&cursor=${forge(place)}`), { as: tenant.owner }),
        400,
        'invalid_request',
      );
    // A place of one's own list that does not exist only decides where the page starts.
    const between = `SESSION#${ids[2]?.slice(0, -1)}0 SITE#${tenant.siteId}`;
    const page = await listOf(tenant, `?limit=100&cursor=${forge(between)}`);
    for (const id of idsOf(page)) expect(ids).toContain(id);
  });
});
