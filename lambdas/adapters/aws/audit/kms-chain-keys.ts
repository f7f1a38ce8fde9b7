import type { ChainKeys } from '../../../use-cases/ports/audit.ts';
import type { DerivationKeys } from '../kms-derivation-keys.ts';

/** Keys of the audit chains, from a KMS key of their own: whoever writes sessions cannot forge the trail of them. */
export const kmsChainKeys = (keys: DerivationKeys): ChainKeys => ({
  keyOf: (workspaceId) => keys.derive('audit-chain/v1', workspaceId),
});
