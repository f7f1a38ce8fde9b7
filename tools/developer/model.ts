import { spawnSync } from 'node:child_process';
import { parseArgs } from 'node:util';

const USAGE = `npm run model -- --minutes N

Plays random histories of the whole system against its model (test/model/system.test.ts) for so many minutes, or until one
goes wrong. It is then made as short as it gets and printed, with what plays it again:
MODEL_SEED=… MODEL_PATH=… MODEL_REPLAY=… npm test -- test/model/system.test.ts
`;

const { values } = parseArgs({
  options: { minutes: { type: 'string', default: '10' }, help: { type: 'boolean', default: false } },
});
if (values.help || !(Number(values.minutes) > 0)) {
  process.stdout.write(USAGE);
  process.exitCode = values.help ? 0 : 2;
} else {
  const { status } = spawnSync('npm', ['test', '--', 'test/model/system.test.ts'], {
    stdio: 'inherit',
    env: { ...process.env, MODEL_MINUTES: values.minutes },
  });
  process.exitCode = status ?? 1;
}
