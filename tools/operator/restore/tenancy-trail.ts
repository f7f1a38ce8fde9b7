import type { RawItem, TableCopy } from '../../../lambdas/adapters/aws/dynamodb-table-copy.ts';
import type { AuditRow } from '../../../lambdas/domain/audit/audit-record.ts';

/** The history of one workspace in the audit trail, up to its newest archived row. */
export interface WorkspaceHistory {
  /** When it was deleted; undefined while it is not. */
  readonly deletedAt: string | undefined;
  /** Role of each person who was ever a member; `removed` for former members. */
  readonly members: ReadonlyMap<string, string>;
  readonly archivedSites: ReadonlySet<string>;
}

type Histories = ReadonlyMap<string, WorkspaceHistory>;

/** Reads the trail of every workspace. Rows may repeat and come in any order. */
export const readTenancyTrail = (rows: readonly AuditRow[]): Histories =>
  new Map(
    [...Map.groupBy(rows, ({ workspaceId }) => workspaceId)].map(([workspaceId, own]) => [
      workspaceId,
      historyOf(own.toSorted((a, b) => a.sequence - b.sequence)),
    ]),
  );

const historyOf = (rows: readonly AuditRow[]): WorkspaceHistory => {
  let deletedAt: string | undefined;
  const members = new Map<string, string>();
  const archivedSites = new Set<string>();
  for (const { type, at, actor, siteId, facts } of rows) {
    if (type === 'workspace.created') members.set(actor, 'owner');
    if (type === 'workspace.deleted') deletedAt = at;
    if (type === 'member.saved') members.set(String(facts['sub']), String(facts['role']));
    if (type === 'member.removed') members.set(String(facts['sub']), 'removed');
    if (type === 'site.archived' && siteId !== null) archivedSites.add(siteId);
  }
  return { deletedAt, members, archivedSites };
};

export interface TenancyAdmission {
  /** The restored form of an item; undefined for none. */
  readonly admit: (item: RawItem) => RawItem | undefined;
  /** Workspaces of the restored table that are not in the trail. */
  readonly withoutTrail: readonly string[];
}

/** Restored items of one workspace, by table. */
interface Counts {
  owners: number;
  sites: number;
}

/**
 * Decides how an item of the restored tenancy table comes back. A person who was removed since is not a member again, and no
 * one gets more rights than in the trail. An archived site stays archived, and a deleted workspace stays deleted. A workspace
 * counts the owners and sites that come back with it, so that its last owner is known. Outbox events are left out, because
 * they are already rows of the trail; marks, because they belong to older keys; and invitations and API tokens, because they
 * may have been accepted, withdrawn or revoked since. Everything else is as it was at the time of the restore.
 *
 * Reads the restored table `from` once, for the counts.
 */
export const tenancyAdmission = async (
  copy: Pick<TableCopy, 'scan'>,
  from: string,
  histories: Histories,
): Promise<TenancyAdmission> => {
  const withoutTrail: string[] = [];
  const counts = new Map<string, Counts>();
  for (let after: RawItem | undefined; ; ) {
    const { items, next } = await copy.scan(from, after);
    for (const item of items) {
      count(counts, item, histories);
      const workspaceId = workspaceOf(item);
      if (workspaceId !== undefined && item['sk']?.S === 'WORKSPACE' && !histories.has(workspaceId))
        withoutTrail.push(workspaceId);
    }
    if (next === undefined) break;
    after = next;
  }
  return {
    withoutTrail,
    admit: (item) => {
      const admitted = admit(item, histories);
      if (admitted?.['sk']?.S !== 'WORKSPACE') return admitted;
      const { owners = 0, sites = 0 } = counts.get(workspaceOf(item) ?? '') ?? {};
      return { ...admitted, ownerCount: { N: String(owners) }, siteCount: { N: String(sites) } };
    },
  };
};

const workspaceOf = ({ pk }: RawItem): string | undefined => /^WORKSPACE#(.*)$/.exec(pk?.S ?? '')?.[1];

const count = (counts: Map<string, Counts>, item: RawItem, histories: Histories): void => {
  const workspaceId = workspaceOf(item);
  const admitted = admit(item, histories);
  if (workspaceId === undefined || admitted === undefined) return;
  const own = counts.get(workspaceId) ?? { owners: 0, sites: 0 };
  counts.set(workspaceId, own);
  const sk = admitted['sk']?.S ?? '';
  if (sk.startsWith('MEMBER#') && admitted['role']?.S === 'owner') own.owners++;
  if (sk.startsWith('SITE#')) own.sites++;
};

const admit = (item: RawItem, histories: Histories): RawItem | undefined => {
  if (/^(?:EVENTS|MARK|TOKEN_USE)#/.test(item['pk']?.S ?? '')) return undefined;
  const sk = item['sk']?.S ?? '';
  if (/^(?:INVITATION|API_TOKEN)#/.test(sk)) return undefined;
  const history = histories.get(workspaceOf(item) ?? '');
  if (history === undefined) return item;
  if (sk.startsWith('MEMBER#')) return memberAfter(item, history.members.get(sk.slice('MEMBER#'.length)));
  if (sk.startsWith('SITE#') && history.archivedSites.has(sk.slice('SITE#'.length))) return undefined;
  const { deletedAt } = history;
  return sk === 'WORKSPACE' && deletedAt !== undefined ? { ...item, deletedAt: { S: deletedAt } } : item;
};

const memberAfter = (item: RawItem, role: string | undefined): RawItem | undefined => {
  if (role === 'removed') return undefined;
  return role === undefined ? item : { ...item, role: { S: role } };
};
