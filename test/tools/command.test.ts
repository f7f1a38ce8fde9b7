import { readFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import { type Command, outcomeOf, printable, UsageError } from '../../tools/command.ts';

const USAGE = 'npm run greet -- --name NAME\n';

const greeting = (change: Partial<Command<{ name: { type: 'string' } }>> = {}) => {
  const calls: (string | undefined)[] = [];
  const command: Command<{ name: { type: 'string' } }> = {
    usage: USAGE,
    options: { name: { type: 'string' } },
    run: ({ name }) => {
      calls.push(name);
      return 0;
    },
    ...change,
  };
  return { calls, play: (...args: string[]) => outcomeOf(command, args) };
};

describe('a command', () => {
  it('gets its parsed options, and returns its exit status', async () => {
    const { calls, play } = greeting();
    expect(await play('--name', 'Ada')).toEqual({ status: 0, stdout: '', stderr: '' });
    expect(calls).toEqual(['Ada']);
    expect((await greeting({ run: () => 1 }).play()).status).toBe(1);
    expect((await greeting({ run: async () => 2 }).play()).status).toBe(2);
  });

  it('only prints its usage for --help, whatever the other arguments', async () => {
    const { calls, play } = greeting();
    expect(await play('--help', '--name', 'Ada')).toEqual({ status: 0, stdout: USAGE, stderr: '' });
    expect(calls).toEqual([]);
  });

  it.each([
    ['an option that it does not know', ['--nmae', 'Ada']],
    ['an option without its value', ['--name']],
    ['a positional argument where it takes none', ['Ada']],
  ])('refuses %s with its usage, and does nothing', async (_what, args) => {
    const { calls, play } = greeting({ failureStatus: 2 });
    const { status, stdout, stderr } = await play(...args);
    expect([status, stdout]).toEqual([2, '']);
    expect(stderr).toMatch(/^\S.*\n\nnpm run greet/s);
    expect(calls).toEqual([]);
  });

  it('gets positional arguments if it accepts them', async () => {
    let given: readonly string[] = [];
    const { play } = greeting({
      allowPositionals: true,
      run: (_values, positionals) => {
        given = positionals;
        return 0;
      },
    });
    await play('one', '--name', 'Ada', 'two');
    expect(given).toEqual(['one', 'two']);
  });

  it("prints one message for an error with status 1, or the error's own text and status", async () => {
    const run = () => {
      throw new Error('The table is not there.');
    };
    expect(await greeting({ run }).play()).toEqual({
      status: 1,
      stdout: '',
      stderr: 'The table is not there.\n',
    });
    const { status, stderr } = await greeting({
      run,
      describe: () => 'Nothing was changed.',
      failureStatus: 2,
    }).play();
    expect([status, stderr]).toEqual([2, 'Nothing was changed.\n']);
  });

  it('prints its usage after a wrong argument that only the command recognises', async () => {
    const { stderr } = await greeting({
      run: () => {
        throw new UsageError('Name a person.');
      },
      describe: () => 'not used',
    }).play();
    expect(stderr).toBe(`Name a person.\n\n${USAGE}`);
  });

  it('never prints control characters in foreign text', async () => {
    const { stderr } = await greeting({
      run: () => {
        throw new Error('row \u001b[2J is\r damaged\nand so on');
      },
    }).play();
    expect(stderr).toBe('row ?[2J is? damaged\nand so on\n');
    expect(printable('a\nb')).toBe('a?b');
  });

  it('prints no content of a thrown value that is not an error', async () => {
    const { stderr } = await greeting({
      run: () => {
        throw 'sk-secret';
      },
    }).play();
    expect(stderr).toBe('Failed.\n');
  });
});

describe('the commands of package.json', () => {
  const { scripts }: { scripts: Record<string, string> } = JSON.parse(
    readFileSync(new URL('../../package.json', import.meta.url), 'utf8'),
  );
  const files = [
    ...new Set(Object.values(scripts).flatMap((script) => script.match(/tools\/\S+\.ts/g) ?? [])),
  ];

  it.each(files)('include %s, which parses its arguments and exits only through runCommand', (file) => {
    const source = readFileSync(new URL(`../../${file}`, import.meta.url), 'utf8');
    expect(source).toContain('await runCommand({');
    expect(source).not.toMatch(/parseArgs|process\.argv|process\.exitCode|process\.exit\([^)]/);
  });
});
