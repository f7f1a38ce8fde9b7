import { runCommand, UsageError } from '../command.ts';
import { programs } from './deploy/cdk.ts';
import { awsClients } from './deploy/clients.ts';
import { configOf } from './deploy/prepare.ts';
import { remove } from './deploy/remove.ts';
import { POLL_MS } from './deploy/stacks.ts';
import { DeployStop } from './deploy/stop.ts';
import { refuseSwallowedOptions } from './deploy/swallowed-options.ts';
import { processTerminal } from './deploy/terminal.ts';

const USAGE = `npm run remove -- --stage STAGE [--data] [--plan]

Removes a stage of cdk.json: shows what it will delete, asks for the name of the stage, deletes, and lists what stays with its
cost. Tables, keys, buckets, logs, the trail and the user pool always stay; docs/deploy.md explains how to delete them.

  --stage   a stage of cdk.json, such as dev
  --data    also the stacks that hold data. They must not be protected
  --plan    show what would be deleted and kept, with its cost, and change nothing
  --yes     do not ask
  --help    this text

Exit status: 0 removed; 1 stopped: the last lines show what to do; 2 wrong arguments or settings.
`;

await runCommand({
  usage: USAGE,
  options: {
    stage: { type: 'string' },
    data: { type: 'boolean', default: false },
    yes: { type: 'boolean', default: false },
    plan: { type: 'boolean', default: false },
  },
  allowPositionals: true,
  run: async ({ stage, data, yes, plan }, positionals) => {
    refuseSwallowedOptions('remove', stage, positionals);
    if (stage === undefined) throw new UsageError('Give --stage, for example --stage dev.');
    const terminal = processTerminal();
    const config = configOf(stage, new URL('../../cdk.json', import.meta.url));
    try {
      return await remove(
        { aws: awsClients(), programs: programs(), terminal, pollMs: POLL_MS },
        { stage, config, data, yes, plan },
      );
    } catch (error) {
      if (!(error instanceof DeployStop)) throw error;
      terminal.say(`\n${error.message}\nNext: ${error.next}`);
      return 1;
    }
  },
  failureStatus: 2,
});
