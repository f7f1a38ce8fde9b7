import { BatchGetCommand, type DynamoDBDocumentClient } from '@aws-sdk/lib-dynamodb';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { dynamoDbClient, kmsClient } from '../../lambdas/adapters/aws/clients.ts';
import { keyMarks } from '../../lambdas/adapters/aws/keys/key-marks.ts';
import { kmsDerivationKeys } from '../../lambdas/adapters/aws/kms-derivation-keys.ts';
import { dynamoDbTokenContext } from '../../lambdas/adapters/aws/sessions/dynamodb-token-context.ts';
import { ENVIRONMENTS, parseEnvironment } from '../../lambdas/contract/environment.ts';
import { type SiteId, workspaceOfSite } from '../../lambdas/domain/identifiers.ts';
import { isLive } from '../../lambdas/domain/keys/stored-key.ts';
import { expectSuccess } from '../support/answers.ts';
import { type Item, type Tables, tablesAt } from '../support/key-tables.ts';
import { asOwner, makeKeyedTenant } from '../support/keyed-tenant.ts';
import { startTestStack, type TestStack } from '../support/stack.ts';
import { fakeKey, putWorkspaceKey, type Tenant } from '../support/tenant.ts';

/** Eventually consistent reads of keys that answer with what was there before. The local engine never does that by itself. */

let stack: TestStack;
let tables: Tables;
beforeAll(async () => {
  stack = await startTestStack({ audited: false });
  tables = tablesAt(stack.dynamoDb.endpoint);
});
afterAll(async () => {
  tables?.close();
  await stack?.close();
});

const keyPath = ({ workspaceId }: Tenant) => `/v1/workspaces/${workspaceId}/openai-key`;

/** The workspace's key as hop 1 reads it, where a read that may be old answers with `before`. */
const readWith = async ({ siteId, workspaceId }: Tenant, before: Item) => {
  const environment = parseEnvironment(ENVIRONMENTS.token, stack.variables);
  const real = dynamoDbClient(environment);
  let strong = 0;
  const lagging = {
    send: async (command: BatchGetCommand) => {
      const answer = await real.send(command);
      if (!(command instanceof BatchGetCommand)) return answer;
      const keys = command.input.RequestItems?.[environment.KEYS_TABLE];
      if (keys?.ConsistentRead === true) strong += 1;
      if (keys?.ConsistentRead !== false) return answer;
      return { ...answer, Responses: { ...answer.Responses, [environment.KEYS_TABLE]: [before] } };
    },
  } as unknown as DynamoDBDocumentClient;
  const marks = keyMarks(kmsDerivationKeys(kmsClient(environment), environment.MARKS_KEY_ARN));
  const contexts = dynamoDbTokenContext(
    lagging,
    {
      tenancy: environment.TENANCY_TABLE,
      keys: environment.KEYS_TABLE,
      limits: environment.LIMITS_TABLE,
      usage: environment.USAGE_TABLE,
    },
    marks,
  );
  const workspace = workspaceOfSite(siteId as SiteId);
  expect(workspace).toBe(workspaceId);
  if (workspace === undefined) throw new Error('The site has no workspace.');
  const { workspaceKey } = await contexts.readTokenContext(siteId as SiteId, workspace, new Date());
  return { key: workspaceKey, strong };
};

describe('A slightly outdated read of a key', () => {
  it('never makes a suspended key usable', async () => {
    const tenant = await makeKeyedTenant(stack);
    const before = await tables.keyItem('workspace', tenant.workspaceId);
    await asOwner(stack, tenant, 'POST', `${keyPath(tenant)}/suspend`);
    expect(await readWith(tenant, before)).toMatchObject({ key: { state: 'suspended' }, strong: 1 });
  });

  it('never brings back a deleted key', async () => {
    const tenant = await makeKeyedTenant(stack);
    const before = await tables.keyItem('workspace', tenant.workspaceId);
    expectSuccess(await stack.call('DELETE', keyPath(tenant), { as: tenant.owner }));
    const { key, strong } = await readWith(tenant, before);
    expect({ live: isLive(key), strong }).toEqual({ live: false, strong: 1 });
  });

  it('never opens the replaced version', async () => {
    const tenant = await makeKeyedTenant(stack);
    const before = await tables.keyItem('workspace', tenant.workspaceId);
    expectSuccess(await putWorkspaceKey(stack, tenant, fakeKey()));
    expect(await readWith(tenant, before)).toMatchObject({ key: { sealed: { version: 2 } }, strong: 1 });
  });

  it('needs no second read if nothing has changed', async () => {
    const tenant = await makeKeyedTenant(stack);
    const before = await tables.keyItem('workspace', tenant.workspaceId);
    expect(await readWith(tenant, before)).toMatchObject({ key: { state: 'active' }, strong: 0 });
  });
});
