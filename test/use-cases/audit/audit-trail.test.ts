import { describe, expect, it } from '@jest/globals';
import {
  type AuditEvent,
  type AuditRow,
  ChainVerifier,
  chainRow,
  emptyChain,
} from '../../../lambdas/domain/audit/audit-record.ts';
import { ConflictError } from '../../../lambdas/domain/dependency.ts';
import { appendAuditEvent } from '../../../lambdas/use-cases/audit/append-audit-event.ts';
import { auditEventFactory } from '../../../lambdas/use-cases/audit/audit-event-factory.ts';
import { type AuditFilter, listAuditTrail } from '../../../lambdas/use-cases/audit/list-audit-trail.ts';
import { systemEvent } from '../../../lambdas/use-cases/audit/system-event.ts';
import type { AuditLog } from '../../../lambdas/use-cases/ports/audit.ts';
import { NOW, SITE_ID, WORKSPACE_ID } from '../sessions/token-fixture.ts';
import { CALLER, deriver, eventOf, pageOf, random, tenancyWith } from '../tenancy/tenancy-fixture.ts';

/** The key of a workspace's chain: each has its own. */
const keyOf = async (workspaceId: string): Promise<Uint8Array> => Buffer.from(workspaceId.padEnd(32));

/** Rows and the markers of their events, as their table keeps them. */
const auditTable = (rows: AuditRow[] = []) => {
  const reads: string[] = [];
  const of = (workspaceId: string): AuditRow[] => rows.filter((row) => row.workspaceId === workspaceId);
  const audit: Partial<AuditLog> = {
    knows: async ({ eventId }) => rows.some((row) => row.eventId === eventId),
    readHead: async (workspaceId) => of(workspaceId).at(-1) ?? emptyChain(workspaceId),
    append: async (row) => {
      const taken = of(row.workspaceId).some(
        ({ sequence, eventId }) => sequence === row.sequence || eventId === row.eventId,
      );
      if (taken) throw new ConflictError();
      rows.push(row);
    },
    listRows: async (workspaceId, page, order) => {
      reads.push(`${page.limit} ${order}`);
      return pageOf(of(workspaceId).toReversed(), ({ sequence }) => String(sequence), page);
    },
    listRowsOfType: async (workspaceId, type, page) => {
      reads.push(`${page.limit} of ${type}`);
      const some = of(workspaceId).filter((row) => row.type === type);
      return pageOf(some.toReversed(), ({ sequence }) => String(sequence), page);
    },
    positionOf: ({ sequence }) => String(sequence),
  };
  return { audit: audit as AuditLog, rows, reads };
};

describe('an audit event', () => {
  const facts = { fields: 'name' };

  it('of a person contains who, when and from where, and optionally the site and facts', async () => {
    const { event } = auditEventFactory({ clock: () => NOW, random, pseudonyms: deriver });
    const about = { workspaceId: WORKSPACE_ID };
    expect(await event(CALLER, 'workspace.changed', about)).toStrictEqual(eventOf('workspace.changed'));
    expect(await event(CALLER, 'site.changed', { ...about, siteId: SITE_ID, facts })).toStrictEqual(
      eventOf('site.changed', { siteId: SITE_ID, facts }),
    );
  });

  it.each([null, SITE_ID])(
    'of a function, about the site %s, contains the function and no address',
    (siteId) => {
      const about = { workspaceId: WORKSPACE_ID, siteId, facts };
      expect(systemEvent({ now: NOW, random }, 'system:meter', 'usage.corrected', about)).toStrictEqual(
        eventOf('usage.corrected', { ...about, actor: 'system:meter', ipHash: null }),
      );
    },
  );
});

