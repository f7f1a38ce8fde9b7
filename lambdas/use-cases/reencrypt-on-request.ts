import { ConflictError } from '../domain/dependency.ts';
import type { SiteId } from '../domain/identifiers.ts';
import { storeReencrypted } from '../domain/key-lifecycle.ts';
import { isLive, type LiveKey, nextVersionOf } from '../domain/stored-key.ts';
import { DEFAULT_VOICE_SETTINGS, type VoiceSettings } from '../domain/workspace.ts';
import { type OperatorUsePorts, operatorUse } from './operator-use.ts';
import type { KeySealer, KeyStore, RotationRequest, SiteReader, WorkspaceReader } from './ports.ts';
import { systemEvent } from './system-event.ts';

const ACTOR = 'system:detector';

export interface ReencryptOnRequestPorts extends Omit<OperatorUsePorts, 'deriver'> {
  readonly keys: Pick<KeyStore, 'readKey' | 'changeKey'>;
  readonly sites: SiteReader;
  readonly workspaces: WorkspaceReader;
  readonly sealer: KeySealer;
}

/**
 * The same OpenAI key under a fresh data key, asked for by the detector instead of a person. The decrypt has its intent and
 * outcome on record like every other. Only the version that was asked about: a request that comes twice, or after somebody
 * has replaced the key, is `superseded` and opens nothing.
 */
export const reencryptOnRequest =
  (ports: ReencryptOnRequestPorts) =>
  async (request: RotationRequest): Promise<'reencrypted' | 'superseded'> => {
    const { scope, scopeId, workspaceId } = request;
    const address = { scope, scopeId, workspaceId };
    const [settings, head] = await Promise.all([settingsOf(ports, request), ports.keys.readKey(address)]);
    if (settings === undefined || !isLive(head) || head.sealed.version !== request.version)
      return 'superseded';
    const siteId = scope === 'site' ? (scopeId as SiteId) : undefined;
    const { result: sealed } = await operatorUse({ ...ports, deriver: noAddress })(
      { sub: ACTOR, sourceIp: '' },
      { address, siteId, settings },
      head,
      'reencryption',
      async (plaintext) => ({
        result: await ports.sealer.seal(
          plaintext,
          { ...address, version: nextVersionOf(head) },
          head.sealed.masked,
        ),
        outcome: { state: 'used' },
      }),
    );
    return store(ports, request, head, sealed);
  };

/** Nobody's address: the request came from inside. */
const noAddress: OperatorUsePorts['deriver'] = { hashIp: async () => '' };

/** What the session of the decrypt names; undefined when site or workspace is gone. */
const settingsOf = async (
  { sites, workspaces }: ReencryptOnRequestPorts,
  { scope, scopeId, workspaceId }: RotationRequest,
): Promise<VoiceSettings | undefined> => {
  if (scope === 'site') return sites.readSite(scopeId as SiteId);
  const workspace = await workspaces.readWorkspace(workspaceId);
  if (workspace?.deletedAt !== null) return undefined;
  return DEFAULT_VOICE_SETTINGS;
};

const store = async (
  { clock, random, keys }: ReencryptOnRequestPorts,
  { scope, scopeId, workspaceId, incidentId }: RotationRequest,
  head: LiveKey,
  sealed: LiveKey['sealed'],
): Promise<'reencrypted' | 'superseded'> => {
  const now = clock();
  const event = systemEvent({ now, random }, ACTOR, 'key.reencrypted', {
    workspaceId,
    siteId: scope === 'site' ? scopeId : null,
    facts: {
      scope,
      version_before: head.sealed.version,
      version: sealed.version,
      masked: sealed.masked,
      incident: incidentId,
    },
  });
  const change = storeReencrypted(head, sealed, { at: now.toISOString(), by: ACTOR });
  try {
    await keys.changeKey({ scope, scopeId, workspaceId }, change, event);
    return 'reencrypted';
  } catch (error) {
    if (error instanceof ConflictError) return 'superseded';
    throw error;
  }
};
