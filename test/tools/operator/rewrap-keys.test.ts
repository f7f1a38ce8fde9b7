import { PutCommand, QueryCommand, UpdateCommand } from '@aws-sdk/lib-dynamodb';
import { afterEach, describe, expect, it } from '@jest/globals';
import { ConflictError } from '../../../lambdas/domain/dependency.ts';
import { switchState } from '../../../lambdas/domain/keys/key-lifecycle.ts';
import { isLive, type KeyAddress } from '../../../lambdas/domain/keys/stored-key.ts';
import type { RewrapPorts } from '../../../lambdas/use-cases/keys/rewrap-keys.ts';
import { operatorAuditEvents } from '../../../tools/operator/operator.ts';
import { LOCAL_CREDENTIALS, runOperatorCommand } from '../../support/operator-command.ts';
import type { TestStack } from '../../support/stack.ts';
import { fakeKey, makeTenant, mint, putSiteKey, putWorkspaceKey, type Tenant } from '../../support/tenant.ts';
import { type Migration, startMigration } from './migration.ts';

const headOf = ({ workspaceId }: Tenant): string => `WORKSPACE#${workspaceId} KEY`;
const retainedOf = ({ workspaceId }: Tenant, version: number): string =>
  `WORKSPACE#${workspaceId} RETAINED#${String(version).padStart(10, '0')}`;
const addressOf = ({ workspaceId }: Tenant): KeyAddress => ({
  scope: 'workspace',
  scopeId: workspaceId,
  workspaceId,
});
const keyPath = ({ workspaceId }: Tenant): string => `/v1/workspaces/${workspaceId}/openai-key`;

const keyed = async (stack: TestStack, versions = 1): Promise<Tenant> => {
  const tenant = await makeTenant(stack);
  for (let version = 1; version <= versions; version++) {
    const stored = await putWorkspaceKey(stack, tenant, fakeKey());
    if (stored.status !== 200 && stored.status !== 201) throw new Error(`Not stored: ${stored.text}`);
  }
  return tenant;
};

let open: Migration | undefined;
afterEach(async () => {
  await open?.close();
  open = undefined;
});
const migrate = async <Seeded>(
  seed: (stack: TestStack) => Promise<Seeded>,
): Promise<{ migration: Migration; seeded: Seeded }> => {
  const started = await startMigration(seed);
  open = started.migration;
  return started;
};

const rewrapEvents = async ({ dynamoDb }: Migration, workspaceId: string) => {
  const { Items = [] } = await dynamoDb.send(
    new QueryCommand({
      TableName: 'tenancy',
      KeyConditionExpression: 'pk = :pk',
      ExpressionAttributeValues: { ':pk': `EVENTS#rewrap#${workspaceId}` },
    }),
  );
  return Items.filter(({ type }) => type === 'key.rewrapped');
};

/** The ports, with `before` run once ahead of the first re-wrap of `address` at `version`. */
const interposed = (
  { ports }: Migration,
  at: { readonly address: KeyAddress; readonly version: number },
  before: () => Promise<unknown>,
): Partial<RewrapPorts> => {
  let pending = true;
  return {
    rewrapper: {
      rewrap: async (sealed, toKeyArn) => {
        const wrapped = await ports.rewrapper.rewrap(sealed, toKeyArn);
        if (pending && sealed.scopeId === at.address.scopeId && sealed.version === at.version) {
          pending = false;
          await before();
        }
        return wrapped;
      },
    },
  };
};

