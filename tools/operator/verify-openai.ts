import { text } from 'node:stream/consumers';
import { runCommand } from '../command.ts';
import { verifyOpenAi } from './verify-openai/checks.ts';
import { mayHaveKey, openAiUnderTest } from './verify-openai/openai.ts';

const USAGE = `npm run verify-openai < FILE            (or paste the key and end with Ctrl-D)

Shows what OpenAI actually does with calls that a server creates: creation and hang-up with a standard key, what the page
notices, sidebands, a session that the page changes, a tab that crashes, and turns without an automatic response. It makes
about ten short calls, hangs up each of them, and costs a few cents on the key that it reads from standard input. It never prints
the key or any part of a conversation.

  --url     OpenAI's address or one of its regions, or a server on this machine; default https://api.openai.com/v1
  --model   the model; default gpt-realtime-2.1-mini
  --revoke  keeps the last call open for three minutes, so that you can revoke the key at platform.openai.com
  --help    this text

Exit status: 0 everything could be observed; 1 something could not; 2 wrong arguments.
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
      throw new Error('--url must be an OpenAI host or this machine, because the key is sent there.');
    }
    if (process.stdin.isTTY) process.stderr.write('Paste the OpenAI key, then press Enter and Ctrl-D.\n');
    const key = (await text(process.stdin)).trim();
    if (!STANDARD_KEY.test(key)) {
      throw new Error('Standard input does not contain an OpenAI key. A standard key starts with "sk-".');
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
