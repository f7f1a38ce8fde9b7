import { Agent, request } from 'node:http';

/** Loads every compared server in the same way, with the same connections and the same bytes read. */

const agent = new Agent({ keepAlive: true });

export interface HttpAnswer {
  readonly status: number;
  readonly text: string;
}

export const post = (
  url: string,
  body: string,
  headers: Readonly<Record<string, string>> = {},
): Promise<HttpAnswer> =>
  new Promise((resolve, reject) => {
    const outgoing = request(
      url,
      { method: 'POST', agent, headers: { 'content-type': 'application/json', ...headers } },
      (incoming) => {
        const chunks: Buffer[] = [];
        incoming.on('data', (chunk: Buffer) => chunks.push(chunk));
        incoming.on('error', reject);
        incoming.on('end', () =>
          resolve({ status: incoming.statusCode ?? 0, text: Buffer.concat(chunks).toString('utf8') }),
        );
      },
    );
    outgoing.on('error', reject);
    outgoing.end(body);
  });

/** Runs `jobs` requests with this concurrency, and returns the duration of each, milliseconds. */
export const inLanes = async (
  jobs: number,
  lanes: number,
  run: (job: number) => Promise<void>,
): Promise<readonly number[]> => {
  const took: number[] = [];
  let next = 0;
  const lane = async (): Promise<void> => {
    for (let job = next++; job < jobs; job = next++) {
      const from = performance.now();
      await run(job);
      took.push(performance.now() - from);
    }
  };
  await Promise.all(Array.from({ length: lanes }, lane));
  return took;
};

export const closeConnections = (): void => agent.destroy();
