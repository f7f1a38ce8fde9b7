import { parseArchivedRows } from '../../lambdas/adapters/aws/audit/archived-rows.ts';
import { dynamoDbClient } from '../../lambdas/adapters/aws/clients.ts';
import { dynamoDbKeyScan } from '../../lambdas/adapters/aws/keys/dynamodb-key-scan.ts';
import { dynamoDbKeys } from '../../lambdas/adapters/aws/keys/dynamodb-keys.ts';
import { ENVIRONMENTS } from '../../lambdas/contract/environment.ts';
import { printable, runCommand } from '../command.ts';
import { readKeyTrail } from './deletions/key-trail.ts';
import { type Remedy, replayTombstones } from './deletions/replay.ts';
import { readAll } from './files.ts';
import { operatorOf } from './identity.ts';
import { commandVariables, operatorAuditEvents } from './operator.ts';

const USAGE = `npm run reapply-deletions -- --audit FILE_OR_DIR [--apply] [--local]

Run this command after the keys table was restored from a backup and before anything mints from it. Finds keys that were deleted,
replaced or suspended since the backup, according to the audit trail. With --apply it shreds or suspends them again;
without, it lists what it would do. Steps: docs/key-lifecycle.md.

  --audit PATH  objects of the audit archive (.ndjson, .ndjson.gz), or a folder of them, complete from the first
                row; repeatable. Their content is trusted: verify the chain first (docs/audit.md)
  --apply       write the changes
  --local       the running \`npm start\` instead of a deployment
  --help        this text

It writes no marks: a key that it changes in the table that functions read is refused until \`npm run mark-keys\` has run.

For a deployment, set KEYS_TABLE (the restored table) and TENANCY_TABLE.

Exit status: 0 nothing to shred or suspend; 1 there is (with --apply: was), or the trail has gaps; 2 something could not
be read.
`;

const environment = ENVIRONMENTS.keys.pick({
  AWS_REGION: true,
  TENANCY_TABLE: true,
  KEYS_TABLE: true,
  AWS_ENDPOINT_URL_DYNAMODB: true,
});

const MEANINGS: Readonly<Record<Remedy['remedy'], string>> = {
  shred: 'was deleted: shred',
  shred_retained: 'retained, was deleted: shred',
  suspend: 'was replaced or suspended: suspend',
  count_on: 'is not there or older than the trail: count on from',
  unreadable: 'cannot be read; left unchanged',
};

await runCommand({
  usage: USAGE,
  options: {
    audit: { type: 'string', multiple: true, default: [] },
    apply: { type: 'boolean', default: false },
    local: { type: 'boolean', default: false },
  },
  run: async (values) => {
    const settings = commandVariables(environment, values.local);
    const operator = await operatorOf(settings);
    const trail = readKeyTrail(readAll(values.audit, ['.ndjson', '.ndjson.gz'], parseArchivedRows));
    const dynamoDb = dynamoDbClient(settings);
    const tables = { keys: settings.KEYS_TABLE, tenancy: settings.TENANCY_TABLE };
    const remedies = await replayTombstones({
      scan: dynamoDbKeyScan(dynamoDb, tables, undefined),
      keys: dynamoDbKeys(dynamoDb, { ...tables, writer: 'restore' }, undefined),
      auditEvents: operatorAuditEvents,
      clock: () => new Date(),
    })(operator, trail, values.apply);
    const lines = [
      ...remedies.map(
        ({ place, remedy, version }) =>
          `${place}${version === undefined ? '' : ` version ${version}`}: ${MEANINGS[remedy]}`,
      ),
      ...trail.incomplete.map((workspaceId) => `workspace ${workspaceId}: its trail has gaps`),
      `${trail.histories.size} keys on the trail, ${remedies.length} to correct${values.apply ? ', done' : ''}`,
    ];
    process.stdout.write(`${lines.map(printable).join('\n')}\n`);
    return remedies.length + trail.incomplete.length === 0 ? 0 : 1;
  },
  failureStatus: 2,
});
