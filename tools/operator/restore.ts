import { parseArchivedRows } from '../../lambdas/adapters/aws/audit/archived-rows.ts';
import { dynamoDbOutbox } from '../../lambdas/adapters/aws/audit/event-outbox.ts';
import { dynamoDbClient, kmsClient, plainDynamoDbClient } from '../../lambdas/adapters/aws/clients.ts';
import { dynamoDbTableCopy } from '../../lambdas/adapters/aws/dynamodb-table-copy.ts';
import { dynamoDbKeyScan } from '../../lambdas/adapters/aws/keys/dynamodb-key-scan.ts';
import { dynamoDbKeys } from '../../lambdas/adapters/aws/keys/dynamodb-keys.ts';
import { dynamoDbMarkWriter } from '../../lambdas/adapters/aws/keys/dynamodb-mark-writer.ts';
import { keyMarks } from '../../lambdas/adapters/aws/keys/key-marks.ts';
import { kmsDerivationKeys } from '../../lambdas/adapters/aws/kms-derivation-keys.ts';
import { ENVIRONMENTS } from '../../lambdas/contract/environment.ts';
import { RESTORABLE_TABLES } from '../../lib/item-uses.ts';
import { printable, runCommand } from '../command.ts';
import { readAll } from './files.ts';
import { operatorOf } from './identity.ts';
import { MARK_MEANINGS } from './marks/mark-from-trail.ts';
import { commandVariables, failureText, operatorAuditEvents } from './operator.ts';
import { openProgress, type Progress, type RestorableTable } from './restore/progress.ts';
import { type Restored, restoreTables } from './restore/restore-tables.ts';

const USAGE = `npm run restore -- --from PREFIX --audit FILE_OR_DIR [--apply] [--overwrite] [--local]

Copies items that the live tables have lost back into them, from tables that were restored from a backup. Keys that were deleted,
replaced or suspended since the backup are shredded or suspended in the restored table first; removed members,
archived sites and deleted workspaces are not brought back. Keys in the state that the trail gives get their marks. At the end
the audit table is compared with the archive.
Without --apply the command lists what it would do. Steps: docs/deploy.md, "Backup and restore".

  --from PREFIX     prefix of the restored tables: PREFIX-audit, PREFIX-tenancy, PREFIX-keys, PREFIX-sessions, PREFIX-usage
  --audit PATH      objects of the audit archive (.ndjson, .ndjson.gz), or a folder of them; repeatable. Verify them
                    first: npm run verify-archive
  --apply           write the changes
  --overwrite       also replace items that differ from the backup; never audit rows. Stop the functions first, or
                    their newest writes are lost
  --accept-gaps     continue even if the trail has gaps. Deletions in a gap are undone
  --progress FILE   progress of the command, default restore-progress.json. After a crash, run the same command again to
                    continue after the last page. The file is deleted at the end
  --local           the running \`npm start\` instead of a deployment
  --help            this text

For a deployment, set TENANCY_TABLE, KEYS_TABLE, SESSIONS_TABLE, USAGE_TABLE, AUDIT_TABLE and MARKS_KEY_ARN (outputs of the data
stack) and use the AWS credentials of the role RestoreOperator.

Exit status: 0 the tables hold everything in the backup, and the audit table equals the archive; 1 a listed item differs;
2 the command stopped, and nothing after that was written.
`;

const environment = ENVIRONMENTS.audit
  .pick({
    AWS_REGION: true,
    TENANCY_TABLE: true,
    KEYS_TABLE: true,
    SESSIONS_TABLE: true,
    AUDIT_TABLE: true,
    AWS_ENDPOINT_URL_DYNAMODB: true,
  })
  .extend(
    ENVIRONMENTS.token.pick({ USAGE_TABLE: true, MARKS_KEY_ARN: true, AWS_ENDPOINT_URL_KMS: true }).shape,
  );

const say = (line: string): void => {
  process.stdout.write(`${printable(line)}\n`);
};

const countsLine = (table: RestorableTable, progress: Progress): string => {
  const { missing, same, different, withheld } = progress.of(table).counts;
  return `${table}: ${missing} missing, ${same} the same, ${different} different, ${withheld} withheld`;
};