describe('a re-wrap of stored keys', () => {
  it('moves current, suspended and retained records to the new master key, and mints work before, during and after the run', async () => {
    const { migration, seeded } = await migrate(async (stack) => {
      const tenants = [await keyed(stack), await keyed(stack, 2), await keyed(stack)] as const;
      const withSiteKey = await makeTenant(stack);
      await putSiteKey(stack, withSiteKey, fakeKey());
      const suspended = await keyed(stack);
      await stack.call('POST', `${keyPath(suspended)}/suspend`, { as: suspended.owner });
      const deleted = await keyed(stack, 2);
      await stack.call('DELETE', keyPath(deleted), { as: deleted.owner });
      return { tenants: [...tenants, withSiteKey], suspended, deleted, replaced: tenants[1] };
    });
    const { stack, ports } = migration;
    const everyoneMints = async (on: TestStack): Promise<void> => {
      for (const tenant of seeded.tenants) expect((await mint(on, tenant)).status).toBe(200);
    };
    await everyoneMints(stack);
    const before = await migration.wrapped();

    const report = await migration.run({
      writer: {
        replaceWrappings: async (address, records) => {
          await ports.writer.replaceWrappings(address, records);
          await everyoneMints(stack);
        },
      },
    });

    expect(report).toMatchObject({ complete: true, troubles: [], counts: { done: 6, skipped: 6 } });
    const after = await migration.wrapped();
    expect([...after.keys()].sort()).toEqual([...before.keys()].sort());
    expect(after.has(retainedOf(seeded.replaced, 1))).toBe(true);
    for (const [place, item] of after) {
      const was = before.get(place);
      expect(item.sealed.kmsKeyArn).toBe(migration.newArn);
      expect(item.sealed.wrappedDataKey).not.toEqual(was?.sealed.wrappedDataKey);
      expect(item).toEqual({
        ...was,
        ...(was?.revision !== undefined && { revision: was.revision + 1 }),
        sealed: { ...was?.sealed, ...pick(item.sealed) },
      });
    }
    await everyoneMints(stack);
    await everyoneMints(await migration.finish());
  });

  it('adds one audit event to each record, with both master keys without their account', async () => {
    const { migration, seeded } = await migrate((stack) => keyed(stack, 2));
    await migration.run();
    const events = await rewrapEvents(migration, seeded.workspaceId);
    expect(events.map(({ facts }) => facts.record).sort()).toEqual(['current', 'retained']);
    const reEncrypts = migration.stack.kms.calls.filter(({ operation }) => operation === 'ReEncrypt');
    expect(events.map(({ facts }) => facts.kms_reencrypt_request_id).sort()).toEqual(
      reEncrypts.map(({ requestId }) => requestId).sort(),
    );
    for (const { facts } of events) {
      expect(migration.newArn.endsWith(`/${facts.master_key}`)).toBe(true);
      expect(migration.oldArn.endsWith(`/${facts.master_key_before}`)).toBe(true);
    }
  });

  it('does nothing the second time', async () => {
    const { migration } = await migrate(async (stack) => [await keyed(stack, 2), await keyed(stack)]);
    expect((await migration.run()).counts.done).toBe(3);
    const before = await migration.wrapped();
    migration.stack.kms.clearCalls();
    expect(await migration.run()).toMatchObject({ complete: true, counts: { done: 0, skipped: 3 } });
    expect(migration.stack.kms.calls.filter(({ operation }) => operation === 'ReEncrypt')).toEqual([]);
    expect(await migration.wrapped()).toEqual(before);
  });

  it('only counts in a dry run', async () => {
    const { migration } = await migrate((stack) => keyed(stack, 2));
    const before = await migration.wrapped();
    expect(await migration.run({}, { dryRun: true })).toMatchObject({ complete: false, counts: { done: 2 } });
    expect(migration.stack.kms.calls.filter(({ operation }) => operation === 'ReEncrypt')).toEqual([]);
    expect(await migration.wrapped()).toEqual(before);
  });
});

const pick = ({ kmsKeyArn, wrappedDataKey }: { kmsKeyArn: string; wrappedDataKey: Uint8Array }) => ({
  kmsKeyArn,
  wrappedDataKey,
});

class Crash extends Error {}

/** Ports that crash before or after their `at`-th call. */
const crashing = (ports: RewrapPorts, at: number, when: 'before' | 'after'): RewrapPorts => {
  let calls = 0;
  const wrap = <Port extends object>(port: Port): Port =>
    new Proxy(port, {
      get: (target, name) => {
        const method = Reflect.get(target, name);
        if (typeof method !== 'function') return method;
        return async (...given: unknown[]) => {
          const fatal = ++calls === at;
          if (fatal && when === 'before') throw new Crash();
          const result = await Reflect.apply(method, target, given);
          if (fatal) throw new Crash();
          return result;
        };
      },
    });
  return {
    scan: wrap(ports.scan),
    keys: wrap(ports.keys),
    writer: wrap(ports.writer),
    rewrapper: wrap(ports.rewrapper),
    auditEvents: wrap(ports.auditEvents),
  };
};

