import { randomUUID } from 'node:crypto';
import { chmodSync, existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { type CryptoKey, calculateJwkThumbprint, exportJWK, generateKeyPair, importJWK } from 'jose';
import { z } from 'zod';

/** RSA, because API Gateway's JWT authorizer accepts nothing else. */
export const SIGNING_ALGORITHM = 'RS256';

const PrivateJwkSchema = z.strictObject({
  kty: z.literal('RSA'),
  n: z.string(),
  e: z.string(),
  d: z.string(),
  p: z.string(),
  q: z.string(),
  dp: z.string(),
  dq: z.string(),
  qi: z.string(),
});
type PrivateJwk = z.infer<typeof PrivateJwkSchema>;

export type SigningKey = {
  readonly kid: string;
  readonly privateKey: CryptoKey;
  /** As served in the key set: no private part. */
  readonly publicJwk: Readonly<Record<string, string>>;
};

/**
 * Gives the key in `stateFile`, or makes one and keeps it there, readable by its owner alone.
 *
 * Without a file the key ends with the process, and every token with it.
 *
 * @throws {Error} when the file is there but holds no RS256 key; it is left as it is and its content is not shown.
 */
export async function loadSigningKey(stateFile: string | undefined): Promise<SigningKey> {
  if (stateFile !== undefined && existsSync(stateFile)) return toSigningKey(await readJwk(stateFile));
  const jwk = await newJwk();
  if (stateFile !== undefined) writeJwk(stateFile, jwk);
  return toSigningKey(jwk);
}

/** A new key in memory, for several issuers of one process: an RSA key takes longer to make than an issuer to start. */
export const newSigningKey = async (): Promise<SigningKey> => toSigningKey(await newJwk());

async function newJwk(): Promise<PrivateJwk> {
  const { privateKey } = await generateKeyPair(SIGNING_ALGORITHM, { extractable: true });
  return PrivateJwkSchema.parse(await exportJWK(privateKey));
}

async function toSigningKey(jwk: PrivateJwk): Promise<SigningKey> {
  const kid = await calculateJwkThumbprint(jwk);
  const privateKey = await importJWK(jwk, SIGNING_ALGORITHM);
  if (privateKey instanceof Uint8Array) throw new Error('An RSA key cannot be symmetric.');
  const { kty, n, e } = jwk;
  return { kid, privateKey, publicJwk: { kty, n, e, kid, alg: SIGNING_ALGORITHM, use: 'sig' } };
}

async function readJwk(stateFile: string): Promise<PrivateJwk> {
  try {
    const jwk = PrivateJwkSchema.parse(JSON.parse(readFileSync(stateFile, 'utf8')));
    await importJWK(jwk, SIGNING_ALGORITHM);
    chmodSync(stateFile, 0o600);
    return jwk;
  } catch {
    // Without the parser's message and the content, because both may quote the private key.
    throw new Error(
      `The issuer's key file ${stateFile} is damaged: run \`npm start -- --reset\` to make a new one.`,
    );
  }
}

function writeJwk(stateFile: string, jwk: PrivateJwk): void {
  mkdirSync(dirname(stateFile), { recursive: true });
  const unfinished = `${stateFile}.${randomUUID()}`;
  writeFileSync(unfinished, JSON.stringify(jwk), { mode: 0o600, flag: 'wx' });
  renameSync(unfinished, stateFile);
}
