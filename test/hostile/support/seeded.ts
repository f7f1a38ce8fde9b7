/** The same cases in every run of the tests; `npm run fuzz` is for new ones. */
export const seeded = (numRuns: number): { readonly seed: number; readonly numRuns: number } => ({
  seed: 20_261_125,
  numRuns,
});
