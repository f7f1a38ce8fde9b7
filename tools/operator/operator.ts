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

/** The message for an operator after a failed command: the error with its details, never an SDK's own text. */
export const failureText = (error: unknown, nothingDone: string): string => {
  if (error instanceof BrokerError)
    return [error.code, ...error.details.map(({ message }) => message)].join(': ');
  if (error instanceof DependencyUnavailableError) return `${error.message}. ${nothingDone}`;
  return error instanceof Error ? error.message : 'Failed.';
};

/**
 * The variables of a command: of the running local stack, or of this process. Throws one error that names the variables to
 * set and those that are wrong, the next step, and no value.
 */
export const commandVariables = <Schema extends z.ZodType>(
  schema: Schema,
  local: boolean | undefined,
): z.infer<Schema> => {
  const variables: Readonly<Record<string, string | undefined>> =
    local === true ? localVariables() : process.env;
  const parsed = schema.safeParse(variables);
  if (parsed.success) return parsed.data;
  const faults = parsed.error.issues.map(({ path, message }) => ({ name: path.join('.'), message }));
  const missing = faults.filter(({ name }) => variables[name] === undefined).map(({ name }) => name);
  const wrong = faults.filter(({ name }) => variables[name] !== undefined);
  throw new Error(
    [
      ...(missing.length === 0 ? [] : [`Not set: ${missing.join(', ')}.`]),
      ...wrong.map(({ name, message }) => `${name} is wrong: ${message}.`),
      'Next: export the outputs of the stacks (docs/deploy.md, "By hand", steps 2 and 4), or give --local for a running npm start.',
    ].join('\n'),
  );
};

/** Addresses of the running local stack, with credentials that are useless elsewhere. */
const localVariables = (): Record<string, string> => {
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
