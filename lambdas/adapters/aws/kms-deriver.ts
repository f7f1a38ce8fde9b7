import { createHmac } from 'node:crypto';
import { GenerateMacCommand, type KMSClient } from '@aws-sdk/client-kms';
import { DependencyUnavailableError } from '../../domain/dependency.ts';
import type { Deriver } from '../../use-cases/ports.ts';
import { callAws } from './aws-calls.ts';

const DAY_MS = 86_400_000;

/**
 * Hashes and session secrets from roots that KMS computes (GenerateMac over a fixed label) and that live in memory
 * only. One KMS call per label and container, so a warm request makes none; `warmUp` moves the first ones into the
 * start of the container. A failed call is not remembered.
 */
export const kmsDeriver = (
  kms: KMSClient,
  derivationKeyArn: string,
): Deriver & { warmUp(now: Date): Promise<void> } => {
  const roots = new Map<string, Promise<Buffer>>();

  const rootOf = (label: string): Promise<Buffer> => {
    const known = roots.get(label);
    if (known !== undefined) return known;
    const root = generateMac(label);
    roots.set(label, root);
    root.catch(() => roots.delete(label));
    return root;
  };

  const generateMac = async (label: string): Promise<Buffer> => {
    const { Mac } = await callAws('kms', 'GenerateMac', () =>
      kms.send(
        new GenerateMacCommand({
          KeyId: derivationKeyArn,
          MacAlgorithm: 'HMAC_SHA_256',
          Message: Buffer.from(`spelo-byok/${label}`, 'utf8'),
        }),
      ),
    );
    if (Mac === undefined) throw new DependencyUnavailableError('kms', 'GenerateMac', 'EmptyAnswer');
    return Buffer.from(Mac);
  };

  const derive = async (label: string, ...parts: readonly string[]): Promise<Buffer> => {
    const hmac = createHmac('sha256', await rootOf(label));
    for (const part of parts) hmac.update(`${Buffer.byteLength(part)}:${part}`);
    return hmac.digest();
  };

  /** Another root each day: yesterday's hashes cannot be compared with today's, and old roots are forgotten. */
  const ipLabel = (now: Date): string => `ip-hash/v1/${now.toISOString().slice(0, 10)}`;
  const forgetIpRootOf = (day: Date): void => {
    roots.delete(ipLabel(day));
  };

  return {
    hashIp: async (address, now) => {
      forgetIpRootOf(new Date(now.getTime() - 2 * DAY_MS));
      return (await derive(ipLabel(now), address)).toString('hex');
    },
    safetyIdentifier: async (siteId, visitor) =>
      (await derive('safety-identifier/v1', siteId, visitor)).toString('hex'),
    signingSecret: async (sessionId) => (await derive('session-signing/v1', sessionId)).toString('base64'),
    warmUp: async (now) => {
      await Promise.allSettled([ipLabel(now), 'safety-identifier/v1', 'session-signing/v1'].map(rootOf));
    },
  };
};
