import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { afterAll, expect, test } from '@jest/globals';
import { switchPlatformKey } from '../../../lambdas/use-cases/keys/switch-platform-key.ts';
import { SUSPENDED } from '../../../tools/operator/platform-key-environment.ts';
import { platformKeyPorts, putPlatformKey } from '../../support/platform-key.ts';
import { ROOT } from '../../support/source-files.ts';
import { startTestStack } from '../../support/stack.ts';
import { fakeKey } from '../../support/tenant.ts';

const stack = await startTestStack({ audited: false });
afterAll(() => stack.close());

/** The program itself, in front of the local stack. */
const command = async (args: readonly string[], input = '') => {
  const running = promisify(execFile)(process.execPath, ['tools/operator/platform-key.ts', ...args], {
    cwd: ROOT,
    env: {
      PATH: process.env['PATH'],
      AWS_ACCESS_KEY_ID: 'local',
      AWS_SECRET_ACCESS_KEY: 'local',
      ...stack.variables,
    },
  });
  running.child.stdin?.end(input);
  return running.then(
    ({ stdout }) => ({ status: 0, text: stdout }),
    (error: unknown) => ({
      status: Object(error).code,
      text: `${Object(error).stdout}${Object(error).stderr}`,
    }),
  );
};

test('npm run platform-key shows the state of the key, and a key that replaces a suspended one stays suspended', async () => {
  expect(await command(['--state'])).toEqual({ status: 0, text: 'No key is stored.\n' });
  await putPlatformKey(stack, fakeKey());
  expect(await command(['--state'])).toEqual({ status: 0, text: 'The key is active.\n' });

  const { ports, close } = platformKeyPorts(stack);
  await switchPlatformKey({ ...ports, settled: async () => undefined })(
    { sub: 'operator', sourceIp: '' },
    'suspended',
  );
  close();
  expect(await command(['--state'])).toEqual({ status: SUSPENDED, text: 'The key is suspended.\n' });

  const stored = await command([], fakeKey());
  expect(stored.status).toBe(0);
  expect(stored.text).toContain(
    'is still suspended. To end the suspension: npm run platform-key -- --resume',
  );
  expect(await command(['--state'])).toMatchObject({ status: SUSPENDED });
});
