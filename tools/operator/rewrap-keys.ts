import { dynamoDbClient, kmsClient } from '../../lambdas/adapters/aws/clients.ts';
import { dynamoDbKeyScan } from '../../lambdas/adapters/aws/keys/dynamodb-key-scan.ts';
import { dynamoDbKeys } from '../../lambdas/adapters/aws/keys/dynamodb-keys.ts';
import { keyMarks } from '../../lambdas/adapters/aws/keys/key-marks.ts';
import { kmsRewrapper } from '../../lambdas/adapters/aws/keys/kms-rewrapper.ts';
import { kmsDerivationKeys } from '../../lambdas/adapters/aws/kms-derivation-keys.ts';
import { ENVIRONMENTS } from '../../lambdas/contract/environment.ts';
import { type RewrapCounts, rewrapKeys } from '../../lambdas/use-cases/keys/rewrap-keys.ts';
import { runCommand } from '../command.ts';
import { operatorOf } from './identity.ts';
import { commandVariables, failureText, operatorAuditEvents } from './operator.ts';

const USAGE = `npm run rewrap-keys -- [--to KEY_ARN] [--dry-run] [--local]

Re-wraps the data key of every stored OpenAI key under the master key KEY_ARN (default: MASTER_KEY_ARN), inside KMS. No
key is decrypted outside KMS and no ciphertext changes. You can stop the command and start it again, and the broker
keeps minting while it runs. When to use it, with all steps: docs/key-lifecycle.md.

  --dry-run  count the records that are not under KEY_ARN; calls no KMS and writes nothing
  --local    the running \`npm start\` instead of a deployment
  --help     this text

For a deployment, set KEYS_TABLE, TENANCY_TABLE, MASTER_KEY_ARN, RETIRED_MASTER_KEY_ARNS and MARKS_KEY_ARN to the values of
the token function, and use AWS credentials that allow ReEncryptFrom and ReEncryptTo on those keys.

Exit status: 0 every record is under KEY_ARN; 1 a listed record is not; 2 the command did not start.
`;

const environment = ENVIRONMENTS.token.pick({
  AWS_REGION: true,
  TENANCY_TABLE: true,
  KEYS_TABLE: true,
  MASTER_KEY_ARN: true,
  RETIRED_MASTER_KEY_ARNS: true,
  MARKS_KEY_ARN: true,
  AWS_ENDPOINT_URL_DYNAMODB: true,
  AWS_ENDPOINT_URL_KMS: true,
});

const countsLine = ({ done, skipped, conflicted, unreadable, failed }: RewrapCounts): string =>
  `${done} done, ${skipped} skipped, ${conflicted} conflicted, ${unreadable} unreadable, ${failed} failed`;

const verdictOf = (complete: boolean, dryRun: boolean): string => {
  if (complete) return 'Every record is under the target key.';
  return dryRun
    ? 'Nothing was written. `done` counts the records that a run would re-wrap.'
    : 'Not every record is under the target key. Run the command again. If a record above is listed again, see docs/key-lifecycle.md.';
};

await runCommand({
  usage: USAGE,
  options: {
    to: { type: 'string' },
    'dry-run': { type: 'boolean', default: false },
    local: { type: 'boolean', default: false },
  },
  run: async (values) => {
    const settings = commandVariables(environment, values.local);
    const operator = await operatorOf(settings);
    const masterKeyArns = [settings.MASTER_KEY_ARN, ...settings.RETIRED_MASTER_KEY_ARNS];
    const toKeyArn = values.to ?? settings.MASTER_KEY_ARN;
    if (!masterKeyArns.includes(toKeyArn))
      throw new Error(
        `The token function does not open keys under ${toKeyArn}: it is neither MASTER_KEY_ARN nor one of RETIRED_MASTER_KEY_ARNS. Deploy it there first, or every re-wrapped key stops working.`,
      );
    const dynamoDb = dynamoDbClient(settings);
    const tables = { keys: settings.KEYS_TABLE, tenancy: settings.TENANCY_TABLE };
    const kms = kmsClient(settings);
    const marks = keyMarks(kmsDerivationKeys(kms, settings.MARKS_KEY_ARN));
    const scan = dynamoDbKeyScan(dynamoDb, tables, marks);
    const dryRun = values['dry-run'];
    const { counts, complete } = await rewrapKeys({
      scan,
      writer: scan,
      keys: dynamoDbKeys(dynamoDb, { ...tables, writer: 'rewrap' }, marks),
      rewrapper: kmsRewrapper(kms, masterKeyArns),
      auditEvents: operatorAuditEvents,
    })(operator, {
      toKeyArn,
      dryRun,
      onProgress: (sofar) => process.stderr.write(`${countsLine(sofar)}\n`),
      onTrouble: (place, trouble, errorName) =>
        process.stderr.write(`${place}: ${trouble}${errorName === undefined ? '' : ` (${errorName})`}\n`),
    });
    process.stdout.write(`${countsLine(counts)}\n${verdictOf(complete, dryRun)}\n`);
    return complete ? 0 : 1;
  },
  describe: (error) => failureText(error, 'The command stopped. Run it again to continue.'),
  failureStatus: 2,
});
