import { createHmac, createSecretKey, type KeyObject } from 'node:crypto';
import { GenerateMacCommand, type KMSClient } from '@aws-sdk/client-kms';
import { DependencyUnavailableError } from '../../domain/dependency.ts';
import { callAws } from './aws-calls.ts';

/** Secrets that are derived from a KMS HMAC key and live in memory only. */
export interface DerivationKeys {
  /** HMAC-SHA-256 of `parts` under the root of `label`, 32 bytes. */
  derive(label: string, ...parts: readonly string[]): Promise<Buffer>;
  /** Requests roots ahead of time. A failure surfaces in the code that needs a root. */
  warmUp(labels: readonly string[]): Promise<void>;
  forget(label: string): void;
}

/**
 * Derives secrets from one root per label and container, which one KMS call (GenerateMac over the label) returns. All
 * secrets are derived in memory, so a warm request makes no such call. A failed call is not cached.
 */
export const kmsDerivationKeys = (kms: KMSClient, hmacKeyArn: string): DerivationKeys => {
  const roots = new Map<string, Promise<KeyObject>>();

  const derivationKeyOf = (label: string): Promise<KeyObject> => {
    const known = roots.get(label);
    if (known !== undefined) return known;
    const root = generateMac(label);
    roots.set(label, root);
    root.catch(() => roots.delete(label));
    return root;
  };

  const generateMac = async (label: string): Promise<KeyObject> => {
    const { Mac } = await callAws('kms', 'GenerateMac', () =>
      kms.send(
        new GenerateMacCommand({
          KeyId: hmacKeyArn,
          MacAlgorithm: 'HMAC_SHA_256',
          Message: Buffer.from(`spelo-byok/${label}`, 'utf8'),
        }),
      ),
    );
    if (Mac === undefined) throw new DependencyUnavailableError('kms', 'GenerateMac', 'EmptyAnswer');
    // A key object, because Node makes one for each HMAC from bytes, which takes longer than the HMAC (docs/performance.md).
    return createSecretKey(Mac);
  };

  return {
    derive: async (label, ...parts) => {
      const hmac = createHmac('sha256', await derivationKeyOf(label));
      for (const part of parts) hmac.update(`${Buffer.byteLength(part)}:${part}`);
      return hmac.digest();
    },
    warmUp: async (labels) => {
      await Promise.allSettled(labels.map(derivationKeyOf));
    },
    forget: (label) => {
      roots.delete(label);
    },
  };
};
