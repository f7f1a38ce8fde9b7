import { publicSuffixList } from '../../../lambdas/adapters/psl/public-suffixes.ts';
import type { AuditEvent, AuditEventType } from '../../../lambdas/domain/audit/audit-record.ts';
import { ConflictError } from '../../../lambdas/domain/dependency.ts';
import { newEventId, type SiteId } from '../../../lambdas/domain/identifiers.ts';
import type { Invitation } from '../../../lambdas/domain/tenancy/invitation.ts';
import { BUILT_IN_PLANS } from '../../../lambdas/domain/tenancy/plan.ts';
import type { Caller, Member, Site, Workspace } from '../../../lambdas/domain/tenancy/workspace.ts';
import { auditEventFactory } from '../../../lambdas/use-cases/audit/audit-event-factory.ts';
import type { KeyStore, StoredKeyStates } from '../../../lambdas/use-cases/ports/keys.ts';
import type { Page, PageRequest } from '../../../lambdas/use-cases/ports/pages.ts';
import type {
  InvitationStore,
  SiteReader,
  Tenancy,
  TenancyDeletion,
} from '../../../lambdas/use-cases/ports/tenancy.ts';
import { aMember, aSite, aWorkspace, NOW, SITE_ID, WORKSPACE_ID } from '../sessions/token-fixture.ts';

export const CALLER: Caller = { sub: 'somebody', sourceIp: '192.0.2.1' };
export const OTHER_SITE_ID = `${WORKSPACE_ID}000000000001` as SiteId;

export const random = (size: number): Buffer => Buffer.alloc(size, 7);

export const deriver = {
  hashIp: async (address: string, now: Date): Promise<string> => `${address} at ${now.toISOString()}`,
};

/** All of the event that a change by the caller leaves. */
export const eventOf = (type: AuditEventType, about: Partial<AuditEvent> = {}): AuditEvent => ({
  eventId: newEventId(NOW, random),
  workspaceId: WORKSPACE_ID,
  type,
  at: '2026-11-23T12:00:10.000Z',
  actor: 'somebody',
  siteId: null,
  sessionId: null,
  ipHash: '192.0.2.1 at 2026-11-23T12:00:10.000Z',
  facts: {},
  ...about,
});

/** So many sites of the workspace; the second is OTHER_SITE_ID. */
export const sitesOf = (count: number): readonly Site[] =>
  Array.from({ length: count }, (_, index) => {
    const siteId = `${WORKSPACE_ID}${String(index).padStart(12, '0')}` as SiteId;
    return aSite(index === 0 ? { siteId: SITE_ID } : { siteId });
  });

/**
 * A workspace as its table keeps it: each write puts its event on the trail, and one that the state forbids is a conflict.
 * Owners and sites are counted when the workspace is read. The caller is its only owner unless `members` says otherwise.
 */
