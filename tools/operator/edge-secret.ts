import { createHash, randomBytes } from 'node:crypto';
import { runCommand, UsageError } from '../command.ts';

const USAGE = `npm run --silent edge-secret | aws secretsmanager create-secret --region us-east-1 \\
  --name spelo-byok/STAGE/origin-1 --secret-string file:///dev/stdin

Generates the secret that CloudFront sends to the API. Writes the secret to standard output, which must be a pipe, and its
SHA-256 to the terminal. Add the SHA-256 to edge.acceptedDigests of the stage.
`;

/** 256 bits, so its digest can be published: the secret cannot be guessed. */
const SECRET_BYTES = 32;

await runCommand({
  usage: USAGE,
  run: () => {
    if (process.stdout.isTTY) throw new UsageError('The secret would be shown on the screen.');
    const secret = randomBytes(SECRET_BYTES).toString('base64url');
    process.stdout.write(secret);
    process.stderr.write(`edge.acceptedDigests: ${createHash('sha256').update(secret).digest('hex')}\n`);
    return 0;
  },
});
