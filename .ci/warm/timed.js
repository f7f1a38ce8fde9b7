import { appendFileSync, readFileSync } from 'node:fs';
import { relative } from 'node:path';

/** Linux counts a process's CPU time in hundredths of a second. */
const TICKS_PER_SECOND = 100;

/** CPU seconds of this process and of the children that have ended: browsers, engines, commands. */
const cpuSeconds = () => {
  // The name in parentheses may have spaces. The first field after it is number 3 of proc_pid_stat(5); these are 14 to 17.
  const [, fields = ''] = readFileSync('/proc/self/stat', 'utf8').split(/\) (?=[A-Z] )/);
  const ticks = fields.split(' ').slice(11, 15).map(Number);
  return ticks.reduce((sum, some) => sum + some, 0) / TICKS_PER_SECOND;
};

/** The environment; with `TEST_TIMES` it also adds a line of JSON for each test file to the file that the variable names. */
export const timed = (Environment) =>
  process.env['TEST_TIMES'] === undefined
    ? Environment
    : class extends Environment {
        constructor(config, context) {
          super(config, context);
          this.times = {
            project: config.projectConfig.displayName?.name,
            file: relative(config.globalConfig.rootDir, context.testPath),
            loadingCpuSeconds: 0,
          };
        }

        async setup() {
          await super.setup();
          this.startedAt = performance.now();
          this.cpuAtStart = cpuSeconds();
        }

        handleTestEvent({ name }) {
          // The file has been imported and its first hook is about to run.
          if (name === 'run_start') this.times.loadingCpuSeconds = cpuSeconds() - this.cpuAtStart;
        }

        async teardown() {
          const seconds = (performance.now() - this.startedAt) / 1_000;
          const times = { ...this.times, seconds, cpuSeconds: cpuSeconds() - this.cpuAtStart };
          appendFileSync(process.env['TEST_TIMES'], `${JSON.stringify(times)}\n`);
          await super.teardown();
        }
      };
