// `node .ci/times.mjs FILE` prints what `TEST_TIMES=FILE npm test` has measured: seconds and CPU seconds of each project and
// of the twenty longest files. `--write` also writes .ci/durations.json, by which files are ordered.
import { readFileSync, writeFileSync } from 'node:fs';

const SHOWN = 20;
/** Shorter files need no place in the order. */
const LISTED_SECONDS = 8;

const [file = '', option] = process.argv.slice(2);
const lines = readFileSync(file, 'utf8')
  .trimEnd()
  .split('\n')
  .map((line) => JSON.parse(line));

const sum = (some, field) => some.reduce((total, line) => total + line[field], 0);
const row = (name, seconds, cpu, loading) =>
  process.stdout.write(
    `${name.padEnd(56)}${[seconds, cpu, loading].map((value) => value.toFixed(0).padStart(9)).join('')}\n`,
  );

process.stdout.write(`${'Test files'.padEnd(56)}  Seconds      CPU  Loading\n`);
for (const [project, some] of Map.groupBy(lines, (line) => line.project))
  row(
    `${project}, ${some.length} files`,
    ...['seconds', 'cpuSeconds', 'loadingCpuSeconds'].map((field) => sum(some, field)),
  );
const longestFirst = lines.toSorted((a, b) => b.seconds - a.seconds);
for (const line of longestFirst.slice(0, SHOWN))
  row(line.file, line.seconds, line.cpuSeconds, line.loadingCpuSeconds);

if (option === '--write') {
  const listed = lines
    .filter(({ seconds }) => seconds >= LISTED_SECONDS)
    .toSorted((a, b) => (a.file < b.file ? -1 : 1))
    .map((line) => [line.file, Math.round(line.seconds)]);
  writeFileSync(
    new URL('durations.json', import.meta.url),
    `${JSON.stringify(Object.fromEntries(listed), null, 2)}\n`,
  );
}