describe('an audit event that is appended', () => {
  const numbered = (id: number, workspaceId: string = WORKSPACE_ID): AuditEvent =>
    eventOf('site.changed', { workspaceId, eventId: `evt_${workspaceId}_${id}` });
  const trail = () => {
    const { audit, rows } = auditTable();
    const ports = { audit, chainKeys: { keyOf }, backOff: async () => undefined };
    return { rows, append: appendAuditEvent(ports) };
  };

  it('follows the event before it in the chain of its workspace', async () => {
    const { rows, append } = trail();
    for (const event of [numbered(1), numbered(1, 'another'), numbered(2)])
      expect(await append(event)).toBe('appended');
    for (const [workspaceId, length] of [
      [WORKSPACE_ID, 2],
      ['another', 1],
    ] as const) {
      const verifier = new ChainVerifier(workspaceId, await keyOf(workspaceId));
      for (const row of rows) if (row.workspaceId === workspaceId) verifier.take(row);
      expect(verifier.finish(0)).toMatchObject({ intact: true, rows: length });
    }
  });

  it('is stored once, however often it is delivered, in sequence or in parallel', async () => {
    const { rows, append } = trail();
    expect(await append(numbered(1))).toBe('appended');
    expect(await append(numbered(1))).toBe('duplicate');
    const outcomes = await Promise.all([2, 3, 2, 3, 2].map((id) => append(numbered(id))));
    expect(outcomes.filter((outcome) => outcome === 'appended')).toHaveLength(2);
    expect(rows.map(({ sequence }) => sequence)).toEqual([1, 2, 3]);
    expect(new Set(rows.map(({ eventId }) => eventId)).size).toBe(3);
  });
});

describe('the list of the audit trail', () => {
  const events = [
    eventOf('site.created', { siteId: SITE_ID }),
    eventOf('member.saved', { actor: 'another' }),
    eventOf('site.changed', { siteId: SITE_ID, actor: 'another' }),
  ];
  const rows = events.map((event, index) => {
    const at = `2026-11-23T12:00:0${index}.000Z`;
    return chainRow({ ...event, at }, { sequence: index, hash: '' }, Buffer.alloc(32));
  });
  const listed = async (filter: AuditFilter, limit = 10, after?: string) => {
    const { audit, reads } = auditTable(rows);
    const list = listAuditTrail({ ...tenancyWith().ports, audit });
    const { items, next, searchedTo } = await list(CALLER, WORKSPACE_ID, filter, { limit, after });
    return { sequences: items.map(({ sequence }) => sequence), next, searchedTo, reads };
  };

  it.each([
    [{}, [3, 2, 1]],
    [{ type: 'member.saved' }, [2]],
    [{ actor: 'another' }, [3, 2]],
    [{ siteId: SITE_ID }, [3, 1]],
    [{ siteId: SITE_ID, actor: 'another' }, [3]],
    [{ siteId: SITE_ID, type: 'member.saved' }, []],
    [{ from: '2026-11-23T12:00:01.000Z' }, [3, 2]],
    [{ from: '2026-11-23T12:00:01.001Z' }, [3]],
    [{ to: '2026-11-23T12:00:01.000Z' }, [1]],
    [{ to: '2026-11-23T12:00:01.001Z' }, [2, 1]],
    [{ from: '2026-11-23T12:00:01Z', to: '2026-11-23T12:00:02Z' }, [2]],
    [{ from: '2026-11-23T13:00:01+01:00' }, [3, 2]],
  ] as readonly (readonly [AuditFilter, readonly number[]])[])(
    'for the filter %j contains the rows %j, newest first, from reads of 200 rows',
    async (filter, sequences) => {
      const reads = [filter.type === undefined ? '200 newest_first' : `200 of ${filter.type}`];
      expect(await listed(filter)).toEqual({ sequences, next: undefined, searchedTo: undefined, reads });
    },
  );

  it('reads session events from the whole trail, because they have no index', async () => {
    expect((await listed({ type: 'session.issued' })).reads).toEqual(['200 newest_first']);
  });

  it('returns how far back it has searched while older rows are left, and later pages have no newer row', async () => {
    const filter = { siteId: SITE_ID };
    const first = await listed(filter, 1);
    expect([first.sequences, first.searchedTo]).toEqual([[3], '2026-11-23T12:00:02.000Z']);
    expect((await listed(filter, 1, first.next)).sequences).toEqual([1]);
    expect((await listed(filter)).searchedTo).toBeUndefined();
  });

  it('continues after the last returned row', async () => {
    const first = await listed({ siteId: SITE_ID }, 1);
    expect(first.sequences).toEqual([3]);
    expect((await listed({ siteId: SITE_ID }, 1, first.next)).sequences).toEqual([1]);
  });
});
