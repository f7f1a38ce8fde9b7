import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { expectSuccess } from '../support/answers.ts';
import { type AwsCall, type AwsProxy, startAwsProxy } from '../support/aws-proxy.ts';
import { openAiFingerprint } from '../support/openai.ts';
import { addMember } from '../support/people.ts';
import { startTestStack, type TestAnswer, type TestStack } from '../support/stack.ts';
import { fakeKey, makeTenant, type Tenant } from '../support/tenant.ts';
import { keyItems, keyOf, mintedWith, retainedIn, SCOPES, withKey } from './keys.ts';
import { type RawTables, rawTables } from './tables.ts';
import { actionsIn, type Scope, settledTrail } from './trail.ts';

let stack: TestStack;
let tables: RawTables;
let dynamoDb: AwsProxy;

beforeAll(async () => {
  dynamoDb = await startAwsProxy();
  stack = await startTestStack({ audited: false, variables: { AWS_ENDPOINT_URL_DYNAMODB: dynamoDb.url } });
  dynamoDb.forwardTo(stack.dynamoDb.endpoint);
  tables = rawTables(stack);
});

afterAll(async () => {
  tables?.close();
  await stack?.close();
  await dynamoDb?.close();
});

afterEach(() => {
  dynamoDb.intervene();
});

/** Whether the call is a write that changes a stored key, from any sender. */
const changesKey = ({ operation, body }: AwsCall): boolean =>
  operation === 'TransactWriteItems' && JSON.stringify(body).includes('"TableName":"keys"');

/** Holds the next `count` changes of keys back until all of them have been computed. */
const meetAtTheTable = (count: number): void => {
  let arrived = 0;
  let open: () => void = () => undefined;
  const all = new Promise<void>((resolve) => {
    open = resolve;
  });
  dynamoDb.intervene(async (call) => {
    if (!changesKey(call)) return undefined;
    arrived += 1;
    if (arrived === count) open();
    await all;
    return undefined;
  });
};

/** Checks that the table agrees with itself about a scope, and with the history. */
const expectConsistent = async (scope: Scope, tenant: Tenant): Promise<void> => {
  const items = await keyItems(tables, scope, tenant);
  const head = items.find(({ sk }) => sk === 'KEY');
  const versions = items.flatMap(({ sk, version }) => (String(sk).startsWith('VERSION#') ? [version] : []));
  const history = await keyOf(stack, tenant, scope).versions();
  const inState = (state: string) => history.flatMap((one) => (one.state === state ? [one.version] : []));
  expect(versions).toEqual(versions.map((_, i) => i + 1));
  expect(head?.['lastVersion']).toBe(versions.length);
  const retained = retainedIn(items).map(({ sk }) => Number(String(sk).slice('RETAINED#'.length)));
  expect(inState('retained')).toEqual(retained);
  if (head?.['state'] === 'deleted') {
    expect(retained).toEqual([]);
    expect(inState('current')).toEqual([]);
  } else {
    expect(inState('current')).toEqual([head?.['version']]);
    expect(retained).toEqual(head?.['previousVersion'] === null ? [] : [head?.['previousVersion']]);
    expect(retained).not.toContain(head?.['version']);
  }
};

const toldOf = ({ status, error }: TestAnswer): string =>
  status === 200 ? '200' : `${status} ${error.code}`;

describe.each(SCOPES)('two people change a %s key at the same moment', (scope) => {
  type At = ReturnType<typeof keyOf>;
  const put = (at: At) => at.put(fakeKey());
  const changes = {
    PUT: put,
    rollback: (at: At) => at.rollBack(),
    rotate: (at: At) => at.rotate(),
    DELETE: (at: At) => at.remove(),
  };
  type Change = keyof typeof changes;

  const PAIRS: readonly [Change, Change][] = [
    ['PUT', 'PUT'],
    ['PUT', 'rollback'],
    ['rotate', 'rotate'],
  ];
  const MORE_PAIRS: readonly [Change, Change][] = [
    ['PUT', 'rotate'],
    ['rotate', 'rollback'],
    ['rollback', 'rollback'],
    ['DELETE', 'PUT'],
    ['DELETE', 'rotate'],
    ['DELETE', 'rollback'],
    ['DELETE', 'DELETE'],
  ];

  test.each(scope === 'site' ? [...PAIRS, ...MORE_PAIRS] : PAIRS)(
    '%s and %s: one succeeds and is in the audit trail, the other gets a conflict',
    async (one, other) => {
      const { tenant, at } = await withKey(stack, scope);
      expectSuccess(await put(at));
      const colleague = keyOf(stack, tenant, scope, await addMember(stack, tenant, 'admin'));
      meetAtTheTable(2);
      const answers = await Promise.all([changes[one](at), changes[other](colleague)]);
      dynamoDb.intervene();
      expect(answers.map(toldOf).sort()).toEqual(['200', '409 version_conflict']);
      await expectConsistent(scope, tenant);
      const changesTold = actionsIn(await settledTrail(stack, tenant)).filter(({ type }) =>
        type.startsWith('key.'),
      );
      expect(changesTold).toHaveLength(3);
      const winner = changesTold.at(-1);
      expect(winner?.actor === tenant.owner).toBe(answers[0]?.status === 200);
    },
  );

  test.each(['PUT', 'rotate', 'rollback'] as const)(
    'a kill switch during a %s always wins: the key is off afterwards',
    async (other) => {
      const { tenant, at } = await withKey(stack, scope);
      expectSuccess(await put(at));
      const colleague = keyOf(stack, tenant, scope, await addMember(stack, tenant, 'admin'));
      meetAtTheTable(2);
      const [switchedOff, changed] = await Promise.all([at.suspend(), changes[other](colleague)]);
      dynamoDb.intervene();
      expectSuccess(switchedOff);
      expect(['200', '409 version_conflict']).toContain(toldOf(changed));
      await expectConsistent(scope, tenant);
      // A PUT after the switch is a key that a person chose to store; every earlier key is off.
      const stateNow = expectSuccess(await at.suspend()).state;
      expect(stateNow).toBe('suspended');
    },
  );

  test('two first keys: one becomes version 1, the other gets a conflict', async () => {
    const tenant = await makeTenant(stack);
    const at = keyOf(stack, tenant, scope);
    const keys = [fakeKey(), fakeKey()];
    meetAtTheTable(2);
    const answers = await Promise.all(keys.map((key) => at.put(key)));
    dynamoDb.intervene();
    expect(answers.map(toldOf).sort()).toEqual(['200', '409 version_conflict']);
    await expectConsistent(scope, tenant);
    expect(await at.history()).toBe('1 current');
    const winner = keys[answers.findIndex(({ status }) => status === 200)] ?? '';
    expect(await mintedWith(stack, tenant)).toBe(openAiFingerprint(winner));
  });

  test('many simultaneous changes: each succeeds or conflicts, and no version number is used twice', async () => {
    const { tenant, at } = await withKey(stack, scope);
    const answers = await Promise.all([
      put(at),
      at.rotate(),
      at.suspend(),
      put(at),
      at.rollBack(),
      at.rotate(),
      at.resume(),
      put(at),
    ]);
    const allowed = ['200', '409 version_conflict', '409 no_previous_version'];
    expect(answers.map(toldOf).filter((told) => !allowed.includes(told))).toEqual([]);
    await expectConsistent(scope, tenant);
    const stored = [answers[0], answers[3], answers[7], answers[1], answers[5]].flatMap((answer) =>
      answer?.status === 200 ? [answer.data.version] : [],
    );
    expect(new Set(stored).size).toBe(stored.length);
  });
});
