import { readFileSync } from 'node:fs';
import { z } from 'zod';
import { strongRandom } from '../../lambdas/composition/runtime.ts';
import { BrokerError } from '../../lambdas/domain/broker-error.ts';
import { DependencyUnavailableError } from '../../lambdas/domain/dependency.ts';
import { newEventId } from '../../lambdas/domain/identifiers.ts';
import type { AuditEventFactory } from '../../lambdas/use-cases/ports/audit.ts';

const LOCAL_ENVIRONMENT = '.local/environment.json';

/** An operator's command has no address worth hashing: its user has credentials of the account. */
export const operatorAuditEvents: AuditEventFactory = {
  event: async (caller, type, { workspaceId, siteId, facts }) => {
    const now = new Date();
    return {
      eventId: newEventId(now, strongRandom),
      workspaceId,
      type,
      at: now.toISOString(),
      actor: caller.sub,
      siteId: siteId ?? null,
      sessionId: null,
      ipHash: null,
      facts: facts ?? {},
    };
  },
};

/** The message for an operator when a command failed: the refusal with its details, never an SDK's own text. */
export const failureText = (error: unknown, nothingDone: string): string => {
  if (error instanceof BrokerError)
    return [error.code, ...error.details.map(({ message }) => message)].join(': ');
  if (error instanceof DependencyUnavailableError) return `${error.message}. ${nothingDone}`;
  return error instanceof Error ? error.message : 'Failed.';
};

/** Addresses of the running local stack, with credentials that are worth nothing elsewhere. */
export const localVariables = (): Record<string, string> => {
  process.env['AWS_ACCESS_KEY_ID'] = 'local';
  process.env['AWS_SECRET_ACCESS_KEY'] = 'local';
  delete process.env['AWS_SESSION_TOKEN'];
  delete process.env['AWS_PROFILE'];
  try {
    return z.record(z.string(), z.string()).parse(JSON.parse(readFileSync(LOCAL_ENVIRONMENT, 'utf8')));
  } catch {
    throw new Error('There is no local run. Start it first: npm start');
  }
};
