import { newSessionId, type RandomBytes } from '../domain/identifiers.ts';
import type { RateLimits } from '../domain/limits.ts';
import { Refusal } from '../domain/refusal.ts';
import { SealedKeyUnreadableError } from '../domain/sealed-key.ts';
import type { ReservedSession, SessionOutcome } from '../domain/session.ts';
import { isLive, type LiveKey } from '../domain/stored-key.ts';
import type { Verdict } from '../domain/verdict.ts';
import type { Caller } from '../domain/workspace.ts';
import { type AuthorizedKeyTarget, authorizeKeyTarget, type KeyTarget } from './key-target.ts';
import type {
  Clock,
  Deriver,
  KeyOpener,
  KeyStore,
  MembershipReader,
  OpenAi,
  RateLimiter,
  SessionLog,
} from './ports.ts';
import { type ProbeResult, probeOpenAiKey } from './probe-openai-key.ts';
import { useSealedKey } from './use-sealed-key.ts';

export interface TestKeyPorts {
  readonly tenancy: MembershipReader;
  readonly keys: Pick<KeyStore, 'readKey'>;
  readonly limiter: RateLimiter;
  readonly deriver: Pick<Deriver, 'hashIp'>;
  readonly sessions: SessionLog;
  readonly opener: KeyOpener;
  readonly openAi: OpenAi;
  readonly clock: Clock;
  readonly random: RandomBytes;
}

/**
 * Test voice. Admin. A real mint with the stored key, thrown away: free, never counted as a session, tagged as a test,
 * and audited like every other decrypt. A failing key is an answer, not an error; only a key that is missing, suspended
 * or unreadable refuses.
 */
export const testOpenAiKey =
  (ports: TestKeyPorts, limits: RateLimits) =>
  async (caller: Caller, target: KeyTarget, sourceIp: string): Promise<Verdict> => {
    const now = ports.clock();
    const authorized = await authorizeKeyTarget(ports.tenancy, caller, target, 'admin');
    const { address, settings } = authorized;
    const key = await ports.keys.readKey(address);
    if (!isLive(key)) throw new Refusal('openai_key_not_stored');
    if (key.state === 'suspended') throw new Refusal('openai_key_suspended');
    const budget = await ports.limiter.spend(`probe#${address.workspaceId}`, limits.probesPerWorkspace, now);
    if (!budget.allowed) throw new Refusal('rate_limited', budget);

    const ipHash = await ports.deriver.hashIp(sourceIp, now);
    const session = testSession(ports, authorized, key, { actor: caller.sub, ipHash, now });
    await ports.sessions.reserve(session, undefined, now);
    let kmsRequestId: string | undefined;
    const settle = (outcome: Omit<SessionOutcome, 'at' | 'kmsRequestId'>): Promise<void> =>
      ports.sessions.settle(session, {
        ...outcome,
        at: ports.clock().toISOString(),
        ...(kmsRequestId !== undefined && { kmsRequestId }),
      });
    try {
      const probe = await useSealedKey(ports)(
        session,
        key,
        (plaintext) => probeOpenAiKey(ports)(plaintext, settings),
        (requestId) => {
          kmsRequestId = requestId;
        },
      );
      await Promise.all([settle(outcomeOf(probe)), ports.sessions.noteVerdict(session, probe.verdict)]);
      return probe.verdict;
    } catch (error) {
      const unreadable = error instanceof SealedKeyUnreadableError;
      await Promise.allSettled([
        settle({ state: 'refused', refusal: unreadable ? 'openai_key_unreadable' : 'unavailable' }),
      ]);
      throw unreadable ? new Refusal('openai_key_unreadable') : error;
    }
  };

const testSession = (
  { random }: TestKeyPorts,
  { address, siteId, settings }: AuthorizedKeyTarget,
  key: LiveKey,
  by: { readonly actor: string; readonly ipHash: string; readonly now: Date },
): ReservedSession => ({
  sessionId: newSessionId(by.now, random),
  workspaceId: address.workspaceId,
  siteId,
  kind: 'test',
  mode: 'byok',
  keyScope: address.scope,
  keyScopeId: address.scopeId,
  keyVersion: key.sealed.version,
  fingerprint: key.sealed.fingerprint,
  model: settings.model,
  voice: settings.voice,
  ipHash: by.ipHash,
  actor: by.actor,
  origin: undefined,
  createdAt: by.now.toISOString(),
});

const outcomeOf = ({
  failure,
  openAiRequestId,
}: ProbeResult): Omit<SessionOutcome, 'at' | 'kmsRequestId'> => ({
  state: failure === undefined ? 'issued' : 'refused',
  ...(failure !== undefined && { refusal: 'test_failed', openAiFailure: failure.failure }),
  ...(openAiRequestId !== undefined && { openAiRequestId }),
});
