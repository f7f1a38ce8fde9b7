import { z } from 'zod';
import { runCommand, UsageError } from '../command.ts';
import { programs } from './deploy/cdk.ts';
import { awsClients } from './deploy/clients.ts';
import { isPageOrigin } from './deploy/first-site.ts';
import { configOf } from './deploy/prepare.ts';
import { deploy } from './deploy/run.ts';
import { POLL_MS } from './deploy/stacks.ts';
import { DeployStop } from './deploy/stop.ts';
import { refuseSwallowedOptions } from './deploy/swallowed-options.ts';
import { processTerminal } from './deploy/terminal.ts';

const USAGE = `npm run deploy -- --stage STAGE [--plan]

Deploys a stage of cdk.json. It checks settings, account, region and quotas, shows what it will create, asks you to confirm,
deploys, invites the first owner, stores an OpenAI key if you want one now, and runs the smoke test. You can run it
again at any time: it finds out from AWS which steps are done.

  --stage      a stage of cdk.json, such as dev
  --plan       show checks and steps, and change nothing. Needs AWS credentials that may read. The output has no secret
  --yes        do not ask for confirmation
  --owner      email address of the first owner, for a stage with a Cognito pool
  --key        own: the first workspace has its own OpenAI key; platform: yours, for managed workspaces; none: no key now
  --tier       usage tier of the OpenAI account, 1 to 5. It sets how many sessions may run at once
  --origin     origin of the page that shows the widget, such as https://shop.example
  --workspace  name of the first workspace. Default: First workspace
  --help       this text

The OpenAI key is asked for, or read from standard input; it is never an argument.

Environment:
  AWS_REGION, AWS_PROFILE, …  as the AWS SDK reads them. The stage's region has priority
  TOKEN                       an access token of the owner, for a stage that signs in at your own issuer

Exit status: 0 the smoke test passed, or the plan has no obstacle; 1 stopped: the last lines show what to do; 2 wrong
arguments or settings; 3 deployed, but a person must sign in.
`;

const options = z.object({
  stage: z.string('Give --stage, for example --stage dev.'),
  owner: z.email('--owner must be an email address.').optional(),
  key: z.enum(['own', 'platform', 'none'], '--key must be own, platform or none.').optional(),
  tier: z
    .string()
    .regex(/^[1-5]$/, '--tier must be a number from 1 to 5.')
    .transform(Number)
    .optional(),
  origin: z
    .string()
    .refine(isPageOrigin, '--origin must be an origin, for example https://shop.example.com.')
    .optional(),
});

await runCommand({
  usage: USAGE,
  options: {
    stage: { type: 'string' },
    plan: { type: 'boolean', default: false },
    yes: { type: 'boolean', default: false },
    owner: { type: 'string' },
    key: { type: 'string' },
    tier: { type: 'string' },
    origin: { type: 'string' },
    workspace: { type: 'string', default: 'First workspace' },
  },
  allowPositionals: true,
  run: async (values, positionals) => {
    refuseSwallowedOptions('deploy', values.stage, positionals);
    const parsed = options.safeParse(values);
    if (!parsed.success) throw new UsageError(parsed.error.issues.map(({ message }) => message).join('\n'));
    const { stage, owner, key, tier, origin } = parsed.data;
    const token = process.env['TOKEN'];
    const terminal = processTerminal();
    const config = configOf(stage, new URL('../../cdk.json', import.meta.url));
    try {
      return await deploy(
        { aws: awsClients(), programs: programs(), terminal, pollMs: POLL_MS },
        {
          stage,
          config,
          plan: values.plan,
          yes: values.yes,
          owner,
          key,
          tier,
          origin,
          workspace: values.workspace,
          token: token === '' ? undefined : token,
        },
      );
    } catch (error) {
      if (!(error instanceof DeployStop)) throw error;
      terminal.say(`\n${error.message}\nNext: ${error.next}`);
      return 1;
    }
  },
  failureStatus: 2,
});
