import { createCipheriv, hkdfSync, randomBytes } from 'node:crypto';
import type { RandomBytes } from '../../../lambdas/domain/identifiers.ts';
import type { DataKey, SealedKey } from '../../../lambdas/domain/keys/sealed-key.ts';
import { type Identity, SITE_IDENTITY } from './sealed-key-fixture.ts';

const withLength = (text: string): Buffer => {
  const bytes = Buffer.from(text, 'utf8');
  const length = Buffer.alloc(4);
  length.writeUInt32BE(bytes.byteLength);
  return Buffer.concat([length, bytes]);
};

/**
 * Seals as docs/sealed-key.md describes, without any check: anyone who holds a data key can make such a record. The
 * tests use it for records that are authentic but would never be written.
 */
export const sealByHand = (
  text: string,
  dataKey: DataKey,
  identity: Identity = SITE_IDENTITY,
  random: RandomBytes = randomBytes,
): SealedKey => {
  const { scope, scopeId, workspaceId, version, masked, fingerprint } = identity;
  const additional = Buffer.concat(
    [
      ...['spelo:format', '1'],
      ...['spelo:algorithm', 'AES-256-GCM'],
      ...['spelo:scope', scope],
      ...['spelo:scope_id', scopeId],
      ...['spelo:workspace_id', workspaceId],
      ...['spelo:key_version', `${version}`],
      ...[masked, fingerprint],
    ].map(withLength),
  );
  const derive = (purpose: string): Buffer => {
    const info = Buffer.concat([Buffer.from(`spelo-byok/sealed-key/v1/${purpose}/`), additional]);
    return Buffer.from(hkdfSync('sha512', dataKey.plaintext, Buffer.alloc(0), info, 32));
  };
  const iv = random(12);
  const cipher = createCipheriv('aes-256-gcm', derive('encrypt'), iv, { authTagLength: 16 }).setAAD(
    additional,
  );
  const ciphertext = Buffer.concat([cipher.update(text, 'utf8'), cipher.final()]);
  return {
    ...{ scope, scopeId, workspaceId, version, masked, fingerprint },
    format: 1,
    algorithm: 'AES-256-GCM',
    kmsKeyArn: dataKey.kmsKeyArn,
    wrappedDataKey: dataKey.wrapped,
    iv,
    tag: cipher.getAuthTag(),
    commitment: derive('commit'),
    ciphertext,
  };
};