describe('an interrupted re-wrap', () => {
  it.each(['before', 'after'] as const)(
    'at any call, %s its effect, is completed by later runs, and each record is re-wrapped once',
    async (when) => {
      const { migration, seeded } = await migrate(async (stack) => [
        await keyed(stack, 2),
        await keyed(stack),
        await keyed(stack, 2),
      ]);
      const before = await migration.wrapped();
      let crashes = 0;
      for (let at = 1; ; at++) {
        try {
          const report = await migration.run(crashing(migration.ports, at, when));
          expect(report.complete).toBe(true);
          break;
        } catch (error) {
          if (!(error instanceof Crash)) throw error;
          crashes++;
          const states = [...(await migration.wrapped()).values()].map(({ sealed }) => sealed.kmsKeyArn);
          expect(states.every((arn) => arn === migration.oldArn || arn === migration.newArn)).toBe(true);
        }
      }
      expect(crashes).toBeGreaterThan(5);
      const after = await migration.wrapped();
      for (const [place, { sealed, revision }] of after) {
        expect(sealed.kmsKeyArn).toBe(migration.newArn);
        if (revision !== undefined) expect(revision).toBe((before.get(place)?.revision ?? 0) + 1);
      }
      const events = await Promise.all(seeded.map(({ workspaceId }) => rewrapEvents(migration, workspaceId)));
      expect(events.map(({ length }) => length)).toEqual([2, 1, 2]);
      for (const tenant of seeded) expect((await mint(migration.stack, tenant)).status).toBe(200);
    },
  );
});

