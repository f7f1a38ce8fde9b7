import { dynamoDbClient } from '../../lambdas/adapters/aws/clients.ts';
import { dynamoDbUsageLedgerAudit } from '../../lambdas/adapters/aws/usage/dynamodb-usage-ledger-audit.ts';
import { workspaceIdSchema } from '../../lambdas/contract/common.ts';
import { ENVIRONMENTS } from '../../lambdas/contract/environment.ts';
import type { WorkspaceId } from '../../lambdas/domain/identifiers.ts';
import { type Drift, type RebuildCounts, rebuildUsage } from '../../lambdas/use-cases/usage/rebuild-usage.ts';
import { runCommand } from '../command.ts';
import { operatorOf } from './identity.ts';
import { commandVariables, failureText, operatorAuditEvents } from './operator.ts';

const USAGE = `npm run rebuild-usage -- [--workspace ID] [--repair] [--local]

Adds up the usage of all sessions again and compares it with the totals of each day and billing period. Lists every total
that differs, with the expected and the stored value. Sessions can keep reporting while it runs; no report is lost
(docs/usage.md explains why). Days whose session records have expired or can have expired (after 400
days, or sooner where a workspace sets a shorter retention) are not compared.

  --workspace ID  only this workspace
  --repair        correct the totals that differ; each correction is an audit event, usage.corrected
  --local         the running \`npm start\` instead of a deployment
  --help          this text

For a deployment, set TENANCY_TABLE and USAGE_TABLE (outputs of the data stack) and use the AWS credentials of the role
RebuildUsageOperator.

Exit status: 0 every total is correct; 1 a listed total was wrong or kept changing; 2 the command did not finish.
`;

const environment = ENVIRONMENTS.usage.pick({
  AWS_REGION: true,
  TENANCY_TABLE: true,
  USAGE_TABLE: true,
  AWS_ENDPOINT_URL_DYNAMODB: true,
});

const driftLine = ({ workspaceId, place, counts, repaired }: Drift): string => {
  const differences = counts.map(
    ({ name, expected, found }) => `${name} expected ${expected}, found ${found}`,
  );
  return `${workspaceId} ${place}: ${differences.join('; ')}${repaired ? ' (repaired)' : ''}`;
};

const summaryLine = ({ workspaces, totals, drifted, repaired, unstable }: RebuildCounts): string =>
  `${workspaces} workspaces, ${totals} totals compared, ${drifted} drifted, ${repaired} repaired, ${unstable} kept changing`;

await runCommand({
  usage: USAGE,
  options: {
    workspace: { type: 'string' },
    repair: { type: 'boolean', default: false },
    local: { type: 'boolean', default: false },
  },
  run: async (values) => {
    const { workspace, repair } = values;
    if (workspace !== undefined && !workspaceIdSchema.safeParse(workspace).success)
      throw new Error(`${workspace} is not a workspace ID.`);
    const settings = commandVariables(environment, values.local);
    const operator = await operatorOf(settings);
    const counts = await rebuildUsage({
      clock: () => new Date(),
      auditEvents: operatorAuditEvents,
      ledger: dynamoDbUsageLedgerAudit(dynamoDbClient(settings), {
        usage: settings.USAGE_TABLE,
        tenancy: settings.TENANCY_TABLE,
      }),
    })(operator, {
      only: workspace as WorkspaceId | undefined,
      repair,
      onDrift: (drift) => process.stdout.write(`${driftLine(drift)}\n`),
      onUnstable: (id, place) =>
        process.stdout.write(
          `${id} ${place}: not compared, because it kept changing. Run the command again when there is less traffic.\n`,
        ),
    });
    process.stdout.write(`${summaryLine(counts)}\n`);
    return counts.drifted + counts.unstable === 0 ? 0 : 1;
  },
  describe: (error) => failureText(error, 'The command stopped. Run it again.'),
  failureStatus: 2,
});
