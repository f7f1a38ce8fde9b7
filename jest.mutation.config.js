import { shared } from './jest.config.js';

/** For Stryker, which names the tests of one file by itself and knows no projects. */
export default { ...shared, watchman: false, testTimeout: 120_000 };
