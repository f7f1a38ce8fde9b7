import { BrokerError } from '../../domain/broker-error.ts';
import type { SiteId } from '../../domain/identifiers.ts';
import { storeNewVersion } from '../../domain/keys/key-lifecycle.ts';
import { type OpenAiKey, openAiKeyFaultMessages, parseOpenAiKey } from '../../domain/keys/openai-key.ts';
import {
  type KeyAddress,
  type LiveKey,
  type MaskedKey,
  maskedViewOf,
  nextVersionOf,
} from '../../domain/keys/stored-key.ts';
import { provesNothingAboutKey, type Verdict } from '../../domain/keys/verdict.ts';
import type { RateLimits } from '../../domain/limits.ts';
import { brokerErrorOfOpenAiFailure, type OpenAiFailure } from '../../domain/openai-failure.ts';
import type { Caller } from '../../domain/tenancy/workspace.ts';
import { refuseConflict } from '../conflicts.ts';
import type { AuditEventFactory } from '../ports/audit.ts';
import type { RealtimeCalls } from '../ports/calls.ts';
import type { KeySealer, KeyStore } from '../ports/keys.ts';
import type { OpenAi } from '../ports/openai.ts';
import type { Clock } from '../ports/runtime.ts';
import type { RateLimiter } from '../ports/sessions.ts';
import type { MembershipReader } from '../ports/tenancy.ts';
import { keyFacts } from './key-facts.ts';
import { authorizeKeyTarget, type KeyTarget } from './key-target.ts';
import { type ProbeSettings, probeOpenAiKey } from './probe-openai-key.ts';

export interface SealingPorts {
  readonly keys: KeyStore;
  readonly sealer: KeySealer;
  readonly openAi: OpenAi;
  readonly calls: RealtimeCalls;
  readonly clock: Clock;
  readonly auditEvents: AuditEventFactory;
  /** How long a replaced key is retained for a rollback, seconds; 0 shreds it in the same write. */
  readonly retainSeconds: number;
}

/**
 * Admin. Stores or replaces the key of one scope. The pasted key is probed at OpenAI before it is accepted: a key that
 * cannot mint is refused with what is wrong and nothing changes; when OpenAI itself is busy or out of reach the key is
 * stored as unverified and says so. Two people at once: one wins, the other gets `version_conflict`.
 */
export const storeOpenAiKey =
  (
    ports: SealingPorts & { readonly tenancy: MembershipReader; readonly limiter: RateLimiter },
    limits: RateLimits,
  ) =>
  async (caller: Caller, target: KeyTarget, pasted: string): Promise<MaskedKey> => {
    const { address, siteId, settings } = await authorizeKeyTarget(ports.tenancy, caller, target, 'admin');
    const key = parseApiKeyOrThrow(pasted);
    try {
      const budget = await ports.limiter.spend(
        `probe#${address.workspaceId}`,
        limits.probesPerWorkspace,
        ports.clock(),
      );
      if (!budget.allowed) throw new BrokerError('rate_limited', budget);
      const stored = await sealAndStore(ports, { key, address, siteId, settings, caller });
      return maskedViewOf(stored, undefined, ports.clock());
    } finally {
      key.secret.destroy();
    }
  };

/** The parsed key, or `invalid_request` that names `api_key` and says what is wrong without repeating it. */
export const parseApiKeyOrThrow = (pasted: string): OpenAiKey => {
  const parsed = parseOpenAiKey(pasted);
  if ('fault' in parsed)
    throw new BrokerError('invalid_request', {
      details: [{ path: 'api_key', message: openAiKeyFaultMessages[parsed.fault] }],
    });
  return parsed.key;
};

/** Probes, seals under a fresh data key as the next version of the scope, and puts it in one conditional write. */
export const sealAndStore = async (
  ports: SealingPorts,
  request: {
    readonly key: OpenAiKey;
    readonly address: KeyAddress;
    readonly siteId: SiteId | undefined;
    readonly settings: ProbeSettings;
    readonly caller: Caller;
  },
): Promise<LiveKey> => {
  const { key, address, siteId, settings, caller } = request;
  const { verdict, failure } = await probeOpenAiKey(ports)(key.secret, settings);
  if (failure !== undefined && !provesNothingAboutKey(failure)) throw brokerErrorOfOpenAiFailure(failure);

  const currentKey = await ports.keys.readKey(address);
  const version = nextVersionOf(currentKey);
  const sealed = await ports.sealer.seal(key.secret, { ...address, version }, key.masked);
  const change = storeNewVersion(
    currentKey,
    { sealed, verdict: failure === undefined ? verdict : unverified(verdict, failure) },
    ports.retainSeconds,
    { at: ports.clock().toISOString(), by: caller.sub },
  );
  const event = await ports.auditEvents.event(caller, 'key.stored', {
    workspaceId: address.workspaceId,
    siteId,
    facts: { ...keyFacts(address.scope, currentKey, change), verdict: verdict.code },
  });
  await refuseConflict(ports.keys.changeKey(address, change, event));
  return change.currentKey;
};

const unverified = (verdict: Verdict, failure: OpenAiFailure): Verdict => ({
  ...verdict,
  message: `Stored, but not verified yet (${failure.reason}). ${verdict.message}`,
});
