import { DynamoDBStreamsClient } from '@aws-sdk/client-dynamodb-streams';
import { afterAll, afterEach, beforeAll, describe, expect, it, test } from '@jest/globals';
import { seeded } from '../../bench/random.ts';
import { dynamoDbAudit } from '../../lambdas/adapters/aws/audit/dynamodb-audit.ts';
import { kmsChainKeys } from '../../lambdas/adapters/aws/audit/kms-chain-keys.ts';
import { auditEventOf } from '../../lambdas/adapters/aws/audit/stream-events.ts';
import { dynamoDbClient, kmsClient } from '../../lambdas/adapters/aws/clients.ts';
import { kmsDerivationKeys } from '../../lambdas/adapters/aws/kms-derivation-keys.ts';
import { projectorHandler } from '../../lambdas/composition/projector.ts';
import { jitteredBackOff } from '../../lambdas/composition/runtime.ts';
import { ENVIRONMENTS, parseEnvironment } from '../../lambdas/contract/environment.ts';
import type { AuditEvent } from '../../lambdas/domain/audit/audit-record.ts';
import { auditProjector } from '../../lambdas/streams/audit-projector.ts';
import type { StreamHandler } from '../../lambdas/streams/stream-handler.ts';
import type { Log } from '../../lambdas/telemetry/log.ts';
import { appendAuditEvent } from '../../lambdas/use-cases/audit/append-audit-event.ts';
import { NO_METRICS } from '../../local/local-runtime.ts';
import { startStreamPump } from '../../local/stream-pump.ts';
import { detailPaths, expectRefusal, expectSuccess } from '../support/answers.ts';
import { isLong } from '../support/long-forms.ts';
import { MINT_PATH, openAiOf } from '../support/openai.ts';
import { addMember, newPerson } from '../support/people.ts';
import { putOnPlan } from '../support/plan.ts';
import { startTestStack, type TestAnswer, type TestStack } from '../support/stack.ts';
import {
  fakeKey,
  makeTenant,
  mint,
  ORIGIN,
  putSiteKey,
  putWorkspaceKey,
  type Tenant,
} from '../support/tenant.ts';
import {
  batchesOf,
  collectRecords,
  deliver,
  interleaved,
  type RecordsOf,
  SOURCES,
  shuffled,
} from './streams.ts';
import { type Item, type RawTables, rawTables, textOf } from './tables.ts';
import {
  auditPage,
  auditPath,
  decryptsOf,
  expectIntact,
  expectJoined,
  intentsIn,
  keyPath,
  ofType,
  outcomesIn,
  settledTrail,
  siteWithKey,
  type TrailRow,
  trailOf,
  verdictIn,
  verifyTrail,
} from './trail.ts';

let stack: TestStack;
let tables: RawTables;

beforeAll(async () => {
  stack = await startTestStack({ audited: false });
  tables = rawTables(stack);
});

afterAll(async () => {
  tables?.close();
  await stack?.close();
});

afterEach(() => {
  stack.kms.clearFaults();
  openAiOf(stack).clearFaults();
});

const SILENT: Log = { info: () => undefined, warn: () => undefined, error: () => undefined };
const HASH = /^[0-9a-f]{64}$/;

