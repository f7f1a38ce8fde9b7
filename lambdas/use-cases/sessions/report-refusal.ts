import type { BrokerError } from '../../domain/broker-error.ts';
import { explainOpenAiFailure, type OpenAiFailure } from '../../domain/openai-failure.ts';
import type { ReservedSession } from '../../domain/sessions/session.ts';
import type { VisitedSite } from '../../domain/tenancy/workspace.ts';
import type { Clock } from '../ports/runtime.ts';
import type { ErrorLog } from '../ports/sessions.ts';

/** Puts a refusal on the operator's list. A failed write must not replace the refusal with another error. */
export const reportRefusal = async (
  { clock, errors }: { readonly clock: Clock; readonly errors: ErrorLog },
  site: Pick<VisitedSite, 'workspaceId' | 'siteId' | 'errorDays'>,
  {
    refusal,
    failure,
    session,
  }: {
    readonly refusal: BrokerError;
    readonly failure?: OpenAiFailure | undefined;
    readonly session?: ReservedSession;
  },
): Promise<void> => {
  await Promise.allSettled([
    errors.report({
      workspaceId: site.workspaceId,
      siteId: site.siteId,
      code: refusal.code,
      source: 'mint',
      openAiFailure: failure?.reason,
      message: failure === undefined ? refusal.code : explainOpenAiFailure(failure).message,
      sessionId: session?.sessionId,
      at: clock().toISOString(),
      keptDays: site.errorDays,
    }),
  ]);
};
