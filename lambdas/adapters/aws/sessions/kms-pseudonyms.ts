import { networkOf } from '../../../domain/network-address.ts';
import type { EmbedSecrets, PseudonymService } from '../../../use-cases/ports/sessions.ts';
import type { DerivationKeys } from '../kms-derivation-keys.ts';

const DAY_MS = 86_400_000;
const SAFETY_IDENTIFIER = 'safety-identifier/v1';
const SESSION_SIGNING = 'session-signing/v1';
const EMBED_SECRET = 'embed-secret/v1';
const VISITOR_TAG = 'visitor-tag/v1';

/** The root changes each day, so yesterday's hashes cannot be compared with today's. */
const ipLabel = (now: Date): string => `ip-hash/v1/${now.toISOString().slice(0, 10)}`;

/**
 * Hashes and session secrets. `warmUp` moves the KMS calls that each visitor needs into the start of the container; embed
 * tokens are rare enough to derive their keys on the first use.
 */
export const kmsPseudonyms = (
  keys: DerivationKeys,
): PseudonymService & EmbedSecrets & { warmUp(now: Date): Promise<void> } => ({
  hashIp: async (address, now) => {
    keys.forget(ipLabel(new Date(now.getTime() - 2 * DAY_MS)));
    return (await keys.derive(ipLabel(now), networkOf(address))).toString('hex');
  },
  safetyIdentifier: async (siteId, visitor) =>
    (await keys.derive(SAFETY_IDENTIFIER, siteId, visitor)).toString('hex'),
  signingSecret: async (sessionId) => (await keys.derive(SESSION_SIGNING, sessionId)).toString('base64'),
  embedSecret: async (siteId, keyId) => (await keys.derive(EMBED_SECRET, siteId, keyId)).toString('base64'),
  visitorTag: async (siteId, sub) =>
    (await keys.derive(VISITOR_TAG, siteId, sub)).subarray(0, 16).toString('hex'),
  warmUp: (now) => keys.warmUp([ipLabel(now), SAFETY_IDENTIFIER, SESSION_SIGNING]),
});
