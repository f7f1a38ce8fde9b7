import { spawnSync } from 'node:child_process';
import { runCommand, UsageError } from '../command.ts';

const USAGE = `npm run model -- --minutes N

Plays random histories of the whole system against its model (test/model/system.test.ts) for this many minutes, or until one
goes wrong. It is then made as short as it gets and printed, with what plays it again:
MODEL_SEED=… MODEL_PATH=… MODEL_REPLAY=… npm test -- test/model/system.test.ts
`;

await runCommand({
  usage: USAGE,
  options: { minutes: { type: 'string', default: '10' } },
  run: ({ minutes }) => {
    if (!(Number(minutes) > 0)) throw new UsageError('--minutes must be above 0.');
    const { status } = spawnSync('npm', ['test', '--', 'test/model/system.test.ts'], {
      stdio: 'inherit',
      env: { ...process.env, MODEL_MINUTES: minutes },
    });
    return status ?? 1;
  },
  failureStatus: 2,
});
