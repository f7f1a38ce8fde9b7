import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { closeSync, openSync, readFileSync, writeFileSync, writeSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { CreateTableCommand } from '@aws-sdk/client-dynamodb';
import { GetCommand, PutCommand } from '@aws-sdk/lib-dynamodb';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import {
  DamagedDatabaseError,
  EngineStartError,
  type LocalDynamoDb,
  startDynamoDb,
} from '../../../local/dynamodb/engine.ts';
import { clientsOf, simpleTable } from './clients.ts';
import { temporaryFolder } from './temporary-folder.ts';

const folder = temporaryFolder();
afterAll(folder.remove);

async function withEngine<T>(
  dbPath: string | undefined,
  use: (engine: LocalDynamoDb) => Promise<T>,
): Promise<T> {
  const engine = await startDynamoDb({ dbPath });
  try {
    return await use(engine);
  } finally {
    await engine.close();
  }
}

async function seed(engine: LocalDynamoDb, count = 1): Promise<void> {
  const { client, documents, destroy } = clientsOf(engine.endpoint);
  await client.send(new CreateTableCommand(simpleTable('things')));
  for (let n = 0; n < count; n += 1) {
    const Item = { pk: `thing-${n}`, padding: 'x'.repeat(500) };
    await documents.send(new PutCommand({ TableName: 'things', Item }));
  }
  destroy();
}

async function readThing(engine: LocalDynamoDb): Promise<unknown> {
  const { documents, destroy } = clientsOf(engine.endpoint);
  const { Item } = await documents.send(new GetCommand({ TableName: 'things', Key: { pk: 'thing-0' } }));
  destroy();
  return Item?.['pk'];
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    // A zombie still has a pid; it runs nothing.
    return !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'));
  } catch {
    return false;
  }
}

describe('startDynamoDb', () => {
  it('uses a given endpoint unchanged and starts no engine', async () => {
    const dynamoDb = await startDynamoDb({ endpoint: 'http://127.0.0.1:1' });
    expect(dynamoDb).toMatchObject({
      engineEndpoint: 'http://127.0.0.1:1',
      source: 'endpoint',
      pid: undefined,
    });
    await dynamoDb.close();
  });

  it('gives every engine its own port', async () => {
    const engines = await Promise.all(Array.from({ length: 5 }, () => startDynamoDb({})));
    expect(new Set(engines.map(({ endpoint }) => endpoint)).size).toBe(5);
    await Promise.all(engines.map(({ close }) => close()));
  });

  it('reports that a fixed port is taken', async () => {
    await withEngine(undefined, async ({ endpoint }) => {
      const port = Number(new URL(endpoint).port);
      await expect(startDynamoDb({ port })).rejects.toThrow(EngineStartError);
      await expect(startDynamoDb({ port })).rejects.toThrow('in use');
    });
  });

  it('starts without tables if it has no file', async () => {
    await withEngine(undefined, (engine) => seed(engine));
    await withEngine(undefined, (engine) => expect(readThing(engine)).rejects.toThrow('not found'));
  });

  it('keeps its data in a file across a clean restart', async () => {
    const dbPath = folder.file('new-folder/restart.sqlite');
    await withEngine(dbPath, (engine) => seed(engine));
    await expect(withEngine(dbPath, readThing)).resolves.toBe('thing-0');
  });

  it('keeps its data when it is killed, and reports the unexpected exit', async () => {
    const dbPath = folder.file('killed.sqlite');
    const engine = await startDynamoDb({ dbPath });
    await seed(engine);
    process.kill(engine.pid ?? Number.NaN, 'SIGKILL');
    await expect(engine.exited).resolves.toMatchObject({ signal: 'SIGKILL', expected: false });
    await expect(withEngine(dbPath, readThing)).resolves.toBe('thing-0');
  });

  it('can be closed repeatedly and reports the exit as expected', async () => {
    const engine = await startDynamoDb({});
    await Promise.all([engine.close(), engine.close()]);
    await engine.close();
    await expect(engine.exited).resolves.toMatchObject({ code: 0, expected: true });
  });

  it('stops when its parent process is killed', async () => {
    const module = fileURLToPath(new URL('../../../local/dynamodb/engine.ts', import.meta.url));
    const script = `const { startDynamoDb } = await import(${JSON.stringify(module)});
      console.log((await startDynamoDb({})).pid); setInterval(() => {}, 1000);`;
    const parent = spawn(process.execPath, ['--input-type=module', '--eval', script], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const [line] = await once(createInterface({ input: parent.stdout }), 'line');
    const pid = Number(line);
    expect(isAlive(pid)).toBe(true);
    parent.kill('SIGKILL');
    while (isAlive(pid)) await sleep(10);
    expect(isAlive(pid)).toBe(false);
  });
});

describe('a damaged database file', () => {
  let sound: Buffer;
  beforeAll(async () => {
    const dbPath = folder.file('sound.sqlite');
    await withEngine(dbPath, (engine) => seed(engine, 100));
    sound = readFileSync(dbPath);
  });

  const damages: [string, (dbPath: string) => void][] = [
    ['that is no database', (dbPath) => writeFileSync(dbPath, randomBytes(20_000))],
    ['cut in the middle', (dbPath) => writeFileSync(dbPath, sound.subarray(0, 40_960))],
    ['with a damaged catalogue', (dbPath) => overwrite(dbPath, 4_096)],
    // The engine itself starts on this one, and fails later.
    ['with damaged rows', (dbPath) => overwrite(dbPath, 40_960)],
  ];

  function overwrite(dbPath: string, position: number): void {
    writeFileSync(dbPath, sound);
    const file = openSync(dbPath, 'r+');
    writeSync(file, randomBytes(8_192), 0, 8_192, position);
    closeSync(file);
  }

  it.each(damages)('%s is reported in one sentence with a remedy, and left unchanged', async (_, damage) => {
    const dbPath = folder.file('damaged.sqlite');
    damage(dbPath);
    const before = readFileSync(dbPath);
    const start = startDynamoDb({ dbPath });
    await expect(start).rejects.toThrow(DamagedDatabaseError);
    await expect(start).rejects.toThrow(
      /^The local database \S+damaged\.sqlite is damaged: .*npm start -- --reset/,
    );
    expect(readFileSync(dbPath).equals(before)).toBe(true);
  });

  it('is not reported for an empty file', async () => {
    const dbPath = folder.file('empty.sqlite');
    writeFileSync(dbPath, '');
    await withEngine(dbPath, (engine) => seed(engine));
  });
});
