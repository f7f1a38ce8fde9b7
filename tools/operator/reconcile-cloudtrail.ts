import { parseArchivedRows } from '../../lambdas/adapters/aws/audit/archived-rows.ts';
import { parseCloudTrail } from '../../lambdas/adapters/aws/audit/cloudtrail-records.ts';
import { aboutSealedKeys } from '../../lambdas/domain/audit/decrypt-call.ts';
import {
  FINDING_KINDS,
  type Finding,
  type FindingKind,
  isInWindow,
  type Reconciliation,
  reconcile,
} from '../../lambdas/domain/audit/reconcile.ts';
import { printable, runCommand } from '../command.ts';
import { readAll } from './files.ts';

const USAGE = `npm run reconcile -- --cloudtrail FILE_OR_DIR --audit FILE_OR_DIR [options]

Compares CloudTrail's records of KMS Decrypt with the audit trail, call by call. Works offline, on files.

  --cloudtrail PATH   log files of CloudTrail (.json, .json.gz), or a folder of them; repeatable
  --audit PATH        objects of the audit archive (.ndjson, .ndjson.gz), or a folder of them; repeatable
  --master-key ARN    also count decrypts with this key that have no encryption context of ours; repeatable
  --from, --to TIME   report only what happened in between (RFC 3339); earlier and later records are used for
                      matching. Leave out the last half hour, because CloudTrail delivers late
  --json              the result as JSON
  --help              this text

Exit status: 0 both agree, one to one; 1 they differ; 2 something could not be read.
docs/audit.md explains each finding and the same queries in Athena.
`;

const lineOf = (finding: Finding): string => {
  const { kind, at, detail, ...where } = finding;
  const places = Object.entries(where).map(([name, value]) => `${name} ${value}`);
  return printable(
    `${at}  ${[...places, detail].filter((part) => part !== undefined && part !== '').join(', ')}`,
  );
};

const tableOf = ({ decrypts, rows, matched, findings }: Reconciliation): string => {
  const kinds = Object.entries(FINDING_KINDS) as [FindingKind, string][];
  const groups = Map.groupBy(findings, ({ kind }) => kind);
  return [
    `Decrypts in CloudTrail       ${decrypts}`,
    `Audit rows that report one   ${rows}`,
    `Matched one to one           ${matched}`,
    '',
    ...kinds.map(([kind]) => `${kind.padEnd(24)} ${groups.get(kind)?.length ?? 0}`),
    ...kinds.flatMap(([kind, meaning]) => {
      const found = groups.get(kind) ?? [];
      return found.length === 0 ? [] : ['', `${kind}: ${meaning}`, ...found.map(lineOf)];
    }),
    '',
    findings.length === 0 ? 'The two records agree.' : 'The two records do not agree.',
    '',
  ].join('\n');
};

await runCommand({
  usage: USAGE,
  options: {
    cloudtrail: { type: 'string', multiple: true, default: [] },
    audit: { type: 'string', multiple: true, default: [] },
    'master-key': { type: 'string', multiple: true, default: [] },
    from: { type: 'string' },
    to: { type: 'string' },
    json: { type: 'boolean', default: false },
  },
  run: (values) => {
    for (const time of [values.from, values.to])
      if (time !== undefined && Number.isNaN(Date.parse(time))) throw new Error(`${time} is not a time.`);
    const decrypts = readAll(values.cloudtrail, ['.json', '.json.gz'], parseCloudTrail);
    const rows = readAll(values.audit, ['.ndjson', '.ndjson.gz'], parseArchivedRows);
    const result = reconcile(
      { decrypts: aboutSealedKeys(decrypts, values['master-key']), rows },
      isInWindow({ from: values.from, to: values.to }),
    );
    process.stdout.write(values.json ? `${JSON.stringify(result, null, 2)}\n` : tableOf(result));
    return result.findings.length === 0 ? 0 : 1;
  },
  failureStatus: 2,
});
