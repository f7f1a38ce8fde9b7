import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { seeded } from '../../bench/random.ts';
import { expectSuccess } from '../support/answers.ts';
import { isLong } from '../support/long-forms.ts';
import { openAiFingerprint, openAiOf } from '../support/openai.ts';
import { startTestStack, type TestAnswer, type TestStack } from '../support/stack.ts';
import { fakeKey, makeTenant, mint, putSiteKey, putWorkspaceKey, type Tenant } from '../support/tenant.ts';
import { type RawTables, rawTables } from './tables.ts';
import {
  decryptsOf,
  expectIntact,
  expectJoined,
  intentsIn,
  keyPath,
  ofType,
  outcomesIn,
  settledTrail,
} from './trail.ts';

const LONG = isLong('audit');
const VISITORS = LONG ? 4 : 2;
/** Enough for every change to meet mints on their way; the changes usually end first. */
const MAX_MINTS = LONG ? 120 : 60;

let stack: TestStack;
let tables: RawTables;

beforeAll(async () => {
  stack = await startTestStack({ audited: false });
  tables = rawTables(stack);
  // Functions that start for the first mint would take longer than the few changes of the short form.
  const first = await readyTenant(fakeKey());
  expectSuccess(await mint(stack, first));
  expectSuccess((await change(first, 'rotate')).answer);
});

afterAll(async () => {
  tables?.close();
  await stack?.close();
});

/** A request of a visitor or a customer, with the times between which it was under way. */
interface Timed {
  readonly sentAt: number;
  readonly answeredAt: number;
  readonly answer: TestAnswer;
}

const timed = async (call: () => Promise<TestAnswer>): Promise<Timed> => {
  const sentAt = Date.now();
  const answer = await call();
  return { sentAt, answeredAt: Date.now(), answer };
};

/** A customer whose site has its own key, with room for as many sessions as a test can mint. */
const readyTenant = async (key: string): Promise<Tenant> => {
  const tenant = await makeTenant(stack, { openai_tier: 5, concurrency_limit: 1_000 });
  expectSuccess(await putSiteKey(stack, tenant, key));
  return tenant;
};

/** Visitors mint one after another, several at once, for as long as `work` continues and once after. `work` can mint as well. */
const mintDuring = async (
  tenant: Tenant,
  work: (visit: () => Promise<void>) => Promise<void>,
): Promise<readonly Timed[]> => {
  openAiOf(stack).clearRequests();
  const mints: Timed[] = [];
  let working = true;
  const visit = async (): Promise<void> => {
    mints.push(await timed(() => mint(stack, tenant)));
  };
  const visitor = async (): Promise<void> => {
    for (let left = 1; left > 0 && mints.length < MAX_MINTS; left -= working ? 0 : 1) await visit();
  };
  const visitors = Array.from({ length: VISITORS }, visitor);
  try {
    await work(visit);
  } finally {
    working = false;
    await Promise.all(visitors);
  }
  return mints;
};

const change = (tenant: Tenant, verb: string): Promise<Timed> =>
  timed(() => stack.call('POST', `${keyPath('site', tenant)}/${verb}`, { as: tenant.owner }));

/** A time in which a version was the current one, and which OpenAI key it held. `until` is when it surely was not any more. */
interface Reign {
  readonly version: number;
  readonly key: string;
  readonly from: number;
  until: number;
}

const sessionsOf = async (tenant: Tenant) =>
  (await tables.partition('sessions', `SITE#${tenant.siteId}`)).filter(
    ({ sk, kind }) => String(sk).startsWith('SESSION#') && kind === 'visitor',
  );

const sentToOpenAi = () =>
  new Map(openAiOf(stack).requests.map(({ requestId, keyFingerprint }) => [requestId, keyFingerprint]));