describe('every use of a key has its intent and its outcome in the audit trail', () => {
  test('N tokens have N intents, N outcomes and N KMS Decrypt calls, joined one to one', async () => {
    const tenant = await siteWithKey(stack);
    const answers = await Promise.all(Array.from({ length: 12 }, () => mint(stack, tenant)));
    const sessions = answers.map((answer) => expectSuccess(answer).session_id);
    const rows = await settledTrail(stack, tenant);
    expectJoined(stack, tenant, rows);
    const issued = ofType(rows, 'session.issued');
    expect(issued.map(({ session_id }) => session_id).sort()).toEqual([...sessions].sort());
    expect(intentsIn(rows)).toHaveLength(12);
    expect(decryptsOf(stack, tenant)).toHaveLength(12);
    const asked = new Set(openAiOf(stack).requests.map(({ requestId }) => requestId));
    for (const { actor, site_id, facts } of issued) {
      expect({ actor, site_id }).toEqual({ actor: 'visitor', site_id: tenant.siteId });
      expect(facts).toMatchObject({
        kind: 'visitor',
        mode: 'byok',
        key_scope: 'site',
        key_version: 1,
        origin: ORIGIN,
      });
      expect(asked.has(String(facts['openai_request_id']))).toBe(true);
    }
    await expectIntact(stack, tenant, rows);
  });

  test.each<[string, () => void | Promise<void>, number, string, object]>([
    [
      'OpenAI refuses the key',
      () =>
        openAiOf(stack).inject({
          path: MINT_PATH,
          status: 401,
          body: { error: { code: 'invalid_api_key', type: 'invalid_request_error', message: '' } },
        }),
      422,
      'openai_key_rejected',
      { refusal: 'openai_key_rejected', openai_request_id: expect.stringMatching(/^req_/) },
    ],
    [
      'OpenAI is broken',
      () => openAiOf(stack).inject({ path: MINT_PATH, status: 500, body: {} }),
      502,
      'openai_error',
      { refusal: 'openai_error' },
    ],
    [
      'KMS denies the Decrypt',
      () => stack.kms.inject({ operation: 'Decrypt', errorName: 'AccessDeniedException' }),
      503,
      'unavailable',
      { refusal: 'unavailable' },
    ],
  ])(
    'when %s after admission: an intent, a refusal with its reason, and the Decrypt call',
    async (_, spoil, status, code, facts) => {
      const tenant = await siteWithKey(stack);
      await spoil();
      expectRefusal(await mint(stack, tenant), status, code);
      const rows = await settledTrail(stack, tenant);
      expectJoined(stack, tenant, rows);
      expect(outcomesIn(rows).map((row) => [row.type, row.facts])).toEqual([
        ['session.refused', expect.objectContaining(facts)],
      ]);
      await expectIntact(stack, tenant, rows);
    },
  );

  test('a tampered record: the refusal names it as unreadable', async () => {
    const tenant = await siteWithKey(stack);
    const [head] = await tables.partition('keys', `SITE#${tenant.siteId}`);
    const sealed = head?.['sealed'] as { readonly tag: Uint8Array };
    await tables.put('keys', { ...head, sealed: { ...sealed, tag: new Uint8Array(16) } });
    expectRefusal(await mint(stack, tenant), 422, 'openai_key_missing');
    const rows = await settledTrail(stack, tenant);
    expectJoined(stack, tenant, rows);
    expect(outcomesIn(rows)).toMatchObject([
      { type: 'session.refused', facts: { refusal: 'openai_key_unreadable' } },
    ]);
    // The change from elsewhere shows: an item was written, and no action of a person goes with it.
    expect(ofType(rows, 'key.item_written')).toHaveLength(2);
    expect(ofType(rows, 'key.stored')).toHaveLength(1);
  });

  test.each(['site', 'workspace'] as const)(
    'Test voice with a %s key, good or bad, is recorded with the person who started it',
    async (scope) => {
      const tenant = await makeTenant(stack);
      const admin = await addMember(stack, tenant, 'admin');
      const put = scope === 'site' ? putSiteKey : putWorkspaceKey;
      expectSuccess(await put(stack, tenant, fakeKey()));
      const path = `${keyPath(scope, tenant)}/test`;
      expect(expectSuccess(await stack.call('POST', path, { as: admin }))).toMatchObject({ ok: true });
      openAiOf(stack).inject({
        path: MINT_PATH,
        status: 401,
        body: { error: { code: 'invalid_api_key', type: 'invalid_request_error', message: '' } },
      });
      expect(expectSuccess(await stack.call('POST', path, { as: admin }))).toMatchObject({ ok: false });
      const rows = await settledTrail(stack, tenant);
      expectJoined(stack, tenant, rows);
      const about = { actor: admin, site_id: scope === 'site' ? tenant.siteId : null };
      const facts = { kind: 'test', key_scope: scope, key_version: 1 };
      expect(outcomesIn(rows)).toMatchObject([
        { type: 'session.issued', ...about, facts },
        { type: 'session.refused', ...about, facts: { ...facts, refusal: 'test_failed' } },
      ]);
      expect(intentsIn(rows).every(({ ip_hash }) => HASH.test(ip_hash ?? ''))).toBe(true);
    },
  );

  test.each(['site', 'workspace'] as const)(
    're-encryption of a %s key is recorded as a use by the person who requested it',
    async (scope) => {
      const tenant = await makeTenant(stack);
      const admin = await addMember(stack, tenant, 'admin');
      const put = scope === 'site' ? putSiteKey : putWorkspaceKey;
      expectSuccess(await put(stack, tenant, fakeKey()));
      expectSuccess(await stack.call('POST', `${keyPath(scope, tenant)}/rotate`, { as: admin }));
      const rows = await settledTrail(stack, tenant);
      expectJoined(stack, tenant, rows);
      expect(outcomesIn(rows)).toMatchObject([
        {
          type: 'session.used',
          actor: admin,
          site_id: scope === 'site' ? tenant.siteId : null,
          facts: { kind: 'reencryption', key_scope: scope, key_version: 1 },
        },
      ]);
      expect(ofType(rows, 'key.reencrypted')).toMatchObject([
        { actor: admin, facts: { version_before: 1, version: 2 } },
      ]);
    },
  );
});

