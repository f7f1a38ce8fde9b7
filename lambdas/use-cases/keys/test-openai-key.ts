import { BrokerError } from '../../domain/broker-error.ts';
import type { ShownVerdict } from '../../domain/keys/site-verdicts.ts';
import { isLive } from '../../domain/keys/stored-key.ts';
import type { RateLimits } from '../../domain/limits.ts';
import type { Caller } from '../../domain/tenancy/workspace.ts';
import type { RealtimeCalls } from '../ports/calls.ts';
import type { KeyStore } from '../ports/keys.ts';
import type { OpenAi } from '../ports/openai.ts';
import type { RateLimiter } from '../ports/sessions.ts';
import type { MembershipReader, SiteLister } from '../ports/tenancy.ts';
import { authorizeKeyTarget, type KeyTarget } from './key-target.ts';
import { type ProbeResult, probeOpenAiKey, shownVerdict } from './probe-openai-key.ts';
import { usesOfKey } from './uses-of-key.ts';
import { type AuditedKeyPorts, type UseOutcome, withAuditedKey } from './with-audited-key.ts';

export interface TestKeyPorts extends AuditedKeyPorts {
  readonly tenancy: MembershipReader & SiteLister;
  readonly keys: Pick<KeyStore, 'readKey'>;
  readonly limiter: RateLimiter;
  readonly openAi: OpenAi;
  readonly calls: RealtimeCalls;
}

/**
 * Test voice. Admin. A real mint with the stored key for each of its uses, discarded: free, never counted as a session, tagged as a test,
 * and audited like every other decrypt. A failing key is a result, not an error; only a key that is missing, suspended
 * or unreadable is refused.
 */
export const testOpenAiKey =
  (ports: TestKeyPorts, limits: RateLimits) =>
  async (caller: Caller, target: KeyTarget): Promise<ShownVerdict> => {
    const authorized = await authorizeKeyTarget(ports.tenancy, caller, target, 'admin');
    const { address } = authorized;
    const key = await ports.keys.readKey(address);
    if (!isLive(key)) throw new BrokerError('openai_key_not_stored');
    if (key.state === 'suspended') throw new BrokerError('openai_key_suspended');
    const budget = await ports.limiter.spend(
      `probe#${address.workspaceId}`,
      limits.probesPerWorkspace,
      ports.clock(),
    );
    if (!budget.allowed) throw new BrokerError('rate_limited', budget);

    const uses = await usesOfKey(ports, authorized);
    const { result, session } = await withAuditedKey(ports)(
      caller,
      authorized,
      key,
      'test',
      async (plaintext) => {
        const probe = await probeOpenAiKey(ports)(plaintext, uses);
        return { result: probe, outcome: outcomeOf(probe) };
      },
    );
    await ports.sessions.noteVerdict(session, result.verdict);
    return shownVerdict(result);
  };

const outcomeOf = ({ failure, openAiRequestId }: ProbeResult): UseOutcome => ({
  state: failure === undefined ? 'issued' : 'refused',
  ...(failure !== undefined && { refusal: 'test_failed', openAiFailure: failure.reason }),
  ...(openAiRequestId !== undefined && { openAiRequestId }),
});
