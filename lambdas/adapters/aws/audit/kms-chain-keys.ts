import type { ChainKeys } from '../../../use-cases/ports/audit.ts';
import type { DerivationKeys } from '../kms-derivation-keys.ts';

/** Keys of the audit chains, from a separate KMS key: a role that writes sessions cannot forge their trail. */
export const kmsChainKeys = (keys: DerivationKeys): ChainKeys => ({
  keyOf: (workspaceId) => keys.derive('audit-chain/v1', workspaceId),
});
