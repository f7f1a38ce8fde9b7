import { readFileSync } from 'node:fs';
import { kmsChainKeys } from '../../lambdas/adapters/aws/audit/kms-chain-keys.ts';
import { kmsClient } from '../../lambdas/adapters/aws/clients.ts';
import { kmsDerivationKeys } from '../../lambdas/adapters/aws/kms-derivation-keys.ts';
import { ENVIRONMENTS } from '../../lambdas/contract/environment.ts';
import type { ChainHead } from '../../lambdas/domain/audit/audit-record.ts';
import { printable, runCommand, UsageError } from '../command.ts';
import { readAuditExport } from './exports/read-audit-export.ts';
import { type ExportVerdict, verifyAuditRows } from './exports/verify-audit-rows.ts';
import { commandVariables } from './operator.ts';

const USAGE = `npm run ops:verify-audit-export -- FILE [--head ROW:HASH] [--with-key [--local]] [--workspace ID]

Checks an audit trail that was exported as JSON or CSV, without a network. It names the first row that is missing,
repeated, out of order, or does not follow the row before it.

The hashes are keyed, so the file alone does not show whether the content of a row was changed while its hash was kept.
An operator can check that too, with --with-key.

  --head ROW:HASH  a row and its hash from another source: "Verify the chain" in the dashboard, or a checkpoint of the
                   daily reconciliation. Shows whether the file ends earlier, or has another row there
  --with-key       recompute every hash. Set AUDIT_KEY_ARN and use AWS credentials that allow GenerateMac with it, for
                   example those of VerifyArchiveOperator
  --local          with --with-key: use the keys of the running \`npm start\`
  --workspace ID   the workspace of a CSV file that does not begin with row 1
  --help           this text

Exit status: 0 no row is wrong; 1 a row is wrong; 2 the file cannot be read or checked.
`;

const FAULTS: Readonly<Record<NonNullable<ExportVerdict['broken']>['fault'], string>> = {
  missing: 'is missing from the file',
  repeated: 'is in the file twice',
  out_of_order: 'is out of order',
  altered: 'was altered',
  unlinked: 'does not follow the row before it: one of the two was changed',
  cut_off: 'is not in the file: the end was cut off, or the file is older than this head',
  rewritten: 'has a different hash from the head: it was replaced',
};

const environment = ENVIRONMENTS.audit.pick({
  AWS_REGION: true,
  AUDIT_KEY_ARN: true,
  AWS_ENDPOINT_URL_KMS: true,
});

const headOf = (text: string | undefined): ChainHead | undefined => {
  if (text === undefined) return undefined;
  const found = /^([1-9]\d{0,15}):([0-9a-f]{64})$/.exec(text);
  if (found === null) throw new UsageError('--head is a row number, a colon and a hash of 64 hex digits.');
  return { sequence: Number(found[1]), hash: found[2] ?? '' };
};

const linesOf = (
  { first, last, rows, broken }: ExportVerdict,
  workspaceId: string,
  {
    chainKey,
    head,
    namesFilters,
  }: {
    readonly chainKey: Uint8Array | undefined;
    readonly head: ChainHead | undefined;
    readonly namesFilters: boolean;
  },
): readonly string[] => {
  const of = `${printable(workspaceId)}:`;
  if (broken !== undefined)
    return [
      `${of} row ${broken.sequence} ${FAULTS[broken.fault]}.`,
      ...(broken.fault === 'missing' && !namesFilters
        ? [
            'A CSV file does not name its filters. If it was filtered, this is no proof: export without filters.',
          ]
        : []),
    ];
  return [
    `${of} ${rows} rows, ${first} to ${last}, ${chainKey === undefined ? 'linked without a gap' : 'as they were written'}.`,
    ...(first === 1 ? [] : [`Not checked: rows 1 to ${first - 1} are not in the file.`]),
    ...(chainKey === undefined
      ? ['Not checked: the content of the rows. The hashes are keyed; use --with-key.']
      : []),
    ...(head === undefined
      ? ['Not checked: whether later rows were cut off. Compare with a head from another source: --head.']
      : head.sequence < last
        ? [
            `Not checked: whether rows after ${last} were cut off. The head is row ${head.sequence}: give a later one.`,
          ]
        : []),
  ];
};

await runCommand({
  usage: USAGE,
  options: {
    head: { type: 'string' },
    'with-key': { type: 'boolean', default: false },
    local: { type: 'boolean', default: false },
    workspace: { type: 'string' },
  },
  allowPositionals: true,
  run: async (values, [file, ...more]) => {
    if (file === undefined || more.length > 0) throw new UsageError('Give exactly one file.');
    const head = headOf(values.head);
    const { rows, filters, workspaceId = values.workspace } = readAuditExport(readFileSync(file, 'utf8'));
    if (filters !== undefined && filters.length > 0)
      throw new Error(
        `The export was filtered by ${filters.map(printable).join(', ')}, so it leaves out rows. Export it without these filters.`,
      );
    if (workspaceId === undefined)
      throw new UsageError('The file does not begin with row 1. Name its workspace with --workspace.');
    const settings = values['with-key'] ? commandVariables(environment, values.local) : undefined;
    const chainKey =
      settings &&
      (await kmsChainKeys(kmsDerivationKeys(kmsClient(settings), settings.AUDIT_KEY_ARN)).keyOf(workspaceId));
    const verdict = verifyAuditRows(rows, workspaceId, { chainKey, head });
    process.stdout.write(
      `${linesOf(verdict, workspaceId, { chainKey, head, namesFilters: filters !== undefined }).join('\n')}\n`,
    );
    return verdict.broken === undefined ? 0 : 1;
  },
  failureStatus: 2,
});
