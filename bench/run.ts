import { execFile } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { EXECUTABLE } from '../test/browser/support/launch-browser.ts';
import { type Answers, answersOf } from './answers.ts';
import { writeBlocks } from './blocks.ts';
import { costTable } from './mint-cost.ts';
import type { RunReport } from './report.ts';

const USAGE = `npm run bench [-- --short] [-- --json] [-- --write] [-- --only hops,growth]

Every bench of docs/performance.md one after another, about five minutes on two quiet processors.

  --short  small runs, in which only facts count that have nothing to do with speed; under a minute, for CI
  --json   figures instead of tables
  --write  writes the tables into docs/performance.md
  --only   these parts alone
  --help   this text
`;

const { values: options } = parseArgs({
  options: {
    short: { type: 'boolean', default: false },
    json: { type: 'boolean', default: false },
    write: { type: 'boolean', default: false },
    only: { type: 'string' },
    help: { type: 'boolean', default: false },
  },
});

const SMALL_SESSIONS = ['--sessions', '30', '--rate', '50', '--seconds', '1', '--sites', '40'];

/** In the order of docs/performance.md. */
const PARTS: readonly { readonly name: string; readonly short: readonly string[] | undefined }[] = [
  { name: 'token-path', short: ['--short'] },
  { name: 'hops', short: ['--short'] },
  { name: 'sealed-key', short: ['--short'] },
  // Needs the output of cdk synth.
  { name: 'functions', short: undefined },
  { name: 'growth', short: ['--short'] },
  { name: 'sessions', short: SMALL_SESSIONS },
  { name: 'kill-switch', short: ['--short'] },
  // Needs Chromium.
  { name: 'first-sound', short: undefined },
];

const runPart = (name: string, args: readonly string[]): Promise<RunReport> =>
  new Promise((resolve, reject) => {
    const script = fileURLToPath(new URL(`./${name}.ts`, import.meta.url));
    execFile(
      process.execPath,
      [script, '--json', ...args],
      { maxBuffer: 16 * 1_024 ** 2 },
      (error, stdout, stderr) => {
        try {
          // A bench that found a fault ends with 1 but still reports.
          resolve(JSON.parse(stdout) as RunReport);
        } catch {
          reject(new Error(`bench:${name} gave no report. ${error?.message ?? ''}\n${stderr}`));
        }
      },
    );
  });

const main = async (): Promise<void> => {
  if (options.help) return void process.stdout.write(USAGE);
  const wanted = options.only?.split(',');
  if (existsSync('cdk.out/manifest.json') === false && !options.short)
    process.stderr.write('Nothing is in cdk.out: without npm run synth the functions are left out.\n');
  const parts = PARTS.filter(
    ({ name, short }) =>
      (wanted === undefined || wanted.includes(name)) &&
      (!options.short || short !== undefined) &&
      (name !== 'functions' || existsSync('cdk.out/manifest.json')) &&
      (name !== 'first-sound' || existsSync(EXECUTABLE)),
  );
  const reports: Record<string, RunReport> = {};
  for (const { name, short } of parts) {
    process.stderr.write(`bench:${name}\n`);
    reports[name] = await runPart(name, options.short ? (short ?? []) : []);
  }
  report(reports);
};

const report = (reports: Readonly<Record<string, RunReport>>): void => {
  const answers: Answers | undefined = answersOf(reports);
  const day = new Date().toISOString().slice(0, 10);
  const blocks: Record<string, readonly string[]> = {};
  if (answers !== undefined) {
    blocks['answer'] = answers.sentences;
    blocks['cost'] = costTable(answers.counts);
  }
  for (const { tables, run } of Object.values(reports))
    for (const [name, table] of Object.entries(tables))
      blocks[name] = [`One run, ${day}: ${run}.`, '', ...table];

  if (options.json) process.stdout.write(`${JSON.stringify({ day, reports }, null, 2)}\n`);
  else
    for (const [name, lines] of Object.entries(blocks))
      process.stdout.write(`\n## ${name}\n\n${lines.join('\n')}\n`);
  if (options.write) {
    const file = fileURLToPath(new URL('../docs/performance.md', import.meta.url));
    writeFileSync(file, writeBlocks(readFileSync(file, 'utf8'), blocks));
  }
  const faults = Object.entries(reports).flatMap(([name, found]) =>
    found.faults.map((fault) => `bench:${name}: ${fault}`),
  );
  for (const fault of faults) process.stderr.write(`${fault}\n`);
  if (faults.length > 0) process.exitCode = 1;
};

await main();
