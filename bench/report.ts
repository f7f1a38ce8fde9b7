import { cpus } from 'node:os';

/** The results of a bench, for people, for machines and for docs/performance.md. */
export interface Report {
  /** Markdown, line by line, by the name of the block of docs/performance.md that it goes into. */
  readonly tables: Readonly<Record<string, readonly string[]>>;
  readonly figures: unknown;
  /** Failed checks that have nothing to do with speed. */
  readonly faults: readonly string[];
}

export interface RunReport extends Report {
  /** `2 × AMD EPYC, Node v24.21.0, 40 s` */
  readonly run: string;
}

/** Prints the report as a table, or as JSON for `npm run bench`, and makes the process fail if there are faults. */
export const print = (report: Report, json: boolean): void => {
  const run = `${cpus().length} × ${cpus()[0]?.model.trim() ?? 'unknown'}, Node ${process.version}, ${Math.round(performance.now() / 1_000)} s`;
  const full: RunReport = { ...report, run };
  const text = json
    ? JSON.stringify(full, null, 2)
    : [
        `${run}.`,
        ...Object.values(report.tables).flatMap((table) => ['', ...table]),
        '',
        ...report.faults.map((fault) => `FAULT: ${fault}`),
      ].join('\n');
  process.stdout.write(`${text}\n`);
  if (report.faults.length > 0) process.exitCode = 1;
};

/** A Markdown table; all columns but the first `texts` are numbers. */
export const tableOf = (
  headings: readonly string[],
  rows: readonly (readonly (string | number)[])[],
  texts = 1,
): readonly string[] => [
  `| ${headings.join(' | ')} |`,
  `|${headings.map((_, i) => (i < texts ? '---' : '---:')).join('|')}|`,
  ...rows.map((row) => `| ${row.join(' | ')} |`),
];
