import { networkOf } from '../../domain/network-address.ts';
import type { ChainKeys, Deriver } from '../../use-cases/ports.ts';
import type { KmsRoots } from './kms-roots.ts';

const DAY_MS = 86_400_000;
const SAFETY_IDENTIFIER = 'safety-identifier/v1';
const SESSION_SIGNING = 'session-signing/v1';

/** Another root each day: yesterday's hashes cannot be compared with today's. */
const ipLabel = (now: Date): string => `ip-hash/v1/${now.toISOString().slice(0, 10)}`;

/** Hashes and session secrets; `warmUp` moves the first KMS calls into the start of the container. */
export const kmsDeriver = (roots: KmsRoots): Deriver & { warmUp(now: Date): Promise<void> } => ({
  hashIp: async (address, now) => {
    roots.forget(ipLabel(new Date(now.getTime() - 2 * DAY_MS)));
    return (await roots.derive(ipLabel(now), networkOf(address))).toString('hex');
  },
  safetyIdentifier: async (siteId, visitor) =>
    (await roots.derive(SAFETY_IDENTIFIER, siteId, visitor)).toString('hex'),
  signingSecret: async (sessionId) => (await roots.derive(SESSION_SIGNING, sessionId)).toString('base64'),
  warmUp: (now) => roots.warmUp([ipLabel(now), SAFETY_IDENTIFIER, SESSION_SIGNING]),
});

/** Keys of the audit chains, from a KMS key of their own: whoever writes sessions cannot forge the trail of them. */
export const kmsChainKeys = (roots: KmsRoots): ChainKeys => ({
  keyOf: (workspaceId) => roots.derive('audit-chain/v1', workspaceId),
});
