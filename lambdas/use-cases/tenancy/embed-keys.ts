import { BrokerError } from '../../domain/broker-error.ts';
import type { RandomBytes, SiteId } from '../../domain/identifiers.ts';
import type { EmbedAlgorithm, EmbedKey } from '../../domain/sessions/embed-token.ts';
import type { Caller } from '../../domain/tenancy/workspace.ts';
import { refuseConflict } from '../conflicts.ts';
import type { AuditEventFactory } from '../ports/audit.ts';
import type { Clock } from '../ports/runtime.ts';
import type { EmbedPublicKeys, EmbedSecrets } from '../ports/sessions.ts';
import type { Tenancy } from '../ports/tenancy.ts';
import { authorizeSite } from './authorize.ts';
import { requireRecentSignIn } from './require-recent-sign-in.ts';

export interface EmbedKeyPorts {
  readonly tenancy: Tenancy;
  readonly auditEvents: AuditEventFactory;
  readonly clock: Clock;
  readonly random: RandomBytes;
  readonly embedSecrets: Pick<EmbedSecrets, 'embedSecret'>;
  readonly publicKeys: EmbedPublicKeys;
}

export interface NewEmbedKey {
  readonly algorithm: EmbedAlgorithm;
  readonly publicKeyPem: string | undefined;
}

/**
 * Admin. Stores the key with which the site's embed tokens are checked. It replaces the previous one, whose tokens are
 * refused at once. Returns the secret of an HS256 key, which is stored nowhere and shown this once.
 */
export const storeEmbedKey =
  (ports: EmbedKeyPorts) =>
  async (
    caller: Caller,
    siteId: SiteId,
    { algorithm, publicKeyPem }: NewEmbedKey,
  ): Promise<{ readonly key: EmbedKey; readonly secret: string | null }> => {
    const { site } = await authorizeSite(ports.tenancy, caller, siteId, 'admin');
    requireRecentSignIn(caller);
    const key: EmbedKey = {
      algorithm,
      keyId: `emb_${ports.random(12).toString('hex')}`,
      publicKey: await publicKeyOf(ports.publicKeys, algorithm, publicKeyPem),
      createdAt: ports.clock().toISOString(),
      createdBy: caller.sub,
    };
    const secret = algorithm === 'HS256' ? await ports.embedSecrets.embedSecret(siteId, key.keyId) : null;
    const event = await ports.auditEvents.event(caller, 'embed_key.stored', {
      workspaceId: site.workspaceId,
      siteId,
      facts: { algorithm, key_id: key.keyId },
    });
    await refuseConflict(ports.tenancy.changeSite(site, { embedKey: key }, event));
    return { key, secret };
  };

const publicKeyOf = async (
  publicKeys: EmbedPublicKeys,
  algorithm: EmbedAlgorithm,
  pem: string | undefined,
): Promise<EmbedKey['publicKey']> => {
  if (algorithm === 'HS256') {
    if (pem === undefined) return null;
    throw invalidPublicKey('HS256 takes no public key: the secret is made here and shown once.');
  }
  const point = pem === undefined ? undefined : await publicKeys.parsePublicKey(pem);
  if (point === undefined || point === null)
    throw invalidPublicKey(
      'Must be a P-256 public key in PEM form, beginning with -----BEGIN PUBLIC KEY-----. Never send a private key.',
    );
  return point;
};

const invalidPublicKey = (message: string): BrokerError =>
  new BrokerError('invalid_request', { details: [{ path: 'public_key', message }] });

/** Admin. Removes the key: no embed token of the site is valid after this; `embed_key_not_found` if none is stored. */
export const removeEmbedKey =
  ({ tenancy, auditEvents }: Pick<EmbedKeyPorts, 'tenancy' | 'auditEvents'>) =>
  async (caller: Caller, siteId: SiteId): Promise<void> => {
    const { site } = await authorizeSite(tenancy, caller, siteId, 'admin');
    if (site.embedKey === null) throw new BrokerError('embed_key_not_found');
    const event = await auditEvents.event(caller, 'embed_key.removed', {
      workspaceId: site.workspaceId,
      siteId,
      facts: { algorithm: site.embedKey.algorithm, key_id: site.embedKey.keyId },
    });
    await refuseConflict(tenancy.changeSite(site, { embedKey: null }, event));
  };
