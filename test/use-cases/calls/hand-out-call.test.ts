import { describe, expect, it } from '@jest/globals';
import { BrokerError } from '../../../lambdas/domain/broker-error.ts';
import { type CallId, ENDED_BY, type EndedBy } from '../../../lambdas/domain/calls/call.ts';
import { ConflictError, DependencyUnavailableError } from '../../../lambdas/domain/dependency.ts';
import { type HandOutPorts, handOutCall } from '../../../lambdas/use-cases/calls/hand-out-call.ts';
import type { Admitted } from '../../../lambdas/use-cases/sessions/admit-session.ts';
import { NOW, SITE_ID } from '../sessions/token-fixture.ts';

const down = new DependencyUnavailableError('dynamodb', 'TransactWriteItems', 'InternalServerError');
const CALL = { callId: 'rtc_1' as CallId, answer: 'v=0', openAiRequestId: 'req_1' };
const ADMITTED = {
  session: { siteId: SITE_ID, sessionId: 'ses_1' },
  leases: [],
  use: { useId: 'call#1' },
} as unknown as Admitted;

/** Hands one call out; its outcome, and every step. */
const handedOut = async ({
  issue = async () => undefined,
  queue = async () => undefined,
  by,
}: {
  readonly issue?: (attempt: number) => Promise<void>;
  readonly queue?: () => Promise<void>;
  readonly by?: EndedBy;
} = {}) => {
  const log: string[] = [];
  let attempts = 0;
  let written: unknown;
  const ports = {
    clock: () => NOW,
    backOff: async () => undefined,
    callIssuer: {
      issue: async ({ use }: { use: { outcome: unknown } }) => {
        await issue(++attempts);
        log.push('issued');
        written = use.outcome;
      },
      readEndRequest: async () => by,
      withdraw: async (_: unknown, callId: string, refusal: string) => {
        log.push(`withdraw ${callId} ${refusal}`);
      },
    },
    keyUses: {
      settle: async ({ useId }: { useId: string }, { result }: { result: string }) => {
        log.push(`settle ${useId} ${result}`);
      },
    },
    hangUps: {
      send: async ({ kind, dueAtMs }: { kind: string; dueAtMs: number }, delay: number) => {
        await queue();
        log.push(`queue ${kind} in ${(dueAtMs - NOW.getTime()) / 1_000} s, delayed by ${delay} s`);
      },
    },
  } as unknown as HandOutPorts;
  const error = await handOutCall(ports, {
    admitted: ADMITTED,
    created: CALL,
    maxDurationSeconds: 3_600,
    watch: 'off',
    kmsRequestId: 'kms-1',
    hangUp: async (callId) => {
      log.push(`hang up ${callId}`);
    },
  }).then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  return { error, log, attempts, written };
};

const UNDONE = ['hang up rtc_1', 'withdraw rtc_1 unavailable', 'settle call#1 ok'];

describe('a created call', () => {
  it('is handed out once it is recorded and its cap is queued with the longest SQS delay', async () => {
    const { error, log } = await handedOut();
    expect(error).toBeUndefined();
    expect(log.sort()).toEqual(['issued', 'queue cap in 3600 s, delayed by 900 s']);
  });

  it('is stored together with the outcome of its key use', async () => {
    expect((await handedOut()).written).toEqual({
      at: NOW.toISOString(),
      result: 'ok',
      kmsRequestId: 'kms-1',
      openAiRequestId: 'req_1',
    });
  });

  it.each([
    ['its record', { issue: () => Promise.reject(down) }],
    ['its cap', { queue: () => Promise.reject(down) }],
  ] as const)('is hung up and not handed out if %s cannot be written', async (_, failing) => {
    const { error, log } = await handedOut(failing);
    expect(error).toBe(down);
    expect(log).toEqual(expect.arrayContaining(UNDONE));
  });

  it.each(ENDED_BY.map((by) => [by]))(
    'is hung up and never handed out if %s requested its end',
    async (by) => {
      const { error, log } = await handedOut({ issue: () => Promise.reject(new ConflictError()), by });
      expect(error).toBeInstanceOf(BrokerError);
      expect(log).toEqual(expect.arrayContaining(UNDONE));
      const codes: Partial<Record<EndedBy, string>> = {
        key_suspended: 'openai_key_suspended',
        anomaly: 'openai_key_suspended',
        key_deleted: 'openai_key_missing',
        site_archived: 'site_not_found',
        workspace_deleted: 'site_not_found',
        operator: 'stopped',
        budget: 'budget_exhausted',
      };
      expect((error as BrokerError).code).toBe(codes[by] ?? 'unavailable');
    },
  );

  it('is written again after a conflict, at most three times', async () => {
    const lost = (races: number) => (attempt: number) =>
      attempt <= races ? Promise.reject(new ConflictError()) : Promise.resolve();
    expect(await handedOut({ issue: lost(2) })).toMatchObject({ error: undefined, attempts: 3 });
    const { error, attempts, log } = await handedOut({ issue: lost(9) });
    expect(error).toMatchObject({ code: 'unavailable' });
    expect(attempts).toBe(3);
    expect(log).toEqual(expect.arrayContaining(UNDONE));
  });
});
