import { expect } from '@jest/globals';
import { dynamoDbAudit } from '../../lambdas/adapters/aws/audit/dynamodb-audit.ts';
import { kmsChainKeys } from '../../lambdas/adapters/aws/audit/kms-chain-keys.ts';
import { dynamoDbClient, kmsClient } from '../../lambdas/adapters/aws/clients.ts';
import { kmsDerivationKeys } from '../../lambdas/adapters/aws/kms-derivation-keys.ts';
import { dynamoDbMembership } from '../../lambdas/adapters/aws/tenancy/dynamodb-membership.ts';
import { ENVIRONMENTS, parseEnvironment } from '../../lambdas/contract/environment.ts';
import type { AuditEventType, ChainVerification } from '../../lambdas/domain/audit/audit-record.ts';
import type { WorkspaceId } from '../../lambdas/domain/identifiers.ts';
import { verifyAuditTrail } from '../../lambdas/use-cases/audit/verify-audit-trail.ts';
import { expectSuccess } from '../support/answers.ts';
import type { TestAnswer, TestStack } from '../support/stack.ts';
import { fakeKey, makeTenant, putSiteKey, type Tenant } from '../support/tenant.ts';

export type Scope = 'site' | 'workspace';

/** The routes of the key that is stored at a scope. */
export const keyPath = (scope: Scope, { siteId, workspaceId }: Tenant): string =>
  scope === 'site' ? `/v1/sites/${siteId}/openai-key` : `/v1/workspaces/${workspaceId}/openai-key`;

export const auditPath = ({ workspaceId }: Pick<Tenant, 'workspaceId'>): string =>
  `/v1/workspaces/${workspaceId}/audit`;

/** A row of the trail, as its owner sees it. */
export interface TrailRow {
  readonly sequence: number;
  readonly event_id: string;
  readonly type: AuditEventType;
  readonly at: string;
  readonly actor: string;
  readonly site_id: string | null;
  readonly session_id: string | null;
  readonly ip_hash: string | null;
  readonly facts: Readonly<Record<string, string | number | boolean>>;
  readonly previous_hash: string;
  readonly hash: string;
}

type Filter = Readonly<Record<string, string>>;

export const auditPage = (stack: TestStack, tenant: Tenant, query: Filter): Promise<TestAnswer> =>
  stack.call('GET', `${auditPath(tenant)}?${new URLSearchParams(query)}`, { as: tenant.owner });

/** Every row that the filter lets through, page by page, oldest first. */
export const trailOf = async (
  stack: TestStack,
  tenant: Tenant,
  filter: Filter = {},
): Promise<readonly TrailRow[]> => {
  const rows: TrailRow[] = [];
  for (let cursor: string | null | undefined; cursor !== null; ) {
    const query: Filter = { limit: '100', ...filter, ...(cursor !== undefined && { cursor }) };
    const page = expectSuccess(await auditPage(stack, tenant, query));
    rows.push(...page.items);
    cursor = page.next_cursor;
  }
  return rows.reverse();
};

/** The trail once the projector has everything that was written until now. */
export const settledTrail = async (stack: TestStack, tenant: Tenant): Promise<readonly TrailRow[]> => {
  await stack.streams.drain();
  return trailOf(stack, tenant);
};

export const verifyTrail = async (stack: TestStack, tenant: Tenant, query: Filter = {}) =>
  expectSuccess(
    await stack.call('GET', `${auditPath(tenant)}/verify?${new URLSearchParams(query)}`, {
      as: tenant.owner,
    }),
  );

/** The whole chain is as it was written, and `rows` is all of it. */
export const expectIntact = async (
  stack: TestStack,
  tenant: Tenant,
  rows: readonly TrailRow[],
): Promise<void> => {
  expect(await verifyTrail(stack, tenant)).toEqual({
    intact: true,
    rows: rows.length,
    head: { sequence: rows.length, hash: rows.at(-1)?.hash },
    broken: null,
    next_cursor: null,
  });
  expect(rows.map(({ sequence }) => sequence)).toEqual(rows.map((_, i) => i + 1));
  expect(new Set(rows.map(({ event_id }) => event_id)).size).toBe(rows.length);
};

