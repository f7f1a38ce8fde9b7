import { ModernFakeTimers } from '@jest/fake-timers';
import { ModuleMocker } from 'jest-mock';
import { timed } from './timed.js';

/**
 * Runs a test file in the worker's own realm instead of a VM context, so that what it imports stays loaded and compiled for
 * the next files of the worker (`runner.js`). The environment, the console and the clock are put back after each file.
 */
class WarmEnvironment {
  isWarm = true;

  constructor({ projectConfig }) {
    this.moduleMocker = new ModuleMocker(globalThis);
    this.fakeTimersModern = new ModernFakeTimers({ config: projectConfig, global: globalThis });
    const console = globalThis.console;
    const variables = { ...process.env };
    this.restore = () => {
      globalThis.console = console;
      for (const name of Object.keys(process.env)) if (!(name in variables)) delete process.env[name];
      Object.assign(process.env, variables);
    };
    // What Jest sets on the global object of an environment, without that object itself.
    this.global = Object.defineProperty({}, 'console', {
      get: () => globalThis.console,
      set: (value) => {
        globalThis.console = value;
      },
    });
  }

  async setup() {}

  async teardown() {
    this.moduleMocker.restoreAllMocks();
    this.fakeTimersModern.dispose();
    this.restore();
  }

  exportConditions() {
    return ['node', 'node-addons'];
  }

  getVmContext() {
    return null;
  }
}

export default timed(WarmEnvironment);
