import { existsSync } from 'node:fs';
import { EXECUTABLE, SHARED_BROWSERS, startSharedBrowser } from './launch-browser.ts';
import { SHORT_QUESTION, SILENCE } from './microphone.ts';

let close: readonly (() => Promise<void>)[] = [];

/** Starts the two browsers that all browser tests of this run share: one hears a question, one hears silence. */
export default async (): Promise<void> => {
  // The tests report a missing browser themselves.
  if (!existsSync(EXECUTABLE)) return;
  const shared = await Promise.all(
    [SHORT_QUESTION, SILENCE].map(async (speech) => ({ speech, ...(await startSharedBrowser(speech)) })),
  );
  close = shared.map((browser) => browser.close);
  // Workers are started later and inherit it.
  process.env[SHARED_BROWSERS] = JSON.stringify(
    Object.fromEntries(shared.map(({ speech, endpoint }) => [JSON.stringify(speech), endpoint])),
  );
};

export const closeSharedBrowsers = async (): Promise<void> => {
  await Promise.all(close.map((each) => each()));
};
