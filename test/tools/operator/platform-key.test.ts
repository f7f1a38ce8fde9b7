import { afterAll, expect, test } from '@jest/globals';
import { switchPlatformKey } from '../../../lambdas/use-cases/keys/switch-platform-key.ts';
import { SUSPENDED } from '../../../tools/operator/platform-key-environment.ts';
import { LOCAL_CREDENTIALS, runOperatorCommand } from '../../support/operator-command.ts';
import { platformKeyPorts, putPlatformKey } from '../../support/platform-key.ts';
import { startTestStack } from '../../support/stack.ts';
import { fakeKey } from '../../support/tenant.ts';

const stack = await startTestStack({ audited: false });
afterAll(() => stack.close());

/** The program itself, in front of the local stack. */
const command = async (args: readonly string[], input = '') => {
  const variables = { ...LOCAL_CREDENTIALS, ...stack.variables };
  const { code, stdout, stderr } = await runOperatorCommand('platform-key', args, variables, input);
  return { status: code, text: code === 0 ? stdout : `${stdout}${stderr}` };
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
