import { BrokerError } from '../../domain/broker-error.ts';
import type { SiteId } from '../../domain/identifiers.ts';
import { storeNewVersion } from '../../domain/keys/key-lifecycle.ts';
import { isOfSettings, type KeyUses } from '../../domain/keys/key-uses.ts';
import { type OpenAiKey, parseOpenAiKey } from '../../domain/keys/openai-key.ts';
import { sitesDiffer } from '../../domain/keys/site-verdicts.ts';
import {
  isLive,
  type KeyAddress,
  type LiveKey,
  type MaskedKey,
  maskedViewOf,
  nextVersionOf,
} from '../../domain/keys/stored-key.ts';
import { provesNothingAboutKey, type Verdict } from '../../domain/keys/verdict.ts';
import type { RateLimits } from '../../domain/limits.ts';
import {
  brokerErrorOfOpenAiFailure,
  explainOpenAiFailure,
  type OpenAiFailure,
} from '../../domain/openai-failure.ts';
import type { Caller } from '../../domain/tenancy/workspace.ts';
import { refuseConflict } from '../conflicts.ts';
import type { AuditEventFactory } from '../ports/audit.ts';
import type { RealtimeCalls } from '../ports/calls.ts';
import type { KeySealer, KeyStore } from '../ports/keys.ts';
import type { OpenAi } from '../ports/openai.ts';
import type { Clock } from '../ports/runtime.ts';
import type { RateLimiter } from '../ports/sessions.ts';
import type { MembershipReader, SiteLister } from '../ports/tenancy.ts';
import { requireRecentSignIn } from '../tenancy/require-recent-sign-in.ts';
import { keyFacts } from './key-facts.ts';
import { type AuthorizedKeyTarget, authorizeKeyTarget, type KeyTarget } from './key-target.ts';
import { type ProbeResult, probeOpenAiKey, shownVerdict } from './probe-openai-key.ts';
import { usesOfKey } from './uses-of-key.ts';

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

/** The person's choice about storing a key that could not be checked at OpenAI. */
export interface StoringChoice {
  readonly confirmUnverified: boolean;
}

export const UNCONFIRMED: StoringChoice = { confirmUnverified: false };

/**
 * Admin. Stores or replaces the key of one scope. The pasted key is checked at OpenAI with the settings of its sites: a key that
 * works for none of them is refused with the reason, and nothing changes. If OpenAI is busy or unreachable, a first key
 * is stored as unverified; a stored key is replaced only with a confirmation. Two people at once: one succeeds,
 * the other gets `version_conflict`.
 */
export const storeOpenAiKey =
  (
    ports: SealingPorts & { readonly tenancy: MembershipReader & SiteLister; readonly limiter: RateLimiter },
    limits: RateLimits,
  ) =>
  async (
    caller: Caller,
    target: KeyTarget,
    pasted: string,
    choice: StoringChoice = UNCONFIRMED,
  ): Promise<MaskedKey> => {
    const authorized = await authorizeKeyTarget(ports.tenancy, caller, target, 'admin');
    const { address, siteId } = authorized;
    if (caller.signInIsOld === true && !(await isFirstKey(ports.keys, address))) requireRecentSignIn(caller);
    const key = parseApiKeyOrThrow(pasted);
    try {
      const budget = await ports.limiter.spend(
        `probe#${address.workspaceId}`,
        limits.probesPerWorkspace,
        ports.clock(),
      );
      if (!budget.allowed) throw new BrokerError('rate_limited', budget);
      const uses = await usesOfKey(ports, authorized);
      const { currentKey, sites } = await sealAndStore(ports, { key, address, siteId, uses, caller, choice });
      const view = maskedViewOf(currentKey, undefined, ports.clock());
      return { ...view, verdict: shownVerdict({ verdict: currentKey.verdict, sites }) };
    } finally {
      key.secret.destroy();
    }
  };

