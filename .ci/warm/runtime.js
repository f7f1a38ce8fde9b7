import { Session } from 'node:inspector/promises';
import { fileURLToPath } from 'node:url';
import Runtime from 'jest-runtime';

/** V8 counts for the whole worker: a function that was compiled before has no counts of its branches. */
let session;
const startCounting = async () => {
  session = new Session();
  session.connect();
  await session.post('Profiler.enable');
  await session.post('Profiler.startPreciseCoverage', { callCount: true, detailed: true });
};

/**
 * Jest's runtime, but for the coverage of modules that stay loaded: each test file reports what has run since the one before
 * it, and the sum over all files is what the tests reach. Node leaves blanks for types, so places are those of the source.
 * A file in a context of its own is not counted, because it loads other code for the same source.
 */
export default class extends Runtime {
  #counts = [];

  async collectV8Coverage() {
    if (this._environment.isWarm === true && session === undefined) await startCounting();
  }

  async stopCollectingV8Coverage() {
    if (this._environment.isWarm !== true) return;
    this.#counts = (await session.post('Profiler.takePreciseCoverage')).result;
  }

  getAllV8CoverageInfoCopy() {
    return this.#counts
      .filter(({ url }) => url.startsWith('file://'))
      .map(({ url, ...counts }) => ({ ...counts, url: fileURLToPath(url) }))
      .filter(({ url }) => Runtime.shouldInstrument(url, this._coverageOptions, this._config))
      .map((result) => ({ codeTransformResult: undefined, result }));
  }
}
