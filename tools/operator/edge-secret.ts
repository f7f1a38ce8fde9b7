import { createHash, randomBytes } from 'node:crypto';
import { parseArgs } from 'node:util';

const USAGE = `npm run --silent edge-secret | aws secretsmanager create-secret --region us-east-1 \\
  --name spelo-byok/STAGE/origin-1 --secret-string file:///dev/stdin

Generates the secret that CloudFront sends to the API. Writes the secret to standard output, which must be a pipe, and its
SHA-256 to the terminal. Add the SHA-256 to edge.acceptedDigests of the stage.
`;

/** 256 bits: a digest of it can be published, because nobody finds the secret by trying. */
const SECRET_BYTES = 32;

const { values } = parseArgs({ options: { help: { type: 'boolean', default: false } } });
if (values.help) process.stdout.write(USAGE);
else if (process.stdout.isTTY) {
  process.stderr.write(`The secret would stand on the screen.\n\n${USAGE}`);
  process.exitCode = 1;
} else {
  const secret = randomBytes(SECRET_BYTES).toString('base64url');
  process.stdout.write(secret);
  process.stderr.write(`edge.acceptedDigests: ${createHash('sha256').update(secret).digest('hex')}\n`);
}
