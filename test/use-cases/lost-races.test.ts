import { describe, expect, it } from '@jest/globals';
import { type AuditEvent, emptyChain } from '../../lambdas/domain/audit/audit-record.ts';
import { ConflictError } from '../../lambdas/domain/dependency.ts';
import { BUILT_IN_PLANS } from '../../lambdas/domain/tenancy/plan.ts';
import { suspendForIncident } from '../../lambdas/use-cases/anomalies/suspend-for-incident.ts';
import { appendAuditEvent } from '../../lambdas/use-cases/audit/append-audit-event.ts';
import { switchOpenAiKey } from '../../lambdas/use-cases/keys/switch-openai-key.ts';
import { admitSession } from '../../lambdas/use-cases/sessions/admit-session.ts';
import { archiveSite } from '../../lambdas/use-cases/tenancy/archive-site.ts';
import { changeSite } from '../../lambdas/use-cases/tenancy/change-site.ts';
import { createSite } from '../../lambdas/use-cases/tenancy/create-site.ts';
import { deleteWorkspace } from '../../lambdas/use-cases/tenancy/delete-workspace.ts';
import { removeMember } from '../../lambdas/use-cases/tenancy/remove-member.ts';
import { saveMember } from '../../lambdas/use-cases/tenancy/save-member.ts';
import { aSession, clockAt } from '../domain/sessions/session-usage-fixture.ts';
import {
  aKey,
  aSite,
  aWorkspace,
  lost,
  NOW,
  outcomeOf,
  SITE_ID,
  WORKSPACE_ID,
} from './sessions/token-fixture.ts';

/** A write that loses this many races, and what was waited for in between. */
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

