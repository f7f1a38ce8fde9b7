import type { RotationRequest } from '../../domain/anomalies/rotation-request.ts';
import { ConflictError } from '../../domain/dependency.ts';
import type { SiteId } from '../../domain/identifiers.ts';
import { storeReencrypted } from '../../domain/keys/key-lifecycle.ts';
import { isLive, type LiveKey, nextVersionOf } from '../../domain/keys/stored-key.ts';
import { DEFAULT_VOICE_SETTINGS, type VoiceSettings } from '../../domain/tenancy/workspace.ts';
import { systemEvent } from '../audit/system-event.ts';
import type { KeySealer, KeyStore } from '../ports/keys.ts';
import type { SiteReader, WorkspaceReader } from '../ports/tenancy.ts';
import { type AuditedKeyPorts, withAuditedKey } from './with-audited-key.ts';

const ACTOR = 'system:detector';

export interface ReencryptOnRequestPorts extends Omit<AuditedKeyPorts, 'pseudonyms'> {
  readonly keys: Pick<KeyStore, 'readKey' | 'changeKey'>;
  readonly sites: SiteReader;
  readonly workspaces: WorkspaceReader;
  readonly sealer: KeySealer;
}

/**
 * The same OpenAI key under a fresh data key, at the request of the detector instead of a person. The decrypt has its
 * intent and outcome on record like every other. Only the requested version is re-encrypted: a request that comes
 * twice, or after a person has replaced the key, is `superseded` and opens nothing.
 */
export const reencryptOnRequest =
  (ports: ReencryptOnRequestPorts) =>
  async (request: RotationRequest): Promise<'reencrypted' | 'superseded'> => {
    const { scope, scopeId, workspaceId } = request;
    const address = { scope, scopeId, workspaceId };
    const [settings, currentKey] = await Promise.all([
      settingsOf(ports, request),
      ports.keys.readKey(address),
    ]);
    if (settings === undefined || !isLive(currentKey) || currentKey.sealed.version !== request.version)
      return 'superseded';
    const siteId = scope === 'site' ? (scopeId as SiteId) : undefined;
    const { result: sealed } = await withAuditedKey({ ...ports, pseudonyms: noAddress })(
      { sub: ACTOR, sourceIp: '' },
      { address, siteId, settings },
      currentKey,
      'reencryption',
      async (plaintext) => ({
        result: await ports.sealer.seal(
          plaintext,
          { ...address, version: nextVersionOf(currentKey) },
          currentKey.sealed.masked,
        ),
        outcome: { state: 'used' },
      }),
    );
    return store(ports, request, currentKey, sealed);
  };

/** No address, because the request is internal. */
const noAddress: AuditedKeyPorts['pseudonyms'] = { hashIp: async () => '' };

/** The settings for the session of the decrypt; undefined if the site or workspace is gone. */
const settingsOf = async (
  { sites, workspaces }: ReencryptOnRequestPorts,
  { scope, scopeId, workspaceId }: RotationRequest,
): Promise<VoiceSettings | undefined> => {
  if (scope === 'site') return sites.readSite(scopeId as SiteId);
  const workspace = await workspaces.readWorkspace(workspaceId);
  if (workspace?.deletedAt !== null) return undefined;
  return { ...DEFAULT_VOICE_SETTINGS, dataResidency: workspace.dataResidency };
};

const store = async (
  { clock, random, keys }: ReencryptOnRequestPorts,
  { scope, scopeId, workspaceId, incidentId }: RotationRequest,
  currentKey: LiveKey,
  sealed: LiveKey['sealed'],
): Promise<'reencrypted' | 'superseded'> => {
  const now = clock();
  const event = systemEvent({ now, random }, ACTOR, 'key.reencrypted', {
    workspaceId,
    siteId: scope === 'site' ? scopeId : null,
    facts: {
      scope,
      version_before: currentKey.sealed.version,
      version: sealed.version,
      masked: sealed.masked,
      incident: incidentId,
    },
  });
  const change = storeReencrypted(currentKey, sealed, { at: now.toISOString(), by: ACTOR });
  try {
    await keys.changeKey({ scope, scopeId, workspaceId }, change, event);
    return 'reencrypted';
  } catch (error) {
    if (error instanceof ConflictError) return 'superseded';
    throw error;
  }
};