/** A projector that writes into any table with our keys, so that tests can verify the chain of a tenant there. */
const projectorInto = (auditTable: string): StreamHandler =>
  projectorHandler(
    parseEnvironment(ENVIRONMENTS.projector, { ...stack.variables, AUDIT_TABLE: auditTable }),
    { backOff: jitteredBackOff, log: SILENT, metrics: NO_METRICS },
  );

describe('projectors that crash, with streams that deliver at least once and in any order across tables', () => {
  let tenants: readonly Tenant[];
  let records: RecordsOf;

  beforeAll(async () => {
    tenants = await Promise.all([siteWithKey(stack), siteWithKey(stack)]);
    for (const tenant of tenants) {
      await Promise.all([mint(stack, tenant), mint(stack, tenant), mint(stack, tenant)]);
      expectSuccess(await putSiteKey(stack, tenant, fakeKey()));
      expectSuccess(await stack.call('POST', `${keyPath('site', tenant)}/rotate`, { as: tenant.owner }));
      expectSuccess(await stack.call('POST', `${keyPath('site', tenant)}/suspend`, { as: tenant.owner }));
    }
    await stack.streams.drain();
    const all = await collectRecords(stack, tables);
    const ours = new Set(tenants.map(({ workspaceId }) => workspaceId));
    const isOurs = (event: AuditEvent | undefined) => event !== undefined && ours.has(event.workspaceId);
    records = Object.fromEntries(
      SOURCES.map((source) => [source, all[source].filter((record) => isOurs(auditEventOf(record)))]),
    ) as unknown as RecordsOf;
  });

  const eventIds = ({ workspaceId }: Tenant): string[] => {
    const all = SOURCES.flatMap((source) => records[source].map(auditEventOf));
    const own = all.flatMap((event) => (event?.workspaceId === workspaceId ? [event.eventId] : []));
    return [...new Set(own)].sort();
  };

  const chainIn = (table: string, { workspaceId }: Tenant): Promise<readonly Item[]> =>
    tables.partition(table, `AUDIT#${workspaceId}`);

  const expectWholeChains = async (table: string): Promise<void> => {
    for (const tenant of tenants) {
      const rows = await chainIn(table, tenant);
      expect(rows.map(({ sequence }) => sequence)).toEqual(rows.map((_, i) => i + 1));
      expect(rows.map(({ eventId }) => String(eventId)).sort()).toEqual(eventIds(tenant));
      expect(await verdictIn(stack, table, tenant)).toMatchObject({
        intact: true,
        rows: rows.length,
        broken: undefined,
      });
    }
  };

  test('have records to project from every table', () => {
    for (const source of SOURCES) expect(records[source].length).toBeGreaterThan(5);
  });

  test('change nothing when every batch is delivered twice more, in any order', async () => {
    const before = textOf(await tables.scan('audit'));
    const random = seeded(7);
    const projector = projectorInto('audit');
    const batches = SOURCES.flatMap((source) => batchesOf(records[source], random));
    for (const batch of shuffled([...batches, ...batches], random))
      expect(await projector({ Records: shuffled(batch, random) })).toEqual({ batchItemFailures: [] });
    expect(textOf(await tables.scan('audit'))).toBe(before);
  });

  test.each(isLong('audit') ? [1, 2] : [1])(
    'keep one complete chain after crashes around each append, and after redelivery (seed %i)',
    async (seed) => {
      const table = `audit-crashes-${seed}`;
      await tables.create(table);
      const random = seeded(seed);
      const environment = parseEnvironment(ENVIRONMENTS.projector, {
        ...stack.variables,
        AUDIT_TABLE: table,
      });
      const append = appendAuditEvent({
        audit: dynamoDbAudit(dynamoDbClient(environment), table),
        chainKeys: kmsChainKeys(kmsDerivationKeys(kmsClient(environment), environment.AUDIT_KEY_ARN)),
        backOff: jitteredBackOff,
      });
      let crashes = 0;
      const crashAtTimes = (): void => {
        if (random() > 0.25) return;
        crashes += 1;
        throw new Error('The projector died here.');
      };
      const projector = auditProjector({
        eventOf: auditEventOf,
        append: async (event) => {
          crashAtTimes();
          const outcome = await append(event);
          crashAtTimes();
          return outcome;
        },
        log: SILENT,
      });
      const queues = SOURCES.map((source) => batchesOf(records[source], random));
      // Some batches come once more, after others that follow them.
      const once = interleaved(queues, random);
      const again = once.filter(() => random() < 0.5);
      for (const batch of interleaved([once, shuffled(again, random)], random))
        await deliver(projector, batch);
      expect(crashes).toBeGreaterThan(5);
      await expectWholeChains(table);
    },
  );

  test('append an intent before its outcome when records arrive in the order of the shards', async () => {
    await tables.create('audit-in-order');
    const random = seeded(11);
    const projector = projectorInto('audit-in-order');
    for (const batch of interleaved(
      SOURCES.map((source) => batchesOf(records[source], random)),
      random,
    ))
      await deliver(projector, batch);
    await expectWholeChains('audit-in-order');
    for (const tenant of tenants) {
      const rows = await chainIn('audit-in-order', tenant);
      const place = new Map(rows.map(({ eventId, sequence }) => [String(eventId), Number(sequence)]));
      const outcomes = rows.filter(({ type }) =>
        ['session.issued', 'session.used', 'session.refused'].includes(String(type)),
      );
      expect(outcomes).toHaveLength(4);
      for (const { sessionId, sequence } of outcomes)
        expect(place.get(`${sessionId}:reserved`)).toBeLessThan(Number(sequence));
    }
  });

  test('keep one gapless chain for each workspace when they run side by side', async () => {
    await tables.create('audit-side-by-side');
    await Promise.all(
      (isLong('audit') ? [1, 2, 3, 4] : [1, 2]).map(async (seed) => {
        const random = seeded(seed);
        const projector = projectorInto('audit-side-by-side');
        for (const batch of interleaved(
          SOURCES.map((source) => batchesOf(records[source], random)),
          random,
        ))
          await deliver(projector, batch);
      }),
    );
    await expectWholeChains('audit-side-by-side');
  });
});

