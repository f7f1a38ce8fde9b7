import { type ChildProcess, spawn } from 'node:child_process';
import { createServer } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';
import { runCommand } from '../command.ts';
import { flowsOf } from './conformance/flows.ts';
import { compareRules, type RuleLine } from './conformance/rules.ts';
import { type EngineError, startTarget, type Target } from './conformance/target.ts';

const USAGE = `npm run conformance [-- --moto] [-- --help]

Plays the main flows of the broker against other engines than those it was written with, and prints what passed, what
differs and what an engine lacks. docs/conformance.md says how each difference was decided.

  --moto   starts moto_server, uses it for all three services and ends it afterwards
  --help   this text

Environment, each with the local engine behind AWS's rules as default:
  DYNAMODB_ENDPOINT  a DynamoDB endpoint
  KMS_ENDPOINT       a KMS endpoint
  S3_ENDPOINT        an S3 endpoint

Exit status: 0 every flow passed or met what an engine lacks; 1 a flow differs; 2 it was not even begun.
`;

const environment = z.object({
  DYNAMODB_ENDPOINT: z.url().optional(),
  KMS_ENDPOINT: z.url().optional(),
  S3_ENDPOINT: z.url().optional(),
});

type Verdict = 'passed' | 'differs' | 'lacks' | 'not reached';

interface Line {
  readonly flow: string;
  readonly verdict: Verdict;
  readonly note: string;
}

/** Errors of an engine that does not have the operation at all. */
const LACKS =
  /NotImplemented|UnknownOperation|UnsupportedOperation|not been implemented|not yet implemented/i;
const MOTO_START_MS = 30_000;

/** Flows build on one another, so later flows can differ because of a failed one. All of them run. */
const play = async (target: Target): Promise<readonly Line[]> => {
  const lines: Line[] = [];
  let begun = true;
  for (const { name, play: run } of flowsOf(target)) {
    const before = target.errors.length;
    if (!begun) {
      lines.push({ flow: name, verdict: 'not reached', note: 'there is nothing to continue from' });
      continue;
    }
    const problem = await run().then(
      () => undefined,
      (error: unknown) => (error instanceof Error ? error.message : String(error)),
    );
    const answered = describeErrors(target.errors.slice(before));
    if (problem === undefined && answered === '') lines.push({ flow: name, verdict: 'passed', note: '' });
    else {
      const note = [problem?.split('\n')[0], answered]
        .filter((part) => part !== undefined && part !== '')
        .join('; ');
      lines.push({ flow: name, verdict: LACKS.test(answered) ? 'lacks' : 'differs', note });
    }
    if (lines.length === 1 && problem !== undefined) begun = false;
  }
  return lines;
};

const describeErrors = (errors: readonly EngineError[]): string =>
  [...new Set(errors.map(({ operation, error, message }) => `${operation} ${error}: ${message}`))].join('; ');

const table = (lines: readonly Line[]): string => {
  const width = Math.max(...lines.map(({ flow }) => flow.length));
  const rows = lines.map(({ flow, verdict, note }) =>
    `${flow.padEnd(width)}  ${verdict.padEnd(11)}  ${note}`.trimEnd(),
  );
  const count = (verdict: Verdict): number => lines.filter((line) => line.verdict === verdict).length;
  return `${rows.join('\n')}\n${count('passed')} passed, ${count('differs')} differ, ${count('lacks')} lacking, ${count('not reached')} not reached\n`;
};

const MAX_NOTE = 120;

/** Rules for which the engine is less strict than DynamoDB. They are not our faults, so they do not fail the run. */
const ruleTable = (lines: readonly RuleLine[]): string => {
  const count = (verdict: RuleLine['verdict']): number =>
    lines.filter((line) => line.verdict === verdict).length;
  const rows = lines
    .filter(({ verdict }) => verdict !== 'same')
    .map(({ rule, verdict, note }) => `${verdict.padEnd(11)}  ${rule}: ${note.slice(0, MAX_NOTE)}`);
  return `\nRules of DynamoDB that this engine does not hold, or holds in other words:\n${rows.join('\n')}\n${count('same')} the same, ${count('other words')} in other words, ${count('accepts')} accepted\n`;
};

const startMoto = async (): Promise<{ readonly endpoint: string; readonly process: ChildProcess }> => {
  const port = await freePort();
  const endpoint = `http://127.0.0.1:${port}`;
  const child = spawn('moto_server', ['-H', '127.0.0.1', '-p', String(port)], { stdio: 'ignore' });
  const failed = new Promise<never>((_, reject) => {
    child.once('error', () => reject(new Error('There is no moto_server here: pip install "moto[server]"')));
    child.once('exit', (code) => reject(new Error(`moto_server ended with ${code}.`)));
  });
  const answers = async (): Promise<void> => {
    const deadline = performance.now() + MOTO_START_MS;
    while (performance.now() < deadline) {
      if (
        await fetch(`${endpoint}/moto-api/`).then(
          (answer) => answer.ok,
          () => false,
        )
      )
        return;
      await sleep(100);
    }
    throw new Error('moto_server does not answer.');
  };
  await Promise.race([answers(), failed]);
  failed.catch(() => undefined);
  return { endpoint, process: child };
};

const freePort = (): Promise<number> =>
  new Promise((resolve, reject) => {
    const probe = createServer().listen(0, '127.0.0.1', () => {
      const address = probe.address();
      probe.close(() =>
        typeof address === 'object' && address !== null
          ? resolve(address.port)
          : reject(new Error('No port.')),
      );
    });
    probe.on('error', reject);
  });

await runCommand({
  usage: USAGE,
  options: { moto: { type: 'boolean', default: false } },
  run: async (values) => {
    const given = environment.parse(process.env);
    const moto = values.moto ? await startMoto() : undefined;
    try {
      const target = await startTarget({
        dynamoDb: moto?.endpoint ?? given.DYNAMODB_ENDPOINT,
        kms: moto?.endpoint ?? given.KMS_ENDPOINT,
        s3: moto?.endpoint ?? given.S3_ENDPOINT,
      });
      try {
        const lines = await play(target);
        process.stdout.write(table(lines));
        const engine = moto?.endpoint ?? given.DYNAMODB_ENDPOINT;
        if (engine !== undefined) process.stdout.write(ruleTable(await compareRules(engine)));
        return lines.some(({ verdict }) => verdict === 'differs') ? 1 : 0;
      } finally {
        await target.close();
      }
    } finally {
      moto?.process.kill();
    }
  },
  failureStatus: 2,
});