describe('a change during a re-wrap', () => {
  it('that replaces the key is not lost: the new key mints, and the replaced one is re-wrapped for a rollback', async () => {
    const { migration, seeded: tenant } = await migrate((stack) => keyed(stack));
    const { stack } = migration;
    const report = await migration.run(
      interposed(migration, { address: addressOf(tenant), version: 1 }, () =>
        putWorkspaceKey(stack, tenant, fakeKey()),
      ),
    );
    expect(report.complete).toBe(true);
    const view = await stack.call('GET', keyPath(tenant), { as: tenant.owner });
    expect(view.data.version).toBe(2);
    const held = await migration.wrapped();
    expect(held.get(headOf(tenant))?.sealed.kmsKeyArn).toBe(migration.newArn);
    expect(held.get(retainedOf(tenant, 1))?.sealed.kmsKeyArn).toBe(migration.newArn);
    expect((await mint(stack, tenant)).status).toBe(200);
    const back = await stack.call('POST', `${keyPath(tenant)}/rollback`, { as: tenant.owner });
    expect([back.status, back.data?.version]).toEqual([200, 1]);
    expect((await mint(stack, tenant)).status).toBe(200);
  });

  it('that suspends the key is not lost', async () => {
    const { migration, seeded: tenant } = await migrate((stack) => keyed(stack));
    const { stack } = migration;
    const report = await migration.run(
      interposed(migration, { address: addressOf(tenant), version: 1 }, () =>
        stack.call('POST', `${keyPath(tenant)}/suspend`, { as: tenant.owner }),
      ),
    );
    expect(report.complete).toBe(true);
    const head = (await migration.wrapped()).get(headOf(tenant));
    // Stored, suspended, re-wrapped: no two states share a revision.
    expect([head?.state, head?.revision, head?.sealed.kmsKeyArn]).toEqual(['suspended', 3, migration.newArn]);
    expect((await mint(stack, tenant)).error.code).toBe('openai_key_suspended');
  });

  it('that rolls back while the retained record is re-wrapped leaves nothing under the old master key', async () => {
    const { migration, seeded: tenant } = await migrate((stack) => keyed(stack, 2));
    const { stack } = migration;
    const report = await migration.run(
      interposed(migration, { address: addressOf(tenant), version: 1 }, () =>
        stack.call('POST', `${keyPath(tenant)}/rollback`, { as: tenant.owner }),
      ),
    );
    expect(report.complete).toBe(true);
    const held = await migration.wrapped();
    expect([...held.values()].map(({ sealed }) => sealed.kmsKeyArn)).toEqual([
      migration.newArn,
      migration.newArn,
    ]);
    const view = await stack.call('GET', keyPath(tenant), { as: tenant.owner });
    expect(view.data.version).toBe(1);
    expect((await mint(stack, tenant)).status).toBe(200);
  });

  it('that deletes the key is not undone', async () => {
    const { migration, seeded: tenant } = await migrate((stack) => keyed(stack, 2));
    const { stack } = migration;
    const report = await migration.run(
      interposed(migration, { address: addressOf(tenant), version: 2 }, () =>
        stack.call('DELETE', keyPath(tenant), { as: tenant.owner }),
      ),
    );
    expect(report.complete).toBe(true);
    expect((await migration.wrapped()).size).toBe(0);
    expect((await mint(stack, tenant)).error.code).toBe('openai_key_missing');
    expect(await rewrapEvents(migration, tenant.workspaceId)).toEqual([]);
  });

  it('that shreds the retained record is not undone, and no part of the record is left', async () => {
    const { migration, seeded: tenant } = await migrate((stack) => keyed(stack, 2));
    const address = addressOf(tenant);
    const report = await migration.run(
      interposed(migration, { address, version: 1 }, async () => {
        const retained = await migration.keys.readRetained(address, 1);
        if (retained !== undefined) await migration.keys.shredRetained(address, retained);
      }),
    );
    expect(report).toMatchObject({ complete: true, counts: { done: 1 } });
    expect([...(await migration.wrapped()).keys()]).toEqual([headOf(tenant)]);
    expect(await migration.keys.readRetained(address, 1)).toBeUndefined();
  });

  it('is refused if it was computed before the re-wrap, so that the old wrapping does not return', async () => {
    const { migration, seeded: tenant } = await migrate((stack) => keyed(stack, 2));
    const { keys } = migration;
    const stale = await keys.readKey(addressOf(tenant));
    if (!isLive(stale)) throw new Error('There is no key.');
    await migration.run();
    const change = switchState(stale, 'suspended', { at: new Date().toISOString(), by: 'test' });
    const event = await operatorAuditEvents.event({ sub: 'test', sourceIp: '' }, 'key.suspended', {
      workspaceId: tenant.workspaceId,
    });
    await expect(keys.changeKey(addressOf(tenant), change, event)).rejects.toThrow(ConflictError);
  });

  it('that conflicts twice is reported, and the next pass moves the record', async () => {
    const { migration, seeded: tenant } = await migrate((stack) => keyed(stack));
    const report = await migration.run(conflicting(migration, 2));
    expect(report).toMatchObject({ complete: true, counts: { conflicted: 0, done: 1 } });
    expect(report.troubles).toEqual([{ place: headOf(tenant), trouble: 'conflicted', errorName: undefined }]);
  });

  it('that keeps conflicting leaves the run incomplete and the record unchanged', async () => {
    const { migration } = await migrate((stack) => keyed(stack));
    const before = await migration.wrapped();
    const report = await migration.run(conflicting(migration, Number.POSITIVE_INFINITY));
    expect(report).toMatchObject({ complete: false, counts: { conflicted: 1, done: 0 } });
    expect(await migration.wrapped()).toEqual(before);
  });
});

/** Ports whose first `times` writes lose against another writer. */
const conflicting = ({ ports }: Migration, times: number): Partial<RewrapPorts> => {
  let left = times;
  return {
    writer: {
      replaceWrappings: async (address, records) => {
        if (left-- > 0) throw new ConflictError();
        await ports.writer.replaceWrappings(address, records);
      },
    },
  };
};

describe('a retained record that the current key does not name, because the table was changed without the product', () => {
  it('is re-wrapped alone, and the current key, which does not match its mark, is left unchanged', async () => {
    const { migration, seeded: tenant } = await migrate((stack) => keyed(stack, 2));
    await migration.dynamoDb.send(
      new UpdateCommand({
        TableName: 'keys',
        Key: { pk: `WORKSPACE#${tenant.workspaceId}`, sk: 'KEY' },
        UpdateExpression: 'SET previousVersion = :none',
        ExpressionAttributeValues: { ':none': null },
      }),
    );
    expect(await migration.run()).toMatchObject({ complete: false, counts: { done: 1, unreadable: 1 } });
    expect((await migration.wrapped()).get(retainedOf(tenant, 1))?.sealed.kmsKeyArn).toBe(migration.newArn);
  });
});