describe('verification names the first row that was changed in the table', () => {
  let tenant: Tenant;
  let stranger: Tenant;
  let rows: readonly Item[];
  const MIDDLE = 5;

  beforeAll(async () => {
    [tenant, stranger] = await Promise.all([siteWithKey(stack), siteWithKey(stack)]);
    for (const one of [tenant, stranger]) {
      expectSuccess(await mint(stack, one));
      expectSuccess(await mint(stack, one));
    }
    await stack.streams.drain();
    rows = await chain();
    expect(rows.length).toBeGreaterThan(MIDDLE + 2);
    expect((await verifyTrail(stack, tenant)).intact).toBe(true);
  });

  afterEach(async () => {
    const written = new Map(rows.map((row) => [row['sk'], row]));
    const found = new Map((await chain()).map((row) => [row['sk'], row]));
    for (const [sk, row] of found) if (!written.has(sk)) await tables.delete('audit', row);
    for (const [sk, row] of written)
      if (textOf([found.get(sk) ?? {}]) !== textOf([row])) await tables.put('audit', row);
    expect((await verifyTrail(stack, tenant)).intact).toBe(true);
  });

  const chain = (): Promise<readonly Item[]> => tables.partition('audit', `AUDIT#${tenant.workspaceId}`);

  const at = (sequence: number): Item => {
    const row = rows[sequence - 1];
    if (row === undefined) throw new Error(`There is no row ${sequence}.`);
    return row;
  };

  const expectBroken = async (sequence: number, fault: string, soundRows = sequence - 1): Promise<void> => {
    expect(await verifyTrail(stack, tenant)).toMatchObject({
      intact: false,
      rows: soundRows,
      broken: { sequence, fault },
    });
  };

  test.each<[string, (row: Item) => Item]>([
    ['its time', (row) => ({ ...row, at: '2026-01-01T00:00:00.000Z' })],
    ['who did it', (row) => ({ ...row, actor: 'somebody-else' })],
    ['its type', (row) => ({ ...row, type: 'key.resumed' })],
    ['its site', (row) => ({ ...row, siteId: null })],
    ['its session', (row) => ({ ...row, sessionId: 'ses_other' })],
    ['the hash of its address', (row) => ({ ...row, ipHash: '0'.repeat(64) })],
    ['its event id', (row) => ({ ...row, eventId: 'evt_other' })],
    ['its workspace', (row) => ({ ...row, workspaceId: 'aaaaaaaaaaaa' })],
    ['a fact', (row) => ({ ...row, facts: { ...(row['facts'] as object), scope: 'workspace' } })],
    ['a fact that is added', (row) => ({ ...row, facts: { ...(row['facts'] as object), more: true } })],
    ['a fact that is left out', (row) => ({ ...row, facts: {} })],
    ['its hash', (row) => ({ ...row, hash: '0'.repeat(64) })],
    ['the hash before', (row) => ({ ...row, previousHash: '0'.repeat(64) })],
  ])('%s', async (_, edit) => {
    const row = rows.find(({ facts }) => 'scope' in (facts as object)) ?? at(MIDDLE);
    const edited = edit(row);
    expect(edited).not.toEqual(row);
    await tables.put('audit', edited);
    await expectBroken(Number(row['sequence']), 'altered');
  });

  test.each(['first', 'middle', 'last'] as const)('after an edit of the %s row', async (which) => {
    const sequence = { first: 1, middle: MIDDLE, last: rows.length }[which];
    await tables.put('audit', { ...at(sequence), actor: 'somebody-else' });
    await expectBroken(sequence, 'altered');
  });

  test('after an edit of a row that only the second call reads, with intact false until then', async () => {
    await tables.put('audit', { ...at(MIDDLE + 1), actor: 'somebody-else' });
    const first = await verifyTrail(stack, tenant, { limit: String(MIDDLE) });
    expect(first).toMatchObject({ intact: false, rows: MIDDLE, broken: null });
    expect(await verifyTrail(stack, tenant, { limit: '100', cursor: first.next_cursor })).toMatchObject({
      intact: false,
      rows: MIDDLE,
      broken: { sequence: MIDDLE + 1, fault: 'altered' },
      next_cursor: null,
    });
  });

  test('with the same result in several calls as in one, and cursors that only the same owner can use', async () => {
    const whole = await verifyTrail(stack, tenant);
    let part = await verifyTrail(stack, tenant, { limit: '1' });
    const cursors: string[] = [];
    for (
      ;
      part.next_cursor !== null;
      part = await verifyTrail(stack, tenant, { limit: '1', cursor: part.next_cursor })
    )
      cursors.push(part.next_cursor);
    expect(part).toEqual(whole);
    expect(cursors.length).toBeGreaterThan(MIDDLE);
    const [cursor = ''] = cursors;
    const forStranger = await stack.call('GET', `${auditPath(stranger)}/verify?cursor=${cursor}`, {
      as: stranger.owner,
    });
    expectRefusal(forStranger, 400, 'invalid_request');
    expect(detailPaths(forStranger)).toEqual(['cursor']);
  });

  test('after a deletion of the first, the middle or the last row', async () => {
    for (const [sequence, fault] of [
      [1, 'missing'],
      [MIDDLE, 'missing'],
      [rows.length, 'cut_off'],
    ] as const) {
      await tables.delete('audit', at(sequence));
      await expectBroken(sequence, fault);
      await tables.put('audit', at(sequence));
    }
  });

  test('after a deletion of the end of the chain, or of the whole chain', async () => {
    for (const row of rows.slice(MIDDLE - 1).reverse()) await tables.delete('audit', row);
    await expectBroken(MIDDLE, 'cut_off');
    for (const row of rows.slice(0, MIDDLE - 1)) await tables.delete('audit', row);
    await expectBroken(1, 'cut_off');
  });

  test('after a swap of two rows', async () => {
    const { pk, sk, ...one } = at(MIDDLE);
    const { pk: _pk, sk: otherSk, ...other } = at(MIDDLE + 1);
    await tables.put('audit', { pk, sk, ...other, sequence: MIDDLE });
    await tables.put('audit', { pk, sk: otherSk, ...one, sequence: MIDDLE + 1 });
    await expectBroken(MIDDLE, 'altered');
  });

  test('after a renumbering that closes the gap of a deleted row', async () => {
    for (const row of rows.slice(MIDDLE)) {
      const sequence = Number(row['sequence']) - 1;
      await tables.put('audit', { ...row, sk: String(sequence).padStart(10, '0'), sequence });
    }
    await tables.delete('audit', at(rows.length));
    await expectBroken(MIDDLE, 'altered');
  });

  test('after a forged row is appended', async () => {
    const last = at(rows.length);
    const sequence = rows.length + 1;
    await tables.put('audit', {
      ...last,
      sk: String(sequence).padStart(10, '0'),
      sequence,
      eventId: 'evt_forged',
      previousHash: last['hash'],
      hash: '0'.repeat(64),
    });
    await expectBroken(sequence, 'altered');
  });

  test('after a row is inserted between two others or before the first', async () => {
    const between = { ...at(MIDDLE), sk: `${at(MIDDLE)['sk']}5` };
    await tables.put('audit', between);
    await expectBroken(MIDDLE + 1, 'altered');
    await tables.delete('audit', between);
    await tables.put('audit', { ...at(1), sk: '0000000000', sequence: 0 });
    await expectBroken(0, 'out_of_order', 0);
  });

  test('after a row, or all rows, are replaced by those of another workspace', async () => {
    const pk = `AUDIT#${tenant.workspaceId}`;
    const theirs = await tables.partition('audit', `AUDIT#${stranger.workspaceId}`);
    const claimed = theirs.map((row) => ({ ...row, pk, workspaceId: tenant.workspaceId }));
    await tables.put('audit', claimed[MIDDLE - 1] ?? {});
    await expectBroken(MIDDLE, 'altered');
    for (const row of claimed) await tables.put('audit', row);
    await expectBroken(1, 'altered');
  });

  it.each<[string, (row: Item) => Item]>([
    ['a type that does not exist', (row) => ({ ...row, type: 'no.such' })],
    ['no actor', ({ actor: _, ...row }) => row],
    ['nested facts', (row) => ({ ...row, facts: { more: { of: 'them' } } })],
    ['a sequence that is a string', (row) => ({ ...row, sequence: String(row['sequence']) })],
  ])('after an edit that leaves the row with %s', async (_, edit) => {
    await tables.put('audit', edit(at(MIDDLE)));
    await expectBroken(MIDDLE, 'altered');
  });

  it('while the owner can still read the rows next to an unreadable one', async () => {
    await tables.put('audit', { ...at(MIDDLE), type: 'no.such' });
    expectSuccess(await auditPage(stack, tenant, { type: 'workspace.created' }));
  });

  it('after an edit that gives a row the sequence number of the previous one', async () => {
    await tables.put('audit', { ...at(MIDDLE), sequence: MIDDLE - 1 });
    await expectBroken(MIDDLE, 'altered');
  });
});

