import { parseArchivedRows } from '../../lambdas/adapters/aws/audit/archived-rows.ts';
import { dynamoDbClient, kmsClient } from '../../lambdas/adapters/aws/clients.ts';
import { dynamoDbMarkWriter } from '../../lambdas/adapters/aws/keys/dynamodb-mark-writer.ts';
import { keyMarks } from '../../lambdas/adapters/aws/keys/key-marks.ts';
import { kmsDerivationKeys } from '../../lambdas/adapters/aws/kms-derivation-keys.ts';
import { ENVIRONMENTS } from '../../lambdas/contract/environment.ts';
import { printable, runCommand } from '../command.ts';
import { readKeyTrail } from './deletions/key-trail.ts';
import { readAll } from './files.ts';
import { operatorOf } from './identity.ts';
import { MARK_MEANINGS, type MarkOutcome, markFromTrail } from './marks/mark-from-trail.ts';
import { commandVariables, failureText, operatorAuditEvents } from './operator.ts';

const USAGE = `npm run mark-keys -- --audit FILE_OR_DIR [--apply] [--local]

Compares every stored key with the archived audit trail and, with --apply, writes the mark of each key that is in the state
that the trail gives. Functions refuse a key that does not match its mark. Run it once when you upgrade from a version without
marks (docs/deploy.md), after a fail-over, and for keys that were refused and turned out to be sound.

  --audit PATH  objects of the audit archive (.ndjson, .ndjson.gz), or a folder of them, complete from the first row;
                repeatable. Verify them first: npm run verify-archive
  --apply       write the marks
  --local       the running \`npm start\` instead of a deployment
  --help        this text

For a deployment, set KEYS_TABLE, TENANCY_TABLE and MARKS_KEY_ARN (outputs of the data stack) and use the AWS credentials of the
role MarkKeysOperator.

Exit status: 0 every key has its mark (with --apply: now); 1 a listed key has none; 2 the command stopped.
`;

const environment = ENVIRONMENTS.keys.pick({
  AWS_REGION: true,
  TENANCY_TABLE: true,
  KEYS_TABLE: true,
  MARKS_KEY_ARN: true,
  AWS_ENDPOINT_URL_DYNAMODB: true,
  AWS_ENDPOINT_URL_KMS: true,
});

await runCommand({
  usage: USAGE,
  options: {
    audit: { type: 'string', multiple: true, default: [] },
    apply: { type: 'boolean', default: false },
    local: { type: 'boolean', default: false },
  },
  run: async ({ audit, apply, local }) => {
    const settings = commandVariables(environment, local);
    const operator = await operatorOf(settings);
    const trail = readKeyTrail(readAll(audit, ['.ndjson', '.ndjson.gz'], parseArchivedRows));
    const tables = { keys: settings.KEYS_TABLE, tenancy: settings.TENANCY_TABLE };
    const marks = keyMarks(kmsDerivationKeys(kmsClient(settings), settings.MARKS_KEY_ARN));
    const reports = await markFromTrail({
      marks: dynamoDbMarkWriter(dynamoDbClient(settings), { ...tables, writer: 'mark-keys' }, marks),
      auditEvents: operatorAuditEvents,
    })(operator, trail, apply);
    const count = (wanted: MarkOutcome): number => reports.filter(({ outcome }) => outcome === wanted).length;
    const lines = [
      ...reports.flatMap(({ place, outcome }) =>
        outcome === 'marked' ? [] : [`${place}: ${MARK_MEANINGS[outcome]}`],
      ),
      ...trail.incomplete.map((workspaceId) => `workspace ${workspaceId}: its trail has gaps`),
      `${reports.length} keys, ${count('marked')} marked before, ${count('mark')} to mark${apply ? ', done' : ''}`,
    ];
    process.stdout.write(`${lines.map(printable).join('\n')}\n`);
    const marked = count('marked') + (apply ? count('mark') : 0);
    return marked === reports.length ? 0 : 1;
  },
  describe: (error) => failureText(error, 'Stopped; run it again to continue.'),
  failureStatus: 2,
});
