import { text } from 'node:stream/consumers';
import { runCommand } from '../command.ts';
import { verifyOpenAi } from './verify-openai/checks.ts';
import { mayHaveKey, openAiUnderTest } from './verify-openai/openai.ts';

const USAGE = `npm run verify-openai < FILE            (or paste the key and end with Ctrl-D)

Shows what OpenAI really does with calls that a server creates: creation and hang-up with a standard key, what the page
notices, sidebands, a session that the page changes, a tab that dies, and turns that are not answered by themselves. It makes
about ten short calls, hangs each of them up, and costs some cents of the key that it reads from standard input. It prints no
key and nothing of a conversation.

  --url     where to ask; https://api.openai.com/v1 unless given, or one of its regions, or a server of this machine
  --model   gpt-realtime-2.1-mini unless given
  --revoke  holds the last call open for three minutes, in which you revoke the key at platform.openai.com
  --help    this text

Exit status: 0 everything could be observed; 1 something could not; 2 it was called wrongly.
`;

const PATIENCE_MS = 30_000;
const ABANDONED_MS = 90_000;
const REVOKE_MS = 180_000;
const STANDARD_KEY = /^sk-(?!admin-)[A-Za-z0-9_-]{20,}$/;

await runCommand({
  usage: USAGE,
  options: {
    url: { type: 'string', default: 'https://api.openai.com/v1' },
    model: { type: 'string', default: 'gpt-realtime-2.1-mini' },
    revoke: { type: 'boolean', default: false },
  },
  run: async (values) => {
    if (!mayHaveKey(values.url)) {
      throw new Error('--url must be a host of OpenAI or this machine: the key is sent there.');
    }
    if (process.stdin.isTTY) process.stderr.write('Paste the OpenAI key, then press Enter and Ctrl-D.\n');
    const key = (await text(process.stdin)).trim();
    if (!STANDARD_KEY.test(key)) {
      throw new Error('Standard input holds no OpenAI key. A standard key starts with "sk-".');
    }
    if (values.revoke) process.stderr.write('Revoke the key when "barge-in" has been printed.\n');
    const { ok } = await verifyOpenAi(
      openAiUnderTest(values.url.replace(/\/+$/, ''), key),
      {
        model: values.model,
        patienceMs: PATIENCE_MS,
        abandonedMs: ABANDONED_MS,
        revokeMs: values.revoke ? REVOKE_MS : undefined,
      },
      ({ check, seen }) => process.stdout.write(`${check.padEnd(18)} ${seen}\n`),
    );
    return ok ? 0 : 1;
  },
  failureStatus: 2,
});
// The WebRTC library leaves timers behind.
process.exit();
