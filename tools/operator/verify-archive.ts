import { parseArchivedRows } from '../../lambdas/adapters/aws/audit/archived-rows.ts';
import { kmsChainKeys } from '../../lambdas/adapters/aws/audit/kms-chain-keys.ts';
import { kmsClient } from '../../lambdas/adapters/aws/clients.ts';
import { kmsDerivationKeys } from '../../lambdas/adapters/aws/kms-derivation-keys.ts';
import { ENVIRONMENTS } from '../../lambdas/contract/environment.ts';
import { verifyArchivedRows } from '../../lambdas/use-cases/audit/verify-archived-rows.ts';
import { printable, runCommand } from '../command.ts';
import { readAll } from './files.ts';
import { commandVariables } from './operator.ts';

const USAGE = `npm run verify-archive -- --audit FILE_OR_DIR [--local]

Recomputes the audit chain of every workspace from the archive alone. For each workspace it names the first row that was
changed: altered, missing, or present twice with different content.

  --audit PATH  objects of the audit archive (.ndjson, .ndjson.gz), or a folder of them, complete from the first
                row; repeatable
  --local       use the keys of the running \`npm start\` instead of a deployment's
  --help        this text

For a deployment, set AUDIT_KEY_ARN and use AWS credentials that allow GenerateMac with it.

Exit status: 0 every chain is whole; 1 one is not; 2 something could not be read.
`;

const environment = ENVIRONMENTS.audit.pick({
  AWS_REGION: true,
  AUDIT_KEY_ARN: true,
  AWS_ENDPOINT_URL_KMS: true,
});

await runCommand({
  usage: USAGE,
  options: {
    audit: { type: 'string', multiple: true, default: [] },
    local: { type: 'boolean', default: false },
  },
  run: async (values) => {
    const settings = commandVariables(environment, values.local);
    const rows = readAll(values.audit, ['.ndjson', '.ndjson.gz'], parseArchivedRows);
    const verdicts = await verifyArchivedRows(
      rows,
      kmsChainKeys(kmsDerivationKeys(kmsClient(settings), settings.AUDIT_KEY_ARN)),
    );
    for (const [workspaceId, { rows: sound, broken }] of verdicts)
      process.stdout.write(
        `${printable(workspaceId)}: ${broken === undefined ? `${sound} rows, whole` : `row ${broken.sequence} is ${broken.fault}`}\n`,
      );
    return [...verdicts.values()].every(({ intact }) => intact) ? 0 : 1;
  },
  failureStatus: 2,
});