describe('a write after a conflict is repeated with longer waits', () => {
  it('for an admission, which then uses the new state', async () => {
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
            return {
              period,
              leases: [],
              budgets: [],
              embed: { tokenUsed: false, visitorDay: { calls: 0, seconds: 0 } },
            };
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
        capacity: {
          period,
          leases: [],
          budgets: [],
          embed: { tokenUsed: false, visitorDay: { calls: 0, seconds: 0 } },
        },
        visitor: undefined,
        timeZone: 'UTC',
        replaced: undefined,
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

  it('for an audit row', async () => {
    const race = contended(2);
    expect(await append(race)).toBe('appended');
    expect(race.waits).toEqual([1, 2]);
  });

  it('for an audit row, and fails after twenty attempts so that the record is delivered again', async () => {
    const race = contended(Number.POSITIVE_INFINITY);
    await expect(append(race)).rejects.toThrow(ConflictError);
    expect(race.writes()).toBe(20);
  });
});

/**
 * The answer to a person who was second, where only the use case can know. Bursts against a real table are in test/e2e.
 */

const CALLER = { sub: 'owner', sourceIp: '' };
const OUTAGE = new Error('no answer');
const failing = (): Promise<never> => Promise.reject(OUTAGE);

// biome-ignore lint/suspicious/noExplicitAny: the ports of several use cases, as far as these tests reach.
type AnyPorts = any;

/** An owner in a workspace with room for more; `tenancy` and `keys` in place of what always works. */
const portsWith = (tenancy: AnyPorts, keys: AnyPorts = {}): AnyPorts => ({
  clock: () => NOW,
  random: (size: number) => Buffer.alloc(size),
  plans: BUILT_IN_PLANS,
  callEnder: { end: async () => 0 },
  auditEvents: { event: async () => ({}) },
  budgets: { readBudgets: async () => [] },
  activity: { readActivity: async () => undefined },
  keys: { readKey: async () => undefined, ...keys },
  tenancy: {
    readMembership: async () => ({ workspace: aWorkspace({ siteCount: 0 }), member: { role: 'owner' } }),
    readSiteMembership: async () => ({ workspace: aWorkspace(), site: aSite(), member: { role: 'owner' } }),
    readMember: async () => ({ role: 'admin' }),
    ...tenancy,
  },
});

describe('the creation of a site while another person writes the workspace', () => {
  /** The result of the second read, after the write that was lost. */
  const created = (siteCount: number, write: () => Promise<void>) => {
    let reads = 0;
    const ports = portsWith({
      createSite: write,
      readMembership: async () => ({
        workspace: aWorkspace({ billingMode: 'managed', siteCount: reads++ === 0 ? 0 : siteCount }),
        member: { role: 'owner' },
      }),
    });
    return outcomeOf(createSite(ports)(CALLER, WORKSPACE_ID, aSite())).then((outcome) => ({
      outcome,
      reads,
    }));
  };

  it('is refused if the last place was taken meanwhile', async () => {
    expect(await created(1, lost)).toEqual({ outcome: 'site_limit_reached', reads: 2 });
  });

  it('fails with a conflict if there is still room', async () => {
    expect((await created(0, lost)).outcome).toBeInstanceOf(ConflictError);
  });

  it('fails with the outage if the table fails', async () => {
    expect(await created(1, failing)).toEqual({ outcome: OUTAGE, reads: 1 });
  });
});

describe('the archiving of a site by two people at the same time', () => {
  const archived = (left: unknown, write: () => Promise<void>) => {
    let reads = 0;
    const ports = portsWith({
      archiveSite: write,
      readSiteMembership: async () => ({
        workspace: aWorkspace(),
        site: reads++ === 0 ? aSite() : left,
        member: { role: 'owner' },
      }),
    });
    return outcomeOf(archiveSite(ports)(CALLER, SITE_ID));
  };

  it('returns site_not_found to the second person', async () => {
    expect(await archived(undefined, lost)).toBe('site_not_found');
  });

  it('fails with a conflict if the site still exists, because only its workspace was written', async () => {
    expect(await archived(aSite(), lost)).toBeInstanceOf(ConflictError);
  });

  it('fails with the outage if the table fails', async () => {
    expect(await archived(undefined, failing)).toBe(OUTAGE);
  });
});

describe('the deletion of a workspace while one of its sites is archived', () => {
  const deleted = (left: unknown, write: () => Promise<void>) =>
    outcomeOf(
      deleteWorkspace(
        portsWith({
          markWorkspaceDeleted: async () => undefined,
          listSites: async () => ({ items: [aSite()], next: undefined }),
          archiveSite: write,
          readSiteMembership: async () => ({ site: left }),
        }),
      )(CALLER, WORKSPACE_ID, 'Shop'),
    );

  it('succeeds', async () => {
    expect(await deleted(undefined, lost)).toBe('done');
  });

  it('fails with a conflict while the site still exists', async () => {
    expect(await deleted(aSite(), lost)).toBeInstanceOf(ConflictError);
  });

  it('fails with the outage if the table fails', async () => {
    expect(await deleted(undefined, failing)).toBe(OUTAGE);
  });
});

describe('the second of two simultaneous changes fails with version_conflict, and an outage with its own error', () => {
  it.each([
    ['of a site', (write: unknown) => changeSite(portsWith({ changeSite: write }))(CALLER, SITE_ID, {})],
    [
      'of a member',
      (write: unknown) => saveMember(portsWith({ saveMember: write }))(CALLER, WORKSPACE_ID, 'x', 'viewer'),
    ],
    [
      'that removes a member',
      (write: unknown) => removeMember(portsWith({ removeMember: write }))(CALLER, WORKSPACE_ID, 'x'),
    ],
  ])('%s', async (_, change) => {
    expect(await outcomeOf(change(lost))).toBe('version_conflict');
    expect(await outcomeOf(change(failing))).toBe(OUTAGE);
  });
});

describe('the kill switch during other changes of the key', () => {
  const target = { scope: 'workspace', workspaceId: WORKSPACE_ID } as const;
  const KEY = { scope: 'workspace', scopeId: WORKSPACE_ID, version: 3 } as const;

  const storeThat = (changeKey: () => Promise<void>) => ({
    readKey: async () => aKey('workspace'),
    changeKey,
  });

  it.each([
    [
      'of a person',
      (ports: AnyPorts) => switchOpenAiKey(ports)(CALLER, target, 'suspended'),
      'version_conflict',
    ],
    [
      'of the detector',
      (ports: AnyPorts) =>
        suspendForIncident(ports)({ workspaceId: WORKSPACE_ID } as never, KEY, 'workspace'),
      expect.any(ConflictError),
    ],
  ] as const)(
    '%s uses the new state up to five times and then fails, and does not repeat after an outage',
    async (_, suspend, givenUp) => {
      const waits: number[] = [];
      const backOff = async (attempt: number): Promise<void> => {
        waits.push(attempt);
      };
      const suspended = (changeKey: () => Promise<void>) =>
        outcomeOf(suspend({ ...portsWith({}, storeThat(changeKey)), backOff }));
      const four = contended(4);
      expect(await suspended(four.write)).toBe('done');
      expect(four.writes()).toBe(5);
      expect(waits).toEqual([1, 2, 3, 4]);
      const always = contended(Number.POSITIVE_INFINITY);
      expect(await suspended(always.write)).toEqual(givenUp);
      expect(always.writes()).toBe(5);
      let writes = 0;
      const outage = (): Promise<never> => {
        writes++;
        return failing();
      };
      expect(await suspended(outage)).toBe(OUTAGE);
      expect(writes).toBe(1);
    },
  );
});
