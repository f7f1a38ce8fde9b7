import { z } from 'zod';
import { runCommand, UsageError } from '../command.ts';
import { smokeTest } from './smoke/steps.ts';

const USAGE = `TOKEN=… npm run smoke -- --url URL [--site SITE_ID --origin ORIGIN]

Checks a deployment from outside: its address, an owner's access token, CORS, and one mint. Without --site it creates a
managed workspace with a site and deletes it again; this needs the platform's own key. The mint is real, but nothing
connects with it.

  --url     https://… without a path: ApiUrl of the api stack, EdgeUrl of the edge stack, or what npm start prints
  --site    a site with its own key or a key of its workspace
  --origin  an origin that is registered for the site, such as https://shop.example
  --help    this text

Environment:
  TOKEN     an access token. An argument would be visible in the shell history

Exit status: 0 everything works; 1 a step failed, and its line says what to do; 2 wrong arguments.
`;

const options = z.object({
  url: z
    .url({ protocol: /^https?$/, error: '--url must be a URL, as in https://voice.example.com' })
    .transform((url) => url.replace(/\/+$/, '')),
  site: z.string().optional(),
  origin: z.string().optional(),
});

await runCommand({
  usage: USAGE,
  options: {
    url: { type: 'string' },
    site: { type: 'string' },
    origin: { type: 'string' },
  },
  run: async (values) => {
    const parsed = options.safeParse(values);
    if (!parsed.success || (parsed.data.site === undefined) !== (parsed.data.origin === undefined)) {
      const faults = parsed.success
        ? ['Give both --site and --origin, or neither.']
        : parsed.error.issues.map(({ message }) => message);
      throw new UsageError(faults.join('\n'));
    }
    const token = process.env['TOKEN'];
    const { url, site, origin } = parsed.data;
    const { ok } = await smokeTest(
      { url, site, origin, token: token === '' ? undefined : token },
      ({ step, ok: passed, says }) =>
        process.stdout.write(`${passed ? 'ok  ' : 'FAIL'}  ${step.padEnd(13)} ${says}\n`),
    );
    return ok ? 0 : 1;
  },
  failureStatus: 2,
});
