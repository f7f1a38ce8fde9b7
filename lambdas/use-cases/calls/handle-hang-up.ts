import { delayUntil } from '../../domain/calls/call.ts';
import type { EndingKeys, HangUpMessage, HangUpQueue } from '../ports/calls.ts';
import type { Clock } from '../ports/runtime.ts';
import type { EndOutcome, endCall } from './end-call.ts';
import type { endScope } from './end-scope.ts';

/** The outcome of a message. `later`: its cap is not due, and it is in the queue again. */
export type HangUpResult = EndOutcome | 'later' | 'scope' | 'forgotten';

/** A cap counts as due this long before its time, milliseconds: SQS delays messages by whole seconds. */
const EARLY_MS = 500;

/**
 * Executes one message of the queue. A cap that is further away than SQS can delay is sent again, at most four times
 * in an hour. Nothing else is sent again from here: only the queue repeats a failure.
 */
export const handleHangUp =
  (ports: {
    readonly clock: Clock;
    readonly hangUps: HangUpQueue;
    readonly endCall: ReturnType<typeof endCall>;
    readonly endScope: ReturnType<typeof endScope>;
    readonly keys: Pick<EndingKeys, 'forget'>;
  }) =>
  async (message: HangUpMessage): Promise<HangUpResult> => {
    switch (message.kind) {
      case 'scope':
        await ports.endScope(message.scope, message.by);
        return 'scope';
      case 'forget':
        await ports.keys.forget(message.scope, message.scopeId, message.version);
        return 'forgotten';
      case 'end':
        return ports.endCall(message.siteId, message.sessionId, message.by);
      case 'cap': {
        const now = ports.clock();
        if (message.dueAtMs - now.getTime() <= EARLY_MS)
          return ports.endCall(message.siteId, message.sessionId, 'max_duration');
        await ports.hangUps.send(message, delayUntil(message.dueAtMs, now));
        return 'later';
      }
    }
  };
