// `@jest/globals` for test files that run in the realm of their worker. Each file has its own functions; these names are
// live bindings, so that a helper that stays loaded uses those of the file that runs.
export let afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, jest, test;

export const useGlobals = (globals) => {
  ({ afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, jest, test } = globals);
};
