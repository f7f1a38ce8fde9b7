import type { ShownVerdict } from '../../domain/keys/site-verdicts.ts';
import type { MaskedKey } from '../../domain/keys/stored-key.ts';
import type { ListedVersion } from '../../use-cases/keys/list-key-versions.ts';
import type { PlacedKey } from '../../use-cases/keys/list-openai-keys.ts';
import type { DataOf } from '../endpoints/endpoint.ts';

export const presentVerdict = (verdict: ShownVerdict): DataOf<'testSiteKey'> => ({
  ok: verdict.ok,
  code: verdict.code,
  message: verdict.message,
  latency_ms: verdict.latencyMs,
  checked_at: verdict.checkedAt,
  ...(verdict.sites !== undefined && {
    sites: verdict.sites.map(({ siteId, name, ok, code, message }) => ({
      site_id: siteId,
      name,
      ok,
      code,
      message,
    })),
  }),
});

export const presentKey = (key: MaskedKey): DataOf<'viewSiteKey'> => ({
  // The platform's key has no route: only an operator's command reaches that scope.
  scope: key.scope as DataOf<'viewSiteKey'>['scope'],
  masked: key.masked,
  version: key.version,
  state: key.state,
  created_at: key.createdAt,
  created_by: key.createdBy,
  last_used_at: key.lastUsedAt,
  last_verified_at: key.lastVerifiedAt,
  verdict: presentVerdict(key.verdict),
});

export const presentListedKey = ({ address, key }: PlacedKey) => ({
  ...presentKey(key),
  site_id: address.scope === 'site' ? address.scopeId : null,
});

export const presentVersion = (version: ListedVersion) => ({
  version: version.version,
  masked: version.masked,
  state: version.state,
  reason: version.reason,
  created_at: version.createdAt,
  created_by: version.createdBy,
  retained_until: version.retainedUntil,
});
