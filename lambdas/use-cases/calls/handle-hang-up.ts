import { delayUntil } from '../../domain/calls/call.ts';
import type { EndingKeys, HangUpMessage, HangUpQueue } from '../ports/calls.ts';
import type { Clock } from '../ports/runtime.ts';
import type { EndOutcome, endCall } from './end-call.ts';
import type { endScope } from './end-scope.ts';

/** The outcome of a message. `later`: its cap is not due, and it is in the queue again. */
export type HangUpResult = EndOutcome | 'later' | 'scope' | 'forgotten';

/** Less than this before a cap it counts as due, milliseconds: a message comes on time, and SQS knows whole seconds. */
const EARLY_MS = 500;

/**
 * Carries one message of the queue out. A cap that is further away than SQS can delay is sent again, at most four times
 * in an hour; nothing else is ever sent again from here, so a failure is repeated by the queue alone.
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