describe('while keys are stored, rolled back and re-encrypted, one after another', () => {
  const ROUNDS = LONG ? 3 : 1;
  const reigns: Reign[] = [];
  let tenant: Tenant;
  let mints: readonly Timed[];

  beforeAll(async () => {
    const first = fakeKey();
    const startedAt = Date.now();
    tenant = await readyTenant(first);
    reigns.push({ version: 1, key: first, from: startedAt, until: Number.POSITIVE_INFINITY });
    const crown = ({ sentAt, answeredAt, answer }: Timed, keyOf: (version: number) => string): void => {
      const { version } = expectSuccess(answer);
      const last = reigns.at(-1);
      if (last !== undefined) last.until = answeredAt;
      reigns.push({ version, key: keyOf(version), from: sentAt, until: Number.POSITIVE_INFINITY });
    };
    const current = (): string => reigns.at(-1)?.key ?? '';
    const put = async (): Promise<void> => {
      const key = fakeKey();
      crown(await timed(() => putSiteKey(stack, tenant, key)), () => key);
    };
    const rotate = async (): Promise<void> => {
      const key = current();
      crown(await change(tenant, 'rotate'), () => key);
    };
    const rollBack = async (): Promise<void> =>
      crown(
        await change(tenant, 'rollback'),
        (version) => reigns.findLast((reign) => reign.version === version)?.key ?? '',
      );
    mints = await mintDuring(tenant, async () => {
      for (let round = 0; round < ROUNDS; round++)
        for (const step of [put, rotate, rollBack, rotate, rollBack]) await step();
    });
  });

  test('no mint fails', () => {
    expect(mints.length).toBeGreaterThan(LONG ? 20 : VISITORS);
    expect(mints.filter(({ answer }) => answer.status !== 200).map(({ answer }) => answer.text)).toEqual([]);
  });

  test('no token is minted with a version that was not current during the request, least of all a shredded one', async () => {
    const sessions = await sessionsOf(tenant);
    expect(sessions).toHaveLength(mints.length);
    for (const { keyVersion, createdAt, settledAt } of sessions) {
      const [began, ended] = [Date.parse(String(createdAt)), Date.parse(String(settledAt))];
      const fitting = reigns.filter(
        ({ version, from, until }) => version === keyVersion && began <= until && ended >= from,
      );
      expect({ keyVersion, createdAt, current: fitting.length > 0 }).toMatchObject({ current: true });
    }
  });

  test('every token is minted with the OpenAI key of the version that its session records', async () => {
    const sent = sentToOpenAi();
    for (const { keyVersion, openAiRequestId } of await sessionsOf(tenant)) {
      const { key = '' } = reigns.find(({ version }) => version === keyVersion) ?? {};
      expect(sent.get(String(openAiRequestId))).toBe(openAiFingerprint(key));
    }
  });

  test('a version is shredded before any later token, and no version is current twice', async () => {
    const answer = await stack.call('GET', `${keyPath('site', tenant)}/versions?limit=100`, {
      as: tenant.owner,
    });
    const { items } = expectSuccess(answer);
    const created = new Set(reigns.map(({ version }) => version));
    expect(items.map(({ version }: { version: number }) => version)).toEqual(
      [...created].sort((a, b) => b - a),
    );
    const shredded: number[] = items
      .filter(({ state }: { state: string }) => state === 'shredded')
      .map(({ version }: { version: number }) => version);
    expect(items).toHaveLength(shredded.length + 2);
    const lastUse = new Map<unknown, number>();
    for (const { keyVersion, createdAt } of await sessionsOf(tenant))
      lastUse.set(keyVersion, Math.max(lastUse.get(keyVersion) ?? 0, Date.parse(String(createdAt))));
    for (const version of shredded) {
      const shreddedBy = reigns.findLast((reign) => reign.version === version)?.until ?? 0;
      expect(lastUse.get(version) ?? 0).toBeLessThanOrEqual(shreddedBy);
    }
  });

  test('the chain verifies, and intents, outcomes and KMS Decrypt calls match one to one', async () => {
    const rows = await settledTrail(stack, tenant);
    await expectIntact(stack, tenant, rows);
    expectJoined(stack, tenant, rows);
    expect(ofType(rows, 'session.issued')).toHaveLength(mints.length);
    expect(ofType(rows, 'session.used')).toHaveLength(2 * ROUNDS);
    expect(decryptsOf(stack, tenant)).toHaveLength(mints.length + 2 * ROUNDS);
  });
});

describe('while two admins change the key at the same time', () => {
  let tenant: Tenant;
  let mints: readonly Timed[];
  const keys: string[] = [];
  const outcomes: TestAnswer[] = [];

  beforeAll(async () => {
    const first = fakeKey();
    keys.push(first);
    tenant = await readyTenant(first);
    const admin = async (seed: number): Promise<void> => {
      const random = seeded(seed);
      let puts = LONG ? 3 : 1;
      for (let i = 0; i < (LONG ? 7 : 3); i++) {
        const choice = puts > 0 ? Math.floor(random() * 3) : 1 + Math.floor(random() * 2);
        if (choice === 0) {
          puts -= 1;
          const key = fakeKey();
          keys.push(key);
          outcomes.push(await putSiteKey(stack, tenant, key));
        } else outcomes.push((await change(tenant, choice === 1 ? 'rotate' : 'rollback')).answer);
      }
    };
    mints = await mintDuring(tenant, async () => {
      await Promise.all([admin(1), admin(2)]);
    });
  });

  test('no mint fails, and each change succeeds or returns its reason', () => {
    expect(mints.filter(({ answer }) => answer.status !== 200).map(({ answer }) => answer.text)).toEqual([]);
    const told = outcomes.map(({ status, error }) => (status === 200 ? 'done' : `${status} ${error.code}`));
    expect(
      told.filter((one) => !['done', '409 version_conflict', '409 no_previous_version'].includes(one)),
    ).toEqual([]);
    expect(told).toContain('done');
  });

  test('tokens are minted only with keys that were stored', async () => {
    const stored = new Set(keys.map(openAiFingerprint));
    const sent = sentToOpenAi();
    const used = (await sessionsOf(tenant)).map(({ openAiRequestId }) => sent.get(String(openAiRequestId)));
    expect(used).toHaveLength(mints.length);
    expect(used.filter((fingerprint) => !stored.has(fingerprint ?? ''))).toEqual([]);
  });

  test('the chain verifies, and intents, outcomes and KMS Decrypt calls match one to one', async () => {
    const rows = await settledTrail(stack, tenant);
    await expectIntact(stack, tenant, rows);
    expectJoined(stack, tenant, rows);
    const done = outcomes.filter(({ status }) => status === 200);
    expect(ofType(rows, 'key.stored', 'key.reencrypted', 'key.rolled_back')).toHaveLength(done.length + 1);
  });
});