describe('a record that cannot be re-wrapped', () => {
  it.each([
    ['a damaged data key', { ':value': new Uint8Array(120).fill(7) }, 'sealed.wrappedDataKey'],
    [
      'a master key that is not ours',
      { ':value': 'arn:aws:kms:us-east-1:000000000000:key/other' },
      'sealed.kmsKeyArn',
    ],
    ['no ciphertext', { ':value': new Uint8Array(0) }, 'sealed.ciphertext'],
    ['no record', { ':value': 'none' }, 'sealed'],
  ])('with %s is reported and left unchanged, and the other records move', async (_what, values, path) => {
    const { migration, seeded } = await migrate(async (stack) => ({
      damaged: await keyed(stack),
      sound: await keyed(stack, 2),
    }));
    await migration.dynamoDb.send(
      new UpdateCommand({
        TableName: 'keys',
        Key: { pk: `WORKSPACE#${seeded.damaged.workspaceId}`, sk: 'KEY' },
        UpdateExpression: `SET ${path} = :value`,
        ExpressionAttributeValues: values,
      }),
    );
    const before = (await migration.wrapped()).get(headOf(seeded.damaged));
    const report = await migration.run();
    expect(report).toMatchObject({ complete: false, counts: { done: 2, unreadable: 1 } });
    expect(report.troubles[0]).toMatchObject({ place: headOf(seeded.damaged), trouble: 'unreadable' });
    expect((await migration.wrapped()).get(headOf(seeded.damaged))).toEqual(before);
    expect((await mint(migration.stack, seeded.sound)).status).toBe(200);
  });

  it('because it was copied from another workspace is left unchanged', async () => {
    const { migration, seeded } = await migrate(async (stack) => ({
      victim: await keyed(stack),
      thief: await makeTenant(stack),
    }));
    const stolen = (await migration.wrapped()).get(headOf(seeded.victim));
    await migration.dynamoDb.send(
      new PutCommand({ TableName: 'keys', Item: { ...stolen, pk: `WORKSPACE#${seeded.thief.workspaceId}` } }),
    );
    const report = await migration.run();
    expect(report.counts).toMatchObject({ done: 1, unreadable: 1 });
    expect((await migration.wrapped()).get(headOf(seeded.thief))?.sealed.kmsKeyArn).toBe(migration.oldArn);
  });

  it('because KMS refuses it is reported with the error, and the next run moves it', async () => {
    const { migration, seeded: tenant } = await migrate((stack) => keyed(stack));
    migration.stack.kms.inject({ operation: 'ReEncrypt', errorName: 'AccessDeniedException' });
    const report = await migration.run();
    expect(report).toMatchObject({ complete: false, counts: { done: 0, failed: 1 } });
    expect(report.troubles).toEqual([
      { place: headOf(tenant), trouble: 'failed', errorName: 'AccessDeniedException' },
    ]);
    migration.stack.kms.clearFaults();
    expect(await migration.run()).toMatchObject({ complete: true, counts: { done: 1 } });
  });
});

describe('npm run rewrap-keys', () => {
  const command = ({ stack }: Migration, ...given: string[]) =>
    runOperatorCommand('rewrap-keys', given, { ...stack.variables, ...LOCAL_CREDENTIALS });

  it('refuses a target key that the functions do not open, moves the rest, and shows what is left by its exit status', async () => {
    const { migration, seeded: tenant } = await migrate((stack) => keyed(stack, 2));
    const foreign = await command(migration, '--to', 'arn:aws:kms:us-east-1:000000000000:key/other');
    expect(foreign.code).toBe(2);
    expect(foreign.stderr).toContain('does not open keys under');
    const dry = await command(migration, '--dry-run');
    expect([dry.code, dry.stdout]).toEqual([1, expect.stringContaining('2 done, 0 skipped')]);
    const run = await command(migration, '--to', migration.newArn);
    expect([run.code, run.stdout]).toEqual([0, expect.stringContaining('2 done, 2 skipped')]);
    expect((await mint(migration.stack, tenant)).status).toBe(200);
  });
});
