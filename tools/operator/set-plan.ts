import { dynamoDbClient } from '../../lambdas/adapters/aws/clients.ts';
import { dynamoDbPlans } from '../../lambdas/adapters/aws/tenancy/dynamodb-plans.ts';
import { dynamoDbWorkspaces } from '../../lambdas/adapters/aws/tenancy/dynamodb-workspaces.ts';
import { workspaceIdSchema } from '../../lambdas/contract/common.ts';
import { ENVIRONMENTS } from '../../lambdas/contract/environment.ts';
import type { WorkspaceId } from '../../lambdas/domain/identifiers.ts';
import { changePlan } from '../../lambdas/use-cases/tenancy/change-plan.ts';
import { runCommand } from '../command.ts';
import { operatorOf } from './identity.ts';
import { commandVariables, failureText, operatorAuditEvents } from './operator.ts';

const USAGE = `npm run set-plan -- --workspace ID --plan NAME [--local]

Changes the plan of a workspace, starting with its next request. Used minutes of the billing period and existing sites
stay; a workspace above its new site cap keeps its sites and cannot add one. The change is an audit event,
workspace.plan_changed.

  --local  the running \`npm start\` instead of a deployment
  --help   this text

For a deployment, set TENANCY_TABLE (an output of the data stack) and use the AWS credentials of the role SetPlanOperator.
If the stage has its own plans, set PLANS to the value of the functions.
`;

const environment = ENVIRONMENTS.manage.pick({
  AWS_REGION: true,
  TENANCY_TABLE: true,
  PLANS: true,
  AWS_ENDPOINT_URL_DYNAMODB: true,
});

await runCommand({
  usage: USAGE,
  options: {
    workspace: { type: 'string' },
    plan: { type: 'string' },
    local: { type: 'boolean', default: false },
  },
  run: async (values) => {
    const { workspace, plan } = values;
    if (plan === undefined || !workspaceIdSchema.safeParse(workspace).success)
      throw new Error(
        'Give a workspace and a plan: npm run set-plan -- --workspace ID --plan NAME (see --help).',
      );
    const settings = commandVariables(environment, values.local);
    const operator = await operatorOf(settings);
    const dynamoDb = dynamoDbClient(settings);
    const changed = await changePlan({
      workspaces: dynamoDbWorkspaces(dynamoDb, settings.TENANCY_TABLE),
      planWriter: dynamoDbPlans(dynamoDb, settings.TENANCY_TABLE),
      auditEvents: operatorAuditEvents,
      plans: settings.PLANS,
    })(operator, workspace as WorkspaceId, plan);
    process.stdout.write(`The workspace ${changed.workspaceId} is on the plan ${changed.plan}.\n`);
    return 0;
  },
  describe: (error) => failureText(error, 'Nothing was changed.'),
});