export const ofType = (rows: readonly TrailRow[], ...types: readonly AuditEventType[]): TrailRow[] =>
  rows.filter(({ type }) => types.includes(type));

export const intentsIn = (rows: readonly TrailRow[]) => ofType(rows, 'session.reserved');

export const outcomesIn = (rows: readonly TrailRow[]) =>
  ofType(rows, 'session.issued', 'session.used', 'session.refused');

/** Actions of people, without the uses of keys and without the service's own notes. */
export const actionsIn = (rows: readonly TrailRow[]): TrailRow[] =>
  rows.filter(({ type, actor }) => !type.startsWith('session.') && !actor.startsWith('system:'));

/** CloudTrail's Decrypt calls for keys of the tenant. */
export const decryptsOf = (stack: TestStack, { workspaceId }: Pick<Tenant, 'workspaceId'>) =>
  stack.kms.calls.filter(
    ({ operation, encryptionContext }) =>
      operation === 'Decrypt' && encryptionContext?.['spelo:workspace_id'] === workspaceId,
  );

const sorted = (texts: readonly unknown[]): string[] => texts.map(String).sort();

/** Intents, outcomes and Decrypt calls are as many and belong together one to one, each about the same key version. */
export const expectJoined = (stack: TestStack, tenant: Tenant, rows: readonly TrailRow[]): void => {
  const intents = intentsIn(rows);
  const outcomes = outcomesIn(rows);
  const decrypts = decryptsOf(stack, tenant);
  expect(sorted(outcomes.map(({ session_id }) => session_id))).toEqual(
    sorted(intents.map(({ session_id }) => session_id)),
  );
  expect(new Set(intents.map(({ session_id }) => session_id)).size).toBe(intents.length);
  expect(sorted(outcomes.map(({ facts }) => facts['kms_request_id']))).toEqual(
    sorted(decrypts.map(({ requestId }) => requestId)),
  );
  expect(new Set(decrypts.map(({ requestId }) => requestId)).size).toBe(decrypts.length);
  for (const { session_id, sequence, facts } of outcomes) {
    const intent = intents.find((row) => row.session_id === session_id);
    const decrypt = decrypts.find(({ requestId }) => requestId === facts['kms_request_id']);
    expect(intent?.sequence).toBeLessThan(sequence);
    expect(intent?.facts).toMatchObject({
      key_scope: facts['key_scope'],
      key_version: facts['key_version'],
      kind: facts['kind'],
    });
    expect(decrypt?.encryptionContext).toMatchObject({
      'spelo:scope': facts['key_scope'],
      'spelo:key_version': String(facts['key_version']),
    });
  }
};

/** The verdict on the chain as it lies in a table, also of a workspace that is gone. */
export const verdictIn = async (
  stack: TestStack,
  auditTable: string,
  { workspaceId, owner }: Tenant,
): Promise<ChainVerification> => {
  const environment = parseEnvironment(ENVIRONMENTS.audit, stack.variables);
  const dynamoDb = dynamoDbClient(environment);
  const tenancy = dynamoDbMembership(dynamoDb, environment.TENANCY_TABLE);
  return verifyAuditTrail({
    // Lets every reader in, also when the workspace is gone.
    tenancy: {
      ...tenancy,
      readMembership: async (id, sub) => {
        const { workspace, member } = await tenancy.readMembership(id, sub);
        return { workspace: workspace && { ...workspace, deletedAt: null }, member };
      },
    },
    audit: dynamoDbAudit(dynamoDb, auditTable),
    chainKeys: kmsChainKeys(kmsDerivationKeys(kmsClient(environment), environment.AUDIT_KEY_ARN)),
    clock: () => new Date(),
  })({ sub: owner, sourceIp: '127.0.0.1' }, workspaceId as WorkspaceId, { limit: 20_000, after: undefined });
};

/** A customer with a key at its site, and everything that was written so far on the trail. */
export const siteWithKey = async (on: TestStack): Promise<Tenant> => {
  const tenant = await makeTenant(on, { openai_tier: 5 });
  expectSuccess(await putSiteKey(on, tenant, fakeKey()));
  return tenant;
};
