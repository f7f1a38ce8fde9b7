import { describe, expect, it } from '@jest/globals';
import { type Tampering, tampering, tamperingSummary } from '../../../lambdas/domain/anomalies/tampering.ts';
import type { AuditEvent } from '../../../lambdas/domain/audit/audit-record.ts';
import { tenancyChangeOf } from '../../../lambdas/domain/audit/explained-change.ts';
import { ConflictError, DependencyUnavailableError } from '../../../lambdas/domain/dependency.ts';
import { examineKey } from '../../../lambdas/use-cases/anomalies/examine-key.ts';
import { explainChange } from '../../../lambdas/use-cases/anomalies/explain-change.ts';
import { reportForeignEvent } from '../../../lambdas/use-cases/anomalies/report-foreign-event.ts';
import { reportTampering } from '../../../lambdas/use-cases/anomalies/report-tampering.ts';

const NOW = new Date('2026-11-30T12:00:00.000Z');
const WORKSPACE = 'abcdefghjkmn';
const ADDRESS = { scope: 'workspace', scopeId: WORKSPACE, workspaceId: WORKSPACE } as const;

const detector = ({ note }: { readonly note?: (event: AuditEvent) => Promise<void> } = {}) => {
  const log: string[] = [];
  const noted = new Map<string, AuditEvent>();
  const announced: Tampering[] = [];
  const ports = {
    clock: () => NOW,
    tamperings: {
      knows: async ({ eventId }: AuditEvent) => noted.has(eventId),
      note: async (event: AuditEvent) => {
        await note?.(event);
        log.push('noted');
        noted.set(event.eventId, event);
      },
    },
    announcer: {
      announceTampering: async (found: Tampering) => {
        log.push('announced');
        announced.push(found);
      },
    },
    onTampering: () => log.push('logged'),
  };
  return { ports, log, noted, announced };
};

const FOUND = tampering({
  kind: 'key_put_back',
  workspaceId: WORKSPACE,
  siteId: null,
  subject: 'key of workspace',
  at: NOW.toISOString(),
});

describe('a tampering incident', () => {
  it('is announced before it is recorded, and not announced again afterwards', async () => {
    const { ports, log, noted } = detector();
    await reportTampering(ports)(FOUND);
    await reportTampering(ports)(FOUND);
    expect(log).toEqual(['logged', 'announced', 'noted']);
    expect([...noted.values()]).toMatchObject([
      {
        eventId: FOUND.incidentId,
        type: 'tampering.detected',
        actor: 'system:detector',
        facts: { kind: 'key_put_back' },
      },
    ]);
  });

  it('is reported without an error if another delivery recorded it first, but fails in an outage', async () => {
    const conflict = detector({ note: async () => Promise.reject(new ConflictError()) });
    await reportTampering(conflict.ports)(FOUND);
    expect(conflict.announced).toHaveLength(1);
    const outage = detector({
      note: async () => Promise.reject(new DependencyUnavailableError('dynamodb', 'PutItem', 'Throttling')),
    });
    await expect(reportTampering(outage.ports)(FOUND)).rejects.toThrow(DependencyUnavailableError);
  });

  it('has another ID for another state, and contains no ID or line break from the table', () => {
    const of = (workspaceId: string, subject: string, state: string) =>
      tampering({ kind: 'unexplained_change', workspaceId, siteId: '../x', subject, at: '' }, state);
    expect(of(WORKSPACE, 'a', '1').incidentId).not.toBe(of(WORKSPACE, 'a', '2').incidentId);
    expect(of('not one', `line\n${'x'.repeat(500)}`, '1')).toMatchObject({
      workspaceId: 'platform',
      siteId: null,
      subject: `line?${'x'.repeat(123)}`,
    });
    expect(tamperingSummary(FOUND)).toMatch(/^The key of workspace was changed in the table/);
  });
});

describe('the examination of a key', () => {
  it.each([
    ['sound', [], []],
    ['differs', ['key_put_back'], []],
    ['older', ['mark_put_back'], [4]],
  ] as const)('with the finding %s reports %j', async (finding, kinds, accepted) => {
    const { ports, announced } = detector();
    const revisions: number[] = [];
    const examiner = {
      examine: async () => ({ finding, state: 's', revision: 4 }),
      accept: async (_: unknown, revision: number) => void revisions.push(revision),
    };
    await examineKey({ ...ports, examiner })(ADDRESS);
    expect(announced.map(({ kind }) => kind)).toEqual(kinds);
    expect(revisions).toEqual(accepted);
  });

  it('of a site reports an incident of that site', async () => {
    const { ports, announced } = detector();
    const siteId = `${WORKSPACE}abcdefghjkmn`;
    const examiner = {
      examine: async () => ({ finding: 'differs', state: 's', revision: 0 }) as const,
      accept: async () => undefined,
    };
    await examineKey({ ...ports, examiner })({ scope: 'site', scopeId: siteId, workspaceId: WORKSPACE });
    expect(announced).toMatchObject([{ siteId, subject: `key of site ${siteId}` }]);
  });
});

describe('a change of a member', () => {
  const change = tenancyChangeOf({
    pk: `WORKSPACE#${WORKSPACE}`,
    sk: 'MEMBER#bob',
    change: 'REMOVE',
    image: undefined,
  });
  if (change === undefined) throw new Error('A member needs an explanation.');
  const removal = { type: 'member.removed', facts: { sub: 'bob' } } as unknown as AuditEvent;

  const explained = async (events: Readonly<Record<string, readonly AuditEvent[]>>, at = NOW) => {
    const { ports, announced } = detector();
    const asked: (readonly [string, number])[] = [];
    const outbox = {
      eventsSince: async (writer: string, _: string, since: Date) => {
        asked.push([writer, (NOW.getTime() - since.getTime()) / 1_000]);
        return events[writer] ?? [];
      },
    };
    await explainChange({ ...ports, outbox })(change, at, 'record-1');
    return { announced, asked };
  };

  it('is no incident if its event is at most two minutes older', async () => {
    const { announced, asked } = await explained({ manage: [removal] });
    expect(announced).toEqual([]);
    expect(asked).toEqual([['manage', 120]]);
  });

  it('is no incident if a restore of the workspace is at most six hours older', async () => {
    const { announced, asked } = await explained({
      restore: [{ type: 'workspace.restored', facts: {} } as unknown as AuditEvent],
    });
    expect(announced).toEqual([]);
    expect(asked).toEqual([
      ['manage', 120],
      ['restore', 21_600],
    ]);
  });

  it('is an incident if no event explains it, or only one of another writer', async () => {
    const incident = { kind: 'unexplained_change', subject: 'member bob', workspaceId: WORKSPACE };
    expect((await explained({})).announced).toMatchObject([incident]);
    expect((await explained({ keys: [removal], restore: [removal] })).announced).toMatchObject([incident]);
  });

  it('is explained by events before its own time, however late the detector runs', async () => {
    const { asked } = await explained({ manage: [removal] }, new Date(NOW.getTime() - 3_600_000));
    expect(asked).toEqual([['manage', 3_720]]);
  });
});

it('an event in a partition without a workspace is an incident of the platform', async () => {
  const { ports, announced } = detector();
  const event = { eventId: 'evt_1', type: 'key.stored' } as AuditEvent;
  await reportForeignEvent(ports)({ writer: 'events', workspaceId: '', event });
  expect(announced).toMatchObject([
    { kind: 'foreign_event', workspaceId: 'platform', subject: 'event key.stored' },
  ]);
});
