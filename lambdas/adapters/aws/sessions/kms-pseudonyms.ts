import { networkOf } from '../../../domain/network-address.ts';
import type { PseudonymService } from '../../../use-cases/ports/sessions.ts';
import type { DerivationKeys } from '../kms-derivation-keys.ts';

const DAY_MS = 86_400_000;
const SAFETY_IDENTIFIER = 'safety-identifier/v1';
const SESSION_SIGNING = 'session-signing/v1';

/** Another root each day: yesterday's hashes cannot be compared with today's. */
const ipLabel = (now: Date): string => `ip-hash/v1/${now.toISOString().slice(0, 10)}`;

/** Hashes and session secrets; `warmUp` moves the first KMS calls into the start of the container. */
export const kmsPseudonyms = (
  keys: DerivationKeys,
): PseudonymService & { warmUp(now: Date): Promise<void> } => ({
  hashIp: async (address, now) => {
    keys.forget(ipLabel(new Date(now.getTime() - 2 * DAY_MS)));
    return (await keys.derive(ipLabel(now), networkOf(address))).toString('hex');
  },
  safetyIdentifier: async (siteId, visitor) =>
    (await keys.derive(SAFETY_IDENTIFIER, siteId, visitor)).toString('hex'),
  signingSecret: async (sessionId) => (await keys.derive(SESSION_SIGNING, sessionId)).toString('base64'),
  warmUp: (now) => keys.warmUp([ipLabel(now), SAFETY_IDENTIFIER, SESSION_SIGNING]),
});