const report = (
  { remedies, marks, comparison }: Restored,
  progress: Progress,
  overwrite: boolean,
): number => {
  for (const { place, remedy, version } of remedies)
    say(`${place}${version === undefined ? '' : ` version ${version}`}: ${remedy} before it was copied`);
  for (const table of RESTORABLE_TABLES) say(countsLine(table, progress));
  for (const { place, outcome } of marks)
    if (outcome !== 'marked') say(`${place}: ${MARK_MEANINGS[outcome]}`);
  const { equal, altered, missing } = comparison;
  for (const row of altered) say(`${row}: differs between the audit table and the archive`);
  for (const row of missing) say(`${row}: is in the archive but not in the audit table`);
  say(`${equal} rows of the trail equal the archive, ${altered.length} altered, ${missing.length} missing`);
  const left = RESTORABLE_TABLES.some(
    (table) => progress.of(table).counts.different > 0 && (!overwrite || table === 'audit'),
  );
  const unreadable = remedies.some(({ remedy }) => remedy === 'unreadable');
  const unmarked = marks.some(({ outcome }) => outcome !== 'marked' && outcome !== 'mark');
  return left || unreadable || unmarked || altered.length + missing.length > 0 ? 1 : 0;
};

await runCommand({
  usage: USAGE,
  options: {
    from: { type: 'string' },
    audit: { type: 'string', multiple: true, default: [] },
    apply: { type: 'boolean', default: false },
    overwrite: { type: 'boolean', default: false },
    'accept-gaps': { type: 'boolean', default: false },
    progress: { type: 'string', default: 'restore-progress.json' },
    local: { type: 'boolean', default: false },
  },
  run: async (values) => {
    const { from, apply, overwrite } = values;
    if (from === undefined)
      throw new Error('Give the prefix of the restored tables: --from PREFIX (see --help).');
    const settings = commandVariables(environment, values.local);
    const operator = await operatorOf(settings);
    const live: Readonly<Record<RestorableTable, string>> = {
      audit: settings.AUDIT_TABLE,
      tenancy: settings.TENANCY_TABLE,
      keys: settings.KEYS_TABLE,
      sessions: settings.SESSIONS_TABLE,
      usage: settings.USAGE_TABLE,
    };
    const tables = {
      audit: { from: `${from}-audit`, to: live.audit },
      tenancy: { from: `${from}-tenancy`, to: live.tenancy },
      keys: { from: `${from}-keys`, to: live.keys },
      sessions: { from: `${from}-sessions`, to: live.sessions },
      usage: { from: `${from}-usage`, to: live.usage },
    };
    const rows = readAll(values.audit, ['.ndjson', '.ndjson.gz'], parseArchivedRows);
    const progress = openProgress(
      apply ? values.progress : undefined,
      `${from} to ${Object.values(live).join(', ')}${overwrite ? ', overwriting' : ''}`,
    );
    const dynamoDb = dynamoDbClient(settings);
    const restored = { keys: tables.keys.from, tenancy: live.tenancy };
    const clock = () => new Date();
    const result = await restoreTables({
      copy: dynamoDbTableCopy(plainDynamoDbClient(settings)),
      tombstones: {
        // No function reads the restored table, so its keys get their marks in the live table.
        scan: dynamoDbKeyScan(dynamoDb, restored, undefined),
        keys: dynamoDbKeys(dynamoDb, { ...restored, writer: 'restore' }, undefined),
        auditEvents: operatorAuditEvents,
        clock,
      },
      marks: dynamoDbMarkWriter(
        dynamoDb,
        { keys: live.keys, tenancy: live.tenancy, writer: 'restore' },
        keyMarks(kmsDerivationKeys(kmsClient(settings), settings.MARKS_KEY_ARN)),
      ),
      outbox: dynamoDbOutbox(dynamoDb, live.tenancy, 'restore'),
      clock,
    })(operator, {
      tables,
      rows,
      acceptGaps: values['accept-gaps'],
      apply,
      overwrite,
      progress,
      onGap: (workspaceId) => say(`workspace ${workspaceId}: its trail has gaps`),
      onPage: (table) => process.stderr.write(`${countsLine(table, progress)}\n`),
      onDifferent: (table, place) => say(`${table} ${place}: differs in the live table`),
    });
    const code = report(result, progress, overwrite);
    progress.forget();
    return code;
  },
  describe: (error) => failureText(error, 'The command stopped. Run it again to continue.'),
  failureStatus: 2,
});