export const tenancyWith = ({
  workspace = aWorkspace(),
  members = [aMember('owner', CALLER.sub)],
  sites = [] as readonly Site[],
  platformKey = 'active' as 'active' | 'suspended' | 'none',
} = {}) => {
  const table = {
    workspaces: new Map<string, Workspace>([[WORKSPACE_ID, workspace]]),
    members: new Map<string, Member>(members.map((member) => [member.sub, member])),
    sites: new Map<string, Site>(sites.map((site) => [site.siteId, site])),
    invitations: new Map<string, Invitation>(),
    /** When each `sub` and each address was removed. */
    removals: new Map<string, string>(),
    trail: [] as AuditEvent[],
  };
  const conflictIf = (forbidden: boolean): void => {
    if (forbidden) throw new ConflictError();
  };
  const patch = <Item>(items: Map<string, Item>, id: string, change: Partial<Item>, event: AuditEvent) => {
    const kept = items.get(id);
    conflictIf(kept === undefined);
    if (Object.keys(change).length === 0) return;
    items.set(id, { ...kept, ...change } as Item);
    table.trail.push(event);
  };
  const membershipOf = (workspaceId: string, sub: string) => {
    const kept = table.workspaces.get(workspaceId);
    const ownerCount = [...table.members.values()].filter(({ role }) => role === 'owner').length;
    return {
      workspace: kept && { ...kept, ownerCount, siteCount: table.sites.size },
      member: table.members.get(sub),
    };
  };
  const tenancy: Partial<Tenancy & TenancyDeletion & SiteReader> = {
    readMembership: async (workspaceId, sub) => membershipOf(workspaceId, sub),
    readSiteMembership: async (siteId, sub) => ({
      ...membershipOf(WORKSPACE_ID, sub),
      site: table.sites.get(siteId),
    }),
    readSite: async (siteId) => {
      const site = table.sites.get(siteId);
      return site && { ...site, errorDays: workspace.retention.errorDays };
    },
    readMember: async (_, sub) => table.members.get(sub),
    createWorkspace: async (created, owner, event) => {
      table.workspaces.set(created.workspaceId, created);
      table.members.set(owner.sub, owner);
      table.trail.push(event);
    },
    changeWorkspace: async (workspaceId, change, event) =>
      patch(table.workspaces, workspaceId, change, event),
    saveMember: async (member, previous, event) => {
      conflictIf(table.members.get(member.sub)?.role !== previous?.role);
      table.members.set(member.sub, member);
      table.trail.push(event);
    },
    removeMember: async ({ sub, role, email }, event) => {
      conflictIf(table.members.get(sub)?.role !== role);
      table.members.delete(sub);
      for (const person of [sub, ...(email === undefined ? [] : [email])])
        table.removals.set(person, event.at);
      table.trail.push(event);
    },
    createSite: async (site, { plan, billingMode, maxSites }, event) => {
      const kept = table.workspaces.get(site.workspaceId);
      conflictIf(plan !== kept?.plan || billingMode !== kept.billingMode);
      conflictIf(maxSites !== null && !(table.sites.size < maxSites));
      table.sites.set(site.siteId, site);
      table.trail.push(event);
    },
    changeSite: async ({ siteId }, change, event) => patch(table.sites, siteId, change, event),
    archiveSite: async ({ siteId }, event) => {
      conflictIf(!table.sites.delete(siteId));
      table.trail.push(event);
    },
  };
  const clock = () => NOW;
  const ports = {
    tenancy: tenancy as Tenancy & TenancyDeletion & SiteReader,
    keys: {
      readKey: async () => undefined,
      readStates: async () => () => (platformKey === 'none' ? undefined : platformKey),
    } as unknown as KeyStore & StoredKeyStates,
    invitations: {
      readInvitation: async (_, invitationId) => table.invitations.get(invitationId),
      listInvitations: async (_, page) =>
        pageOf([...table.invitations.values()], ({ invitationId }) => invitationId, page),
      saveInvitation: async (invitation, event) => {
        table.invitations.set(invitation.invitationId, invitation);
        table.trail.push(event);
      },
      removeInvitation: async ({ invitationId, nonce }, event) => {
        conflictIf(table.invitations.get(invitationId)?.nonce !== nonce);
        table.invitations.delete(invitationId);
        table.trail.push(event);
      },
      readRemovedAt: async (_, { sub, email }) =>
        [sub, email ?? '']
          .flatMap((person) => table.removals.get(person) ?? [])
          .toSorted()
          .at(-1),
      acceptInvitation: async ({ invitationId, nonce }, member, event) => {
        conflictIf(table.invitations.get(invitationId)?.nonce !== nonce || table.members.has(member.sub));
        table.invitations.delete(invitationId);
        table.members.set(member.sub, member);
        table.trail.push(event);
      },
    } satisfies InvitationStore as InvitationStore,
    secrets: { secretOf: async ({ nonce }: Pick<Invitation, 'nonce'>) => `secret of ${nonce}` },
    auditEvents: auditEventFactory({ clock, random, pseudonyms: deriver }),
    callEnder: { end: async () => 0 },
    clock,
    random,
    plans: BUILT_IN_PLANS,
    suffixes: publicSuffixList,
    budgets: { readBudgets: async () => [] },
  };
  return { table, ports };
};

/** A page of rows in the order given; a position is that of the row before. */
export const pageOf = <Row>(
  rows: readonly Row[],
  positionOf: (row: Row) => string,
  { limit, after }: PageRequest,
): Page<Row> => {
  const start = rows.findIndex((row) => positionOf(row) === after) + 1;
  const items = rows.slice(start, start + limit);
  return {
    items,
    next: items.length === 0 || start + limit >= rows.length ? undefined : positionOf(items.at(-1) as Row),
  };
};
