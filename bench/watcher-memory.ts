/**
 * Counts the copies of a key in the raw memory of a process that watches a call: right after a turn, after a collection of
 * garbage, and after more turns. Linux only: it reads /proc/PID/mem, which needs the rights of a debugger.
 * `node bench/watcher-memory.ts [--json]`.
 */
import { randomBytes } from 'node:crypto';
import { closeSync, openSync, readFileSync, readSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { makeFakeKey } from '../local/openai/server.ts';
import { startTestStack } from '../test/support/stack.ts';
import { startWatcherProcess } from '../test/support/watcher-process.ts';
import { NO_BUDGETS, ORIGIN, signIn } from './bench-stack.ts';
import { print, tableOf } from './report.ts';

const { values: options } = parseArgs({ options: { json: { type: 'boolean', default: false } } });
const CHUNK_BYTES = 8 * 1_024 ** 2;
const MORE_TURNS = 10;

/** Whole copies of the text in every part of the memory that the process can write: one byte or two for a character. */
const copiesIn = (pid: number, text: string): { readonly copies: number; readonly scannedBytes: number } => {
  const needles = [Buffer.from(text, 'latin1'), Buffer.from(text, 'utf16le')];
  const overlap = Math.max(...needles.map(({ byteLength }) => byteLength)) - 1;
  const file = openSync(`/proc/${pid}/mem`, 'r');
  const chunk = Buffer.alloc(CHUNK_BYTES + overlap);
  let copies = 0;
  let scannedBytes = 0;
  try {
    for (const line of readFileSync(`/proc/${pid}/maps`, 'utf8').split('\n')) {
      const [, from, to, rights] = /^([0-9a-f]+)-([0-9a-f]+) (\S+)/.exec(line) ?? [];
      if (from === undefined || to === undefined || rights?.startsWith('rw') !== true) continue;
      const end = Number.parseInt(to, 16);
      for (let at = Number.parseInt(from, 16); at < end; at += CHUNK_BYTES) {
        const wanted = Math.min(CHUNK_BYTES + overlap, end - at);
        let read = 0;
        try {
          read = readSync(file, chunk, 0, wanted, at);
        } catch {
          // A memory page that the process has reserved but not used, or has released meanwhile.
          continue;
        }
        scannedBytes += Math.min(read, CHUNK_BYTES);
        for (const needle of needles)
          for (
            let found = chunk.indexOf(needle);
            found !== -1 && found < CHUNK_BYTES && found + needle.byteLength <= read;
            found = chunk.indexOf(needle, found + 1)
          )
            copies += 1;
      }
    }
  } finally {
    closeSync(file);
  }
  return { copies, scannedBytes };
};

const stack = await startTestStack({ audited: false, variables: NO_BUDGETS });
try {
  const owner = await signIn(stack);
  const { siteId } = await owner.makePlace({}, { site: { control: 'brokered' }, key: 'none' });
  const key = makeFakeKey(randomBytes);
  await owner.ask('PUT', `/v1/sites/${siteId}/openai-key`, { api_key: key });
  const watcher = await startWatcherProcess(stack, siteId, ORIGIN);
  const moments: [string, ReturnType<typeof copiesIn>][] = [];
  const look = (moment: string): void => {
    moments.push([moment, copiesIn(watcher.pid, key)]);
  };
  look('after the first turn');
  await watcher.order({ do: 'collect' });
  look('after a collection of garbage');
  for (let turn = 1; turn <= MORE_TURNS; turn += 1) {
    await watcher.caller.speak(300);
    await watcher.caller.event('response.done', turn + 1);
  }
  look(`after ${MORE_TURNS} more turns`);
  await watcher.order({ do: 'collect' });
  look('and another collection');
  await watcher.order({ do: 'keep', secret: key });
  look('check: with a string and a buffer that keep the key');
  await watcher.close();
  const kept = moments.at(-1)?.[1].copies ?? 0;
  const without = moments.at(-2)?.[1].copies ?? 0;
  print(
    {
      tables: {
        'watcher-memory': tableOf(
          ['Moment', 'copies of the key', 'memory looked at, MB'],
          moments.map(([moment, { copies, scannedBytes }]) => [
            moment,
            copies,
            Math.round(scannedBytes / 1_024 ** 2),
          ]),
        ),
      },
      figures: moments.map(([moment, found]) => ({ moment, ...found })),
      faults: kept < without + 2 ? ['The scan does not find a key that is kept.'] : [],
    },
    options.json,
  );
} finally {
  await stack.close();
}
process.exit();
