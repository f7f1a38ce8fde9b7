import { failsOnEverySite } from '../domain/keys/failing-key.ts';
import type { Metrics } from '../telemetry/metrics.ts';
import type { SessionLog } from '../use-cases/ports/sessions.ts';

/**
 * The session log, which also counts sessions that were refused because the platform's key fails: OpenAI no longer accepts it, or
 * it cannot be opened. No one else would notice: a visitor cannot change the key, and an owner does not see it.
 */
export const recordingKeyFailures = (
  sessions: SessionLog,
  metrics: Pick<Metrics, 'recordPlatformKeyFailure'>,
): SessionLog => ({
  ...sessions,
  settle: (session, outcome) => {
    const fails = failsOnEverySite(outcome.openAiFailure) || outcome.refusal === 'platform_key_missing';
    if (session.keyScope === 'platform' && outcome.state === 'refused' && fails)
      metrics.recordPlatformKeyFailure();
    return sessions.settle(session, outcome);
  },
});
