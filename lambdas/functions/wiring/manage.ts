import { dynamoDbClient, kmsClient } from '../../adapters/aws/clients.ts';
import { dynamoDbTenancy } from '../../adapters/aws/dynamodb-tenancy.ts';
import { kmsDeriver } from '../../adapters/aws/kms-deriver.ts';
import { kmsRoots } from '../../adapters/aws/kms-roots.ts';
import type { ManageEnvironment } from '../../contract/environment.ts';
import { TABLES } from '../../contract/tables.ts';
import { type HttpHandler, httpHandler } from '../../http/handler.ts';
import { manageEndpoints } from '../../http/manage-endpoints.ts';
import { changeSite } from '../../use-cases/change-site.ts';
import { changeWorkspace } from '../../use-cases/change-workspace.ts';
import { createSite } from '../../use-cases/create-site.ts';
import { createWorkspace } from '../../use-cases/create-workspace.ts';
import { journal } from '../../use-cases/journal.ts';
import { removeMember } from '../../use-cases/remove-member.ts';
import { saveMember } from '../../use-cases/save-member.ts';
import { httpPorts } from './http-ports.ts';
import type { World } from './world.ts';

/** Workspaces, members, sites. Of KMS only the root of keyed hashes, for the addresses in the audit trail. */
export const manageHandler = (environment: ManageEnvironment, world: World): HttpHandler => {
  const dynamoDb = dynamoDbClient(environment, world.meter);
  const ports = {
    clock: world.clock,
    random: world.random,
    plans: environment.PLANS,
    journal: journal({
      ...world,
      deriver: kmsDeriver(kmsRoots(kmsClient(environment, world.meter), environment.DERIVATION_KEY_ARN)),
    }),
    tenancy: dynamoDbTenancy(dynamoDb, {
      name: environment.TENANCY_TABLE,
      indexName: TABLES.tenancy.index.name,
    }),
  };
  return httpHandler(
    manageEndpoints({
      tenancy: ports.tenancy,
      createWorkspace: createWorkspace(ports),
      changeWorkspace: changeWorkspace(ports),
      saveMember: saveMember(ports),
      removeMember: removeMember(ports),
      createSite: createSite(ports),
      changeSite: changeSite(ports),
    }),
    httpPorts(environment, world),
  );
};
