import { dynamoDbStops } from '../../lambdas/adapters/aws/calls/dynamodb-stops.ts';
import { sqsHangUps } from '../../lambdas/adapters/aws/calls/sqs-hang-ups.ts';
import { dynamoDbClient, sqsClient } from '../../lambdas/adapters/aws/clients.ts';
import { workspaceIdSchema } from '../../lambdas/contract/common.ts';
import { ENVIRONMENTS } from '../../lambdas/contract/environment.ts';
import type { WorkspaceId } from '../../lambdas/domain/identifiers.ts';
import { stopService } from '../../lambdas/use-cases/calls/stop-service.ts';
import { runCommand } from '../command.ts';
import { isBreakGlass, operatorOf } from './identity.ts';
import { commandVariables, failureText, operatorAuditEvents } from './operator.ts';

const USAGE = `npm run stop -- --sessions|--calls|--resume [--workspace ID] [--local]

Stops voice for the stage, or for one workspace, starting with the next request. The stop is an audit event.

  --sessions  refuses new sessions (503 stopped); live sessions continue
  --calls     also ends the live calls; sessions opened with a client secret cannot be ended
  --resume    ends the stop
  --local     the running \`npm start\` instead of a deployment
  --help      this text

For a deployment, set TENANCY_TABLE, LIMITS_TABLE and HANGUP_QUEUE_URL (outputs of the data stack) and use the AWS credentials of
the role StopOperator or, in an emergency, BreakGlassOperator (docs/runbook.md).
`;

const environment = ENVIRONMENTS.manage
  .pick({ AWS_REGION: true, TENANCY_TABLE: true, LIMITS_TABLE: true, AWS_ENDPOINT_URL_DYNAMODB: true })
  .extend(ENVIRONMENTS.hangup.pick({ HANGUP_QUEUE_URL: true, AWS_ENDPOINT_URL_SQS: true }).shape);

await runCommand({
  usage: USAGE,
  options: {
    sessions: { type: 'boolean', default: false },
    calls: { type: 'boolean', default: false },
    resume: { type: 'boolean', default: false },
    workspace: { type: 'string' },
    local: { type: 'boolean', default: false },
  },
  run: async (values) => {
    const asked = (['sessions', 'calls', 'resume'] as const).filter((what) => values[what]);
    const [what] = asked;
    const { workspace } = values;
    if (what === undefined || asked.length > 1)
      throw new Error('Give exactly one of --sessions, --calls and --resume (see --help).');
    if (workspace !== undefined && !workspaceIdSchema.safeParse(workspace).success)
      throw new Error('--workspace must be a workspace ID: 12 lowercase letters and digits.');
    const settings = commandVariables(environment, values.local);
    const operator = await operatorOf(settings);
    const workspaces = await stopService({
      stops: dynamoDbStops(dynamoDbClient(settings), {
        tenancy: settings.TENANCY_TABLE,
        limits: settings.LIMITS_TABLE,
        writer: isBreakGlass(operator) ? 'break-glass' : 'stop',
      }),
      hangUps: sqsHangUps(sqsClient(settings), settings.HANGUP_QUEUE_URL),
      auditEvents: operatorAuditEvents,
    })(operator, what, workspace as WorkspaceId | undefined);
    const whose = workspace === undefined ? 'The stage' : `The workspace ${workspace}`;
    process.stdout.write(
      what === 'resume'
        ? `${whose} accepts new sessions again.\n`
        : `${whose} refuses new sessions. Workspaces whose calls are being ended: ${workspaces}.\n`,
    );
    return 0;
  },
  describe: (error) => failureText(error, 'Voice may not be stopped. Run the command again.'),
});