describe('while the key is suspended, resumed, deleted and stored again', () => {
  const ROUNDS = LONG ? 2 : 1;
  let tenant: Tenant;
  let mints: readonly Timed[];
  /** Times in which a mint may be, and strictly inside of which it must be, refused as the customer wished. */
  const off: { readonly code: string; readonly from: Timed; readonly to: Timed }[] = [];

  beforeAll(async () => {
    tenant = await readyTenant(fakeKey());
    mints = await mintDuring(tenant, async (visit) => {
      for (let round = 0; round < ROUNDS; round++) {
        expectSuccess((await change(tenant, 'rotate')).answer);
        const suspended = await change(tenant, 'suspend');
        await visit();
        expectSuccess((await change(tenant, 'rotate')).answer);
        const resumed = await change(tenant, 'resume');
        off.push({ code: 'openai_key_suspended', from: suspended, to: resumed });
        const deleted = await timed(() =>
          stack.call('DELETE', keyPath('site', tenant), { as: tenant.owner }),
        );
        await visit();
        const stored = await timed(() => putSiteKey(stack, tenant, fakeKey()));
        off.push({ code: 'openai_key_missing', from: deleted, to: stored });
      }
    });
  });

  test("a mint fails only for the reason that the customer's change caused at that time", () => {
    for (const { from, to } of off) {
      expectSuccess(from.answer);
      expectSuccess(to.answer);
    }
    const failed = mints.filter(({ answer }) => answer.status !== 200);
    expect(failed.length).toBeGreaterThan(0);
    const unexplained = failed.filter(
      ({ sentAt, answeredAt, answer }) =>
        !off.some(
          ({ code, from, to }) =>
            answer.error.code === code && answeredAt >= from.sentAt && sentAt <= to.answeredAt,
        ),
    );
    expect(unexplained.map(({ answer }) => answer.text)).toEqual([]);
  });

  test('no mint that runs entirely between suspension and resumption gets a token', () => {
    const through = mints.filter(
      ({ sentAt, answeredAt, answer }) =>
        answer.status === 200 &&
        off.some(({ from, to }) => sentAt > from.answeredAt && answeredAt < to.sentAt),
    );
    expect(through).toEqual([]);
  });

  test('a refused mint decrypts no key: there is one Decrypt for each token and each re-encryption', async () => {
    const rows = await settledTrail(stack, tenant);
    await expectIntact(stack, tenant, rows);
    expectJoined(stack, tenant, rows);
    const minted = mints.filter(({ answer }) => answer.status === 200);
    expect(ofType(rows, 'session.issued')).toHaveLength(minted.length);
    expect(intentsIn(rows)).toHaveLength(minted.length + 2 * ROUNDS);
    expect(outcomesIn(rows)).toHaveLength(minted.length + 2 * ROUNDS);
  });
});

test("while a site's own key is deleted and stored again over a workspace key, no mint fails", async () => {
  const own = fakeKey();
  const shared = fakeKey();
  const tenant = await readyTenant(own);
  expectSuccess(await putWorkspaceKey(stack, tenant, shared));
  const mints = await mintDuring(tenant, async () => {
    for (let round = 0; round < (LONG ? 2 : 1); round++) {
      expectSuccess(await stack.call('DELETE', keyPath('site', tenant), { as: tenant.owner }));
      expectSuccess(await putSiteKey(stack, tenant, own));
    }
  });
  expect(mints.filter(({ answer }) => answer.status !== 200).map(({ answer }) => answer.text)).toEqual([]);
  const sent = sentToOpenAi();
  for (const { keyScope, openAiRequestId } of await sessionsOf(tenant))
    expect(sent.get(String(openAiRequestId))).toBe(openAiFingerprint(keyScope === 'site' ? own : shared));
  const rows = await settledTrail(stack, tenant);
  await expectIntact(stack, tenant, rows);
  expectJoined(stack, tenant, rows);
});
