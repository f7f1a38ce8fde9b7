// Prints the sum of jest's reports, `N passed, N failed`. A report that jest did not write counts as a failure, and so does
// a test file that is in none of the reports, whose path is printed.
import { globSync, readFileSync } from 'node:fs';
import { relative, resolve } from 'node:path';

const root = resolve(import.meta.dirname, '..');
const missing = new Set(globSync('test/**/*.test.ts', { cwd: root }));
let passed = 0;
let failed = 0;
for (const file of process.argv.slice(2)) {
  try {
    const { numPassedTests, numFailedTests, numRuntimeErrorTestSuites, testResults } = JSON.parse(
      readFileSync(file, 'utf8'),
    );
    passed += numPassedTests;
    failed += numFailedTests + numRuntimeErrorTestSuites;
    for (const { name } of testResults) missing.delete(relative(root, name));
  } catch {
    failed += 1;
  }
}
for (const file of [...missing].sort()) process.stdout.write(`No report has ${file}\n`);
process.stdout.write(`${passed} passed, ${failed + missing.size} failed\n`);
process.exitCode = missing.size > 0 ? 1 : 0;