/** True if no key was ever stored at the scope, and a site has no workspace key to use, so nothing can be displaced. */
const isFirstKey = async (
  keys: Pick<KeyStore, 'readKey'>,
  address: AuthorizedKeyTarget['address'],
): Promise<boolean> => {
  if ((await keys.readKey(address)) !== undefined) return false;
  const { scope, workspaceId } = address;
  return (
    scope === 'workspace' ||
    !isLive(await keys.readKey({ scope: 'workspace', scopeId: workspaceId, workspaceId }))
  );
};

/** The parsed key, or `invalid_request` that names `api_key` and its fault without repeating the text. */
export const parseApiKeyOrThrow = (pasted: string): OpenAiKey => {
  const parsed = parseOpenAiKey(pasted);
  if ('fault' in parsed)
    throw new BrokerError('invalid_request', {
      details: [{ path: 'api_key', message: parsed.message }],
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
    readonly uses: KeyUses;
    readonly caller: Caller;
    readonly choice: StoringChoice;
    /** A suspended key stays suspended. @default false: the new key is active */
    readonly keepsSuspension?: boolean;
  },
): Promise<{ readonly currentKey: LiveKey; readonly sites: ProbeResult['sites'] }> => {
  const { key, address, siteId, uses, caller, choice, keepsSuspension = false } = request;
  const probe = await probeOpenAiKey(ports)(key.secret, uses);
  const { verdict, failure, sites } = probe;
  if (failure !== undefined && !provesNothing(failure, address, uses)) throw refusalOfProbe(failure, sites);

  const currentKey = await ports.keys.readKey(address);
  if (failure !== undefined && isLive(currentKey) && !choice.confirmUnverified)
    throw new BrokerError('openai_key_unverified', { details: [explainOpenAiFailure(failure)] });
  const version = nextVersionOf(currentKey);
  const sealed = await ports.sealer.seal(key.secret, { ...address, version }, key.masked);
  const change = storeNewVersion(
    currentKey,
    {
      sealed,
      verdict: failure === undefined ? verdict : unverified(verdict, failure),
      state: keepsSuspension && isLive(currentKey) ? currentKey.state : 'active',
    },
    ports.retainSeconds,
    { at: ports.clock().toISOString(), by: caller.sub },
  );
  const event = await ports.auditEvents.event(caller, 'key.stored', {
    workspaceId: address.workspaceId,
    siteId,
    facts: {
      ...keyFacts(address.scope, currentKey, change),
      verdict: verdict.code,
      // On the trail, a stored key is active unless it has this fact.
      ...(change.currentKey.state === 'suspended' && { suspended: true }),
    },
  });
  await refuseConflict(ports.keys.changeKey(address, change, event));
  return { currentKey: change.currentKey, sites };
};

/**
 * True if the key may be stored although nothing was minted: the cause was OpenAI, or a model that nobody has
 * requested, because no site uses the key of the workspace yet.
 */
const provesNothing = (failure: OpenAiFailure, { scope }: KeyAddress, { uses }: KeyUses): boolean => {
  const isUnused = scope === 'workspace' && uses.every((use) => use.sites.length === 0);
  return (
    provesNothingAboutKey(failure) || (isUnused && isOfSettings(failure) && failure.reason !== 'wrong_region')
  );
};

/** Maximum number of details in a response; the first is about the key. */
const MAX_DETAILS = 20;

/** The error for the fault of the key, and for each site if the sites differ. */
const refusalOfProbe = (failure: OpenAiFailure, sites: ProbeResult['sites']): BrokerError => {
  const refusal = brokerErrorOfOpenAiFailure(failure);
  if (!sitesDiffer(sites)) return refusal;
  const ofSites = sites.map(({ siteId, name, message }) => ({
    path: `sites.${siteId}`,
    message: `${name}: ${message}`,
  }));
  return new BrokerError(refusal.code, { details: [...refusal.details, ...ofSites].slice(0, MAX_DETAILS) });
};

const unverified = (verdict: Verdict, failure: OpenAiFailure): Verdict => ({
  ...verdict,
  message: `Stored, but not verified yet (${failure.reason}). ${verdict.message}`,
});
