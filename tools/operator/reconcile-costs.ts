import { printable, runCommand } from '../command.ts';
import { type CostComparison, compareCosts, type Drift, withinTolerance } from './costs/compare.ts';
import { MICRO_CENTS_PER_USD, parseCosts } from './costs/costs-csv.ts';
import { parseUsage } from './costs/usage-export.ts';
import { readAll } from './files.ts';

const USAGE = `npm run reconcile-costs -- --costs FILE_OR_DIR --usage FILE_OR_DIR [options]

Compares OpenAI's costs with our totals, per month (UTC) and model. Works offline, on files.

  --costs PATH        CSV of OpenAI's costs, grouped by line item (.csv), or a folder of them; repeatable
  --usage PATH        our usage by day and model (.csv, .ndjson), or a folder of them; repeatable
  --project NAME      only lines of this OpenAI project; repeatable
  --mode MODE         only our usage of this payer: byok or managed
  --tolerance PERCENT allowed difference per month, in percent of OpenAI's costs; default 5
  --json              the result as JSON, in micro-cents (1 USD = 100,000,000)
  --help              this text

Compare an OpenAI account only with the workspaces that use its keys.
Exit status: 0 every month is within the tolerance; 1 one is not; 2 something could not be read.
docs/pricing.md explains where differences come from.
`;

const usd = (microCents: number): string => (microCents / MICRO_CENTS_PER_USD).toFixed(4);

const lineOf = ({ month, model, counted, charged, drift, driftPercent, unpricedSessions }: Drift): string =>
  printable(
    [
      month,
      model.padEnd(40),
      usd(counted).padStart(12),
      usd(charged).padStart(12),
      usd(drift).padStart(12),
      (driftPercent === null ? '-' : `${driftPercent.toFixed(1)} %`).padStart(9),
      unpricedSessions > 0 ? `  ${unpricedSessions} sessions without a price` : '',
    ].join(' '),
  ).trimEnd();

const tableOf = ({ drifts, otherMicroCents }: CostComparison): string =>
  [
    `month   ${'model'.padEnd(40)} ${'counted USD'.padStart(12)} ${'charged USD'.padStart(12)} ${'drift USD'.padStart(12)}     drift`,
    ...drifts.map(lineOf),
    '',
    `Charged for other models: ${usd(otherMicroCents)} USD`,
    '',
  ].join('\n');

await runCommand({
  usage: USAGE,
  options: {
    costs: { type: 'string', multiple: true, default: [] },
    usage: { type: 'string', multiple: true, default: [] },
    project: { type: 'string', multiple: true, default: [] },
    mode: { type: 'string' },
    tolerance: { type: 'string', default: '5' },
    json: { type: 'boolean', default: false },
  },
  run: (values) => {
    if (values.mode !== undefined && values.mode !== 'byok' && values.mode !== 'managed')
      throw new Error('--mode must be byok or managed.');
    const tolerance = Number(values.tolerance);
    if (!(tolerance >= 0)) throw new Error('--tolerance must be a percentage, such as 5.');
    const charged = readAll(values.costs, ['.csv'], parseCosts).filter(
      ({ project }) => values.project.length === 0 || values.project.includes(project),
    );
    const counted = readAll(values.usage, ['.csv', '.ndjson'], parseUsage).filter(
      ({ mode }) => values.mode === undefined || mode === values.mode,
    );
    const result = compareCosts(charged, counted);
    process.stdout.write(values.json ? `${JSON.stringify(result, null, 2)}\n` : tableOf(result));
    return result.drifts.every((drift) => withinTolerance(drift, tolerance)) ? 0 : 1;
  },
  failureStatus: 2,
});
