import { describe, expect, it } from '@jest/globals';
import { type AuditEvent, emptyChain } from '../../lambdas/domain/audit-record.ts';
import { ConflictError } from '../../lambdas/domain/dependency.ts';
import { admitSession } from '../../lambdas/use-cases/admit-session.ts';
import { appendAuditEvent } from '../../lambdas/use-cases/append-audit-event.ts';
import { aSession, clockAt } from '../domain/session-meter-fixture.ts';

/** A write that loses so many races, and what was waited for in between. */
const contended = (losses: number) => {
  const waits: number[] = [];
  let writes = 0;
  return {
    waits,
    writes: () => writes,
    backOff: async (attempt: number): Promise<void> => {
      waits.push(attempt);
    },
    write: async (): Promise<void> => {
      if (writes++ < losses) throw new ConflictError();
    },
  };
};

describe('a write that met another one waits longer each time before it is tried again', () => {
  it('an admission, which then goes by what it reads anew', async () => {
    const { waits, write, backOff } = contended(3);
    let reads = 0;
    const period = { usedSeconds: 0, committedSeconds: 0, notices: {} };
    await admitSession(
      {
        random: (size) => Buffer.alloc(size),
        admissions: { admit: write },
        contexts: {
          readTokenContext: () => Promise.reject(new Error('not asked here')),
          readCapacity: async () => {
            reads++;
            return { period, leases: [] };
          },
        },
        backOff,
      },
      {
        session: aSession(),
        site: { clientSecretTtlSeconds: 60, maxDurationSeconds: 600 } as never,
        pools: [{ pool: 'key', limit: 3 }],
        addressSlotPercent: 100,
        capSeconds: undefined,
        capacity: { period, leases: [] },
        now: clockAt(0),
      },
    );
    expect(waits).toEqual([1, 2, 3]);
    expect(reads).toBe(3);
  });

  const append = ({ write, backOff }: ReturnType<typeof contended>) =>
    appendAuditEvent({
      audit: {
        knows: async () => false,
        readHead: async (workspaceId: string) => emptyChain(workspaceId),
        append: write,
      } as unknown as Parameters<typeof appendAuditEvent>[0]['audit'],
      chainKeys: { keyOf: async () => Buffer.alloc(32, 1) } as unknown as Parameters<
        typeof appendAuditEvent
      >[0]['chainKeys'],
      backOff,
    })(EVENT);

  it('an audit row', async () => {
    const race = contended(2);
    expect(await append(race)).toBe('appended');
    expect(race.waits).toEqual([1, 2]);
  });

  it('and it is given up after twenty, for the record to be delivered again', async () => {
    const race = contended(Number.POSITIVE_INFINITY);
    await expect(append(race)).rejects.toThrow(ConflictError);
    expect(race.writes()).toBe(20);
  });
});

const EVENT: AuditEvent = {
  eventId: 'e'.repeat(26),
  workspaceId: 'w'.repeat(12),
  type: 'workspace.created',
  at: clockAt(0).toISOString(),
  actor: 'owner',
  siteId: null,
  sessionId: null,
  ipHash: null,
  facts: {},
};
