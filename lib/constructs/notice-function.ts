import type { Construct } from 'constructs';
import { QueueFunction, type QueueFunctionProps } from './queue-function.ts';

/**
 * Maximum number of containers that send notices, so that stalled receivers do not use up the concurrency that visitors
 * need.
 */
const MAX_CONCURRENCY = 10;

/** The function behind the queue of notices, with an alarm on notices that this service could not handle. */
export class NoticeFunction extends QueueFunction {
  constructor(
    scope: Construct,
    id: string,
    props: Omit<QueueFunctionProps, 'functionName' | 'maxConcurrency' | 'gaveUp'>,
  ) {
    super(scope, id, {
      ...props,
      functionName: 'notices',
      maxConcurrency: MAX_CONCURRENCY,
      gaveUp: {
        runbook: 'Notices gave up',
        impact: 'a workspace missed a notice, and its delivery log does not show it.',
        because:
          'a failing receiver shows in the delivery log; a dead letter means that this service itself failed a hundred times.',
      },
    });
  }
}
