import { text } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';
import { dynamoDbLiveWorkspaces } from '../../lambdas/adapters/aws/calls/dynamodb-live-workspaces.ts';
import { sqsHangUps } from '../../lambdas/adapters/aws/calls/sqs-hang-ups.ts';
import { dynamoDbClient, kmsClient, sqsClient } from '../../lambdas/adapters/aws/clients.ts';
import { dynamoDbKeys } from '../../lambdas/adapters/aws/keys/dynamodb-keys.ts';
import { keyMarks } from '../../lambdas/adapters/aws/keys/key-marks.ts';
import { kmsKeySealer } from '../../lambdas/adapters/aws/keys/kms-key-sealer.ts';
import { kmsDerivationKeys } from '../../lambdas/adapters/aws/kms-derivation-keys.ts';
import { openAiHttp } from '../../lambdas/adapters/openai/openai-http.ts';
import { openAiCalls, PROBE_CALL_TIMEOUTS } from '../../lambdas/adapters/openai/realtime-calls.ts';
import { jitteredBackOff, strongRandom } from '../../lambdas/composition/runtime.ts';
import { isLive, PLATFORM_ADDRESS } from '../../lambdas/domain/keys/stored-key.ts';
import { DATA_RESIDENCIES } from '../../lambdas/domain/openai-models.ts';
import { DEFAULT_VOICE_SETTINGS } from '../../lambdas/domain/tenancy/workspace.ts';
import { storePlatformKey } from '../../lambdas/use-cases/keys/store-platform-key.ts';
import { switchPlatformKey } from '../../lambdas/use-cases/keys/switch-platform-key.ts';
import { runCommand } from '../command.ts';
import { operatorOf } from './identity.ts';
import { commandVariables, failureText, operatorAuditEvents } from './operator.ts';
import { platformKeyEnvironment, SUSPENDED } from './platform-key-environment.ts';

const USAGE = `npm run platform-key < FILE            (or paste the key and end with Ctrl-D)

Stores the platform's own OpenAI key, which pays for workspaces in managed mode. The key is read from standard
input, so that it appears neither in the shell history nor in the environment of child processes.

The key is checked with --model and --data-residency (default: those of a new site). If OpenAI cannot be reached, an existing
key is replaced only with --confirm-unverified.

  --suspend   the kill switch: refuses managed sessions and ends the managed calls of every workspace; takes half a minute
  --resume    ends the suspension. Storing another key does not
  --state     shows whether a key is stored and active, and changes nothing

Exit status: 0 done; 1 refused or failed; 4 with --state, when the key is suspended.

With --local the key goes to the running \`npm start\`. For a deployment, set TENANCY_TABLE, KEYS_TABLE, LIMITS_TABLE,
HANGUP_QUEUE_URL, MASTER_KEY_ARN, FINGERPRINT_KEY_ARN and MARKS_KEY_ARN (outputs of the data stack) and use the AWS credentials of the role PlatformKeyOperator.
`;

/** Longer than the run time of a function that has already read the key, milliseconds. */
const SETTLED_AFTER_MS = 30_000;

await runCommand({
  usage: USAGE,
  options: {
    local: { type: 'boolean', default: false },
    model: { type: 'string', default: DEFAULT_VOICE_SETTINGS.model },
    'data-residency': { type: 'string', default: DEFAULT_VOICE_SETTINGS.dataResidency },
    'confirm-unverified': { type: 'boolean', default: false },
    suspend: { type: 'boolean', default: false },
    resume: { type: 'boolean', default: false },
    state: { type: 'boolean', default: false },
  },
  run: async (values) => {
    const dataResidency = DATA_RESIDENCIES.find((region) => region === values['data-residency']);
    if (dataResidency === undefined)
      throw new Error(`--data-residency must be one of ${DATA_RESIDENCIES.join(', ')}.`);
    const settings = commandVariables(platformKeyEnvironment, values.local);
    const operator = await operatorOf(settings);
    const dynamoDb = dynamoDbClient(settings);
    const keys = dynamoDbKeys(
      dynamoDb,
      { keys: settings.KEYS_TABLE, tenancy: settings.TENANCY_TABLE, writer: 'platform-key' },
      keyMarks(kmsDerivationKeys(kmsClient(settings), settings.MARKS_KEY_ARN)),
    );
    const ofCalls = {
      workspaces: dynamoDbLiveWorkspaces(dynamoDb, settings.LIMITS_TABLE),
      hangUps: sqsHangUps(sqsClient(settings), settings.HANGUP_QUEUE_URL),
    };
    if ([values.suspend, values.resume, values.state].filter(Boolean).length > 1)
      throw new Error('Give only one of --suspend, --resume and --state.');
    if (values.state) {
      const current = await keys.readKey(PLATFORM_ADDRESS);
      const state = isLive(current) ? current.state : undefined;
      process.stdout.write(state === undefined ? 'No key is stored.\n' : `The key is ${state}.\n`);
      return state === 'suspended' ? SUSPENDED : 0;
    }
    if (values.suspend || values.resume) {
      const workspaces = await switchPlatformKey({
        keys,
        ...ofCalls,
        auditEvents: operatorAuditEvents,
        clock: () => new Date(),
        backOff: jitteredBackOff,
        settled: () => sleep(SETTLED_AFTER_MS),
      })(operator, values.suspend ? 'suspended' : 'active');
      process.stdout.write(
        values.suspend
          ? `The key is suspended. Workspaces whose managed calls are being ended: ${workspaces}.\n`
          : 'The key is active again.\n',
      );
      return 0;
    }
    if (process.stdin.isTTY) process.stderr.write('Paste the OpenAI key, then press Enter and Ctrl-D.\n');
    const stored = await storePlatformKey({
      keys,
      ...ofCalls,
      auditEvents: operatorAuditEvents,
      retainSeconds: settings.KEY_RETENTION_HOURS * 3_600,
      sealer: kmsKeySealer(
        kmsClient(settings),
        { masterKeyArn: settings.MASTER_KEY_ARN, fingerprintKeyArn: settings.FINGERPRINT_KEY_ARN },
        strongRandom,
      ),
      openAi: openAiHttp(settings.OPENAI_BASE_URL),
      calls: openAiCalls(settings.OPENAI_BASE_URL, undefined, PROBE_CALL_TIMEOUTS),
      clock: () => new Date(),
    })(
      await text(process.stdin),
      operator,
      { ...DEFAULT_VOICE_SETTINGS, model: values.model, dataResidency },
      { confirmUnverified: values['confirm-unverified'] },
    );
    process.stdout.write(
      `Stored ${stored.sealed.masked} as version ${stored.sealed.version}. ${stored.verdict.message}\n`,
    );
    if (stored.state === 'suspended')
      process.stdout.write(
        'The platform key is still suspended. To end the suspension: npm run platform-key -- --resume\n',
      );
    return 0;
  },
  describe: (error) => failureText(error, 'Nothing was stored.'),
});