describe('a chain whose end was cut off', () => {
  let tenant: Tenant;
  let length: number;

  beforeAll(async () => {
    tenant = await siteWithKey(stack);
    const rows = await settledTrail(stack, tenant);
    length = rows.length;
    const chain = await tables.partition('audit', `AUDIT#${tenant.workspaceId}`);
    await tables.delete('audit', chain.at(-1) ?? {});
    expectSuccess(await mint(stack, tenant));
  });

  test('is reported as broken even after later events', async () => {
    await stack.streams.drain();
    expect(await verifyTrail(stack, tenant)).toMatchObject({ intact: false, broken: { sequence: length } });
  });

  it('still accepts later events', async () => {
    await stack.streams.drain();
    expect(ofType(await trailOf(stack, tenant), 'session.issued')).toHaveLength(1);
  });
});

/** Asks again a few times, a moment apart: a background loop does what is awaited. */
const eventually = async (holds: () => Promise<boolean>, attempts = 60): Promise<boolean> => {
  for (let i = 0; i < attempts; i++) {
    if (await holds()) return true;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  return false;
};

describe('a record that the projector cannot read', () => {
  let poisoned: TestStack;
  let poisonedTables: RawTables;
  let tenant: Tenant;
  let poison: string;

  beforeAll(async () => {
    poisoned = await startTestStack();
    poisonedTables = rawTables(poisoned);
    tenant = await siteWithKey(poisoned);
    expectSuccess(await mint(poisoned, tenant));
    await poisonedTables.put('sessions', {
      pk: `SITE#${tenant.siteId}`,
      sk: 'SESSION#ses_malformed',
      state: 'reserved',
    });
    expectSuccess(await mint(poisoned, tenant));
    const { sessions } = await collectRecords(poisoned, poisonedTables);
    const malformed = sessions.find(({ dynamodb }) => dynamodb?.Keys?.['sk']?.S === 'SESSION#ses_malformed');
    poison = malformed?.dynamodb?.SequenceNumber ?? '';
    expect(poison).not.toBe('');
  });

  afterAll(async () => {
    poisonedTables?.close();
    await poisoned?.close();
  });

  test('is reported as the failed item, after the records before it are projected and before those after it', async () => {
    const { sessions } = await collectRecords(poisoned, poisonedTables);
    const index = sessions.findIndex(({ dynamodb }) => dynamodb?.SequenceNumber === poison);
    const tried: string[] = [];
    const logged: unknown[] = [];
    const projector = auditProjector({
      eventOf: auditEventOf,
      append: async ({ eventId }) => {
        tried.push(eventId);
        return 'appended';
      },
      log: { ...SILENT, error: (message, facts) => logged.push({ message, ...facts }) },
    });
    expect(await projector({ Records: [...sessions] })).toEqual({
      batchItemFailures: [{ itemIdentifier: poison }],
    });
    const before = sessions.slice(0, index).flatMap((record) => auditEventOf(record)?.eventId ?? []);
    expect(tried).toEqual(before);
    expect(logged).toMatchObject([
      { message: 'audit record failed', sequence_number: poison, error_name: 'ZodError' },
    ]);
    expect(JSON.stringify(logged)).not.toContain('ses_malformed');
  });

  test('is given up on after a few attempts, and the rest of the shard continues', async () => {
    const shown = await eventually(async () => {
      await poisoned.streams.drain();
      return ofType(await trailOf(poisoned, tenant), 'session.issued').length === 2;
    });
    expect(shown).toBe(true);
    const attempts = poisoned.logs.filter((line) => {
      const { message, sequence_number } = JSON.parse(line);
      return message === 'audit record failed' && sequence_number === poison;
    });
    // Five at the head of the shard, and one more if records before it went through in the same batch.
    expect([5, 6]).toContain(attempts.length);
    const rows = await trailOf(poisoned, tenant);
    await expectIntact(poisoned, tenant, rows);
    expectJoined(poisoned, tenant, rows);
  });

  /** A separate pump over the same streams, with a handler that fails at the poison alone. */
  const pumpBeside = async () => {
    const streams = new DynamoDBStreamsClient({
      region: 'us-east-1',
      endpoint: poisoned.dynamoDb.endpoint,
    });
    const taken: string[] = [];
    let failures = 0;
    const deadLetters: [string, string][] = [];
    const pump = await startStreamPump(
      { dynamoDb: poisonedTables.client, streams },
      {
        sessions: async ({ Records }) => {
          for (const { dynamodb } of Records) {
            const itemIdentifier = dynamodb?.SequenceNumber ?? '';
            if (itemIdentifier === poison) {
              failures += 1;
              return { batchItemFailures: [{ itemIdentifier }] };
            }
            taken.push(itemIdentifier);
          }
          return { batchItemFailures: [] };
        },
      },
      (table, sequenceNumber) => deadLetters.push([table, sequenceNumber]),
    );
    return {
      pump,
      taken,
      deadLetters,
      failures: () => failures,
      close: async () => {
        await pump.close();
        streams.destroy();
      },
    };
  };

  test('is logged once when it is given up on, and every other record is projected once, in order', async () => {
    const beside = await pumpBeside();
    try {
      const { sessions } = await collectRecords(poisoned, poisonedTables);
      const others = sessions.flatMap(({ dynamodb }) =>
        dynamodb?.SequenceNumber === poison ? [] : [dynamodb?.SequenceNumber],
      );
      expect(await eventually(async () => beside.taken.length >= others.length)).toBe(true);
      expect(beside.taken).toEqual(others);
      // Once with the records before it, then five times at the head.
      expect(beside.failures()).toBe(6);
      expect(beside.deadLetters).toEqual([['sessions', poison]]);
    } finally {
      await beside.close();
    }
  });

  // Defect of the local run: a round in which nothing went through counts as idle, also when the shard continues after it.
  it('does not hold back the records after it', async () => {
    const beside = await pumpBeside();
    try {
      const { sessions } = await collectRecords(poisoned, poisonedTables);
      await beside.pump.drain();
      expect(beside.taken).toHaveLength(sessions.length - 1);
    } finally {
      await beside.close();
    }
  });
});

describe('the audit list', () => {
  let tenant: Tenant;
  let admin: string;
  let other: Tenant;
  let otherSite: string;
  let whole: readonly TrailRow[];

  beforeAll(async () => {
    [tenant, other] = await Promise.all([siteWithKey(stack), siteWithKey(stack)]);
    admin = await addMember(stack, tenant, 'admin');
    await putOnPlan(stack, tenant, 'enterprise');
    const site = await stack.call('POST', `/v1/workspaces/${tenant.workspaceId}/sites`, {
      as: admin,
      body: { name: 'Second', allowed_origins: [ORIGIN] },
    });
    otherSite = expectSuccess(site, 201).site_id;
    for (let i = 0; i < 3; i++) expectSuccess(await mint(stack, tenant));
    const path = keyPath('site', tenant);
    for (const [as, verb] of [
      [admin, 'suspend'],
      [tenant.owner, 'resume'],
      [admin, 'rotate'],
    ] as const)
      expectSuccess(await stack.call('POST', `${path}/${verb}`, { as }));
    whole = await settledTrail(stack, tenant);
  });

  const filtered = (query: Readonly<Record<string, string>>) => trailOf(stack, tenant, query);

  test('can be filtered by type', async () => {
    for (const type of ['session.reserved', 'session.issued', 'key.suspended', 'site.created'] as const)
      expect(await filtered({ type })).toEqual(ofType(whole, type));
    expect(await filtered({ type: 'session.issued' })).toHaveLength(3);
    expect(await filtered({ type: 'key.deleted' })).toEqual([]);
  });

  test('can be filtered by actor', async () => {
    for (const actor of [admin, tenant.owner, 'visitor', 'system:dynamodb'])
      expect(await filtered({ actor })).toEqual(whole.filter((row) => row.actor === actor));
    expect((await filtered({ actor: admin })).length).toBeGreaterThanOrEqual(4);
    expect(await filtered({ actor: newPerson('nobody') })).toEqual([]);
  });

  test('can be filtered by site', async () => {
    expect((await filtered({ site_id: otherSite })).map(({ type }) => type)).toEqual(['site.created']);
    expect(await filtered({ site_id: tenant.siteId })).toEqual(
      whole.filter(({ site_id }) => site_id === tenant.siteId),
    );
    expect(await filtered({ site_id: other.siteId })).toEqual([]);
  });

  test('can be filtered by time, with an inclusive from and an exclusive to', async () => {
    const { at } = ofType(whole, 'key.suspended')[0] ?? { at: '' };
    expect(await filtered({ from: at })).toEqual(whole.filter((row) => row.at >= at));
    expect(await filtered({ to: at })).toEqual(whole.filter((row) => row.at < at));
    expect(await filtered({ from: at, to: at })).toEqual([]);
  });

  it.each<[string, (at: string) => boolean, string]>([
    ['without a fraction, of a row later in that second', (at) => !at.endsWith('.000Z'), 'Z'],
    ['with one digit, of a row at that very time', (at) => at.endsWith('.000Z'), '.0Z'],
  ])('treats a time %s as an exact lower bound', async (_, fits, ending) => {
    const bound =
      whole
        .map(({ at }) => at)
        .find(fits)
        ?.replace(/\.\d+Z$/, ending) ?? '';
    const later = whole.filter(({ at }) => Date.parse(at) >= Date.parse(bound));
    expect(await filtered({ from: bound })).toEqual(later);
    expect(await filtered({ to: bound })).toEqual(whole.filter((row) => !later.includes(row)));
  });

  test('can be filtered by several fields at once', async () => {
    expect(await filtered({ actor: admin, site_id: tenant.siteId, type: 'key.suspended' })).toHaveLength(1);
    expect(await filtered({ actor: tenant.owner, type: 'key.suspended' })).toEqual([]);
  });

  test.each<[string, Readonly<Record<string, string>>]>([
    ['without a filter', {}],
    ['with a filter', { type: 'session.reserved' }],
    ['with a filter that the newest rows do not match', { actor: 'visitor' }],
  ])('has every row once, newest first, for every page size, %s', async (_, filter) => {
    const expected = await filtered(filter);
    expect(expected.length).toBeGreaterThan(2);
    for (const limit of ['1', '3', '7']) expect(await filtered({ ...filter, limit })).toEqual(expected);
    const first = expectSuccess(await auditPage(stack, tenant, { ...filter, limit: '2' }));
    expect(first.items).toEqual(expected.toReversed().slice(0, 2));
  });

  test('accepts a cursor only with the same filter, workspace and caller', async () => {
    const query = { limit: '1', type: 'session.issued' };
    const { next_cursor: cursor } = expectSuccess(await auditPage(stack, tenant, query));
    expectSuccess(await auditPage(stack, tenant, { ...query, cursor }));
    const second = await addMember(stack, tenant, 'owner');
    const elsewhere: readonly Promise<TestAnswer>[] = [
      auditPage(stack, tenant, { limit: '1', cursor }),
      auditPage(stack, tenant, { ...query, type: 'session.reserved', cursor }),
      auditPage(stack, tenant, { ...query, actor: 'visitor', cursor }),
      auditPage(stack, tenant, { ...query, site_id: tenant.siteId, cursor }),
      auditPage(stack, tenant, { ...query, from: '2026-01-01T00:00:00Z', cursor }),
      auditPage(stack, tenant, { ...query, to: '2036-01-01T00:00:00Z', cursor }),
      auditPage(stack, other, { ...query, cursor }),
      auditPage(stack, { ...tenant, owner: second }, { ...query, cursor }),
      auditPage(stack, tenant, { ...query, cursor: 'nonsense' }),
    ];
    for (const answer of await Promise.all(elsewhere)) {
      expectRefusal(answer, 400, 'invalid_request');
      expect(detailPaths(answer)).toEqual(['cursor']);
    }
  });

  test.each([
    { type: 'no.such' },
    { from: 'yesterday' },
    { to: '2026-01-01' },
    { site_id: 'NOT A SITE' },
    { actor: '' },
    { limit: '0' },
    { limit: '101' },
    { workspace: 'x' },
  ])('refuses an invalid query: %j', async (query) => {
    expectRefusal(await auditPage(stack, tenant, query as Record<string, string>), 400, 'invalid_request');
  });

  test('can be read and verified only by owners, and does not exist for anyone outside the workspace', async () => {
    const viewer = await addMember(stack, tenant, 'viewer');
    const paths = [auditPath(tenant), `${auditPath(tenant)}/verify`];
    for (const path of paths) {
      for (const as of [admin, viewer])
        expectRefusal(await stack.call('GET', path, { as }), 403, 'forbidden');
      for (const as of [newPerson('stranger'), other.owner])
        expectRefusal(await stack.call('GET', path, { as }), 404, 'workspace_not_found');
      expectRefusal(await stack.call('GET', path), 401, 'unauthorized');
      expectSuccess(await stack.call('GET', path, { as: tenant.owner }));
    }
    const nowhere = '/v1/workspaces/000000000000/audit';
    for (const path of [nowhere, `${nowhere}/verify`])
      expectRefusal(await stack.call('GET', path, { as: tenant.owner }), 404, 'workspace_not_found');
  });

  test('has only the rows of its workspace', async () => {
    const theirs = await trailOf(stack, other);
    const ids = new Set(theirs.map(({ event_id }) => event_id));
    expect(whole.filter(({ event_id }) => ids.has(event_id))).toEqual([]);
    expect(whole.some(({ site_id }) => site_id === other.siteId)).toBe(false);
  });
});
