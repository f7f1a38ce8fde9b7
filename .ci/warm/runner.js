import { createRequire, registerHooks } from 'node:module';
import { pathToFileURL } from 'node:url';
import circus from 'jest-circus/runner';
import { useGlobals } from './globals.js';

const require = createRequire(import.meta.url);
const runInContext = circus.default ?? circus;
const GLOBALS = new URL('globals.js', import.meta.url).href;
/** Set by `jest.setTimeout`, read by jest-circus. */
const TEST_TIMEOUT = Symbol.for('TEST_TIMEOUT_SYMBOL');

let isHooked = false;
/** `@jest/globals` refuses to be imported outside of a VM context. */
const hookGlobals = () => {
  if (isHooked) return;
  isHooked = true;
  registerHooks({
    resolve: (specifier, context, next) =>
      specifier === '@jest/globals' ? { url: GLOBALS, shortCircuit: true } : next(specifier, context),
  });
};

/** jest-circus as a file first finds it: it keeps its state and its listeners on the global object. */
const freshCircus = (path) => {
  for (const symbol of Object.getOwnPropertySymbols(globalThis))
    if (symbol.description === 'JEST_STATE_SYMBOL') delete globalThis[symbol];
  delete globalThis[Symbol.for('EVENT_HANDLERS')];
  delete globalThis[TEST_TIMEOUT];
  delete require.cache[path];
  return require(path);
};

/** The functions of Jest that need no registry of modules. Others are missing, which fails the test that calls one. */
const jestOf = ({ moduleMocker, fakeTimersModern }) => ({
  fn: moduleMocker.fn.bind(moduleMocker),
  spyOn: moduleMocker.spyOn.bind(moduleMocker),
  restoreAllMocks: () => moduleMocker.restoreAllMocks(),
  useFakeTimers: (config) => fakeTimersModern.useFakeTimers(config),
  useRealTimers: () => fakeTimersModern.useRealTimers(),
  setSystemTime: (now) => fakeTimersModern.setSystemTime(now),
  setTimeout: (milliseconds) => {
    globalThis[TEST_TIMEOUT] = milliseconds;
  },
});

/**
 * Runs a test file as jest-circus does, but imports it with Node's own loader. What the files of a worker import is read,
 * stripped of types and compiled once. A file with the pragma `@jest-environment node` gets a VM context, as is usual.
 */
export default (globalConfig, config, environment, runtime, testPath, sendMessageToJest) => {
  if (environment.isWarm !== true)
    return runInContext(globalConfig, config, environment, runtime, testPath, sendMessageToJest);
  hookGlobals();
  const warm = {
    requireInternalModule: freshCircus,
    requireModule: require,
    setGlobalsForRuntime: (globals) => useGlobals({ ...globals, jest: jestOf(environment) }),
    unstable_shouldLoadAsEsm: () => true,
    unstable_importModule: (path) => import(pathToFileURL(path).href),
    enterTestCode: () => runtime.enterTestCode(),
    leaveTestCode: () => runtime.leaveTestCode(),
  };
  return runInContext(globalConfig, config, environment, warm, testPath, sendMessageToJest);
};
