/** Runs the jobs one after another in each of `lanes` parallel lanes. Returns the results in the order of the jobs. */
export const runConcurrently = async <Job, Result>(
  lanes: number,
  jobs: readonly Job[],
  run: (job: Job) => Promise<Result>,
): Promise<readonly Result[]> => {
  const results: Result[] = [];
  let next = 0;
  const lane = async (): Promise<void> => {
    for (let i = next++; i < jobs.length; i = next++) results[i] = await run(jobs[i] as Job);
  };
  await Promise.all(Array.from({ length: lanes }, lane));
  return results;
};
