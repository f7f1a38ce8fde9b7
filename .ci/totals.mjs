// Prints the sum of jest's reports, `N passed, N failed`. A report that jest did not write counts as a failure.
import { readFileSync } from 'node:fs';

let passed = 0;
let failed = 0;
for (const file of process.argv.slice(2)) {
  try {
    const { numPassedTests, numFailedTests, numRuntimeErrorTestSuites } = JSON.parse(
      readFileSync(file, 'utf8'),
    );
    passed += numPassedTests;
    failed += numFailedTests + numRuntimeErrorTestSuites;
  } catch {
    failed += 1;
  }
}
process.stdout.write(`${passed} passed, ${failed} failed\n`);
