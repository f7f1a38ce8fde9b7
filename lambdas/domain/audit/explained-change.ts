import type { AuditEvent, AuditEventType } from './audit-record.ts';
import type { EventWriter } from './event-writers.ts';

/** A change of an item that only the product makes, and always together with an audit event. */
export interface TenancyChange {
  readonly workspaceId: string;
  readonly siteId: string | null;
  /** The item in words of the product, for example `member carol`. */
  readonly subject: string;
  /** Each event that explains the change: who writes it, its type, and the facts or fields that it must have. */
  readonly explanations: readonly Explanation[];
}

export interface Explanation {
  readonly writer: EventWriter;
  readonly types: readonly AuditEventType[];
  readonly siteId?: string;
  readonly actor?: string;
  readonly facts?: AuditEvent['facts'];
}

/** True if the event records that its writer made this change. */
export const explains = ({ types, siteId, actor, facts = {} }: Explanation, event: AuditEvent): boolean =>
  types.includes(event.type) &&
  (siteId === undefined || event.siteId === siteId) &&
  (actor === undefined || event.actor === actor) &&
  Object.entries(facts).every(([name, value]) => event.facts[name] === value);

/** An item of the tenancy table in a stream record. */
export interface ChangedItem {
  readonly pk: string;
  readonly sk: string;
  readonly change: 'INSERT' | 'MODIFY' | 'REMOVE';
  /** undefined for REMOVE. */
  readonly image: Readonly<Record<string, unknown>> | undefined;
}

/** A command that restores items writes this event for each workspace before it copies. */
export const RESTORED: Explanation = { writer: 'restore', types: ['workspace.restored'] };

/** The change that needs an explanation; undefined for items that change without an event. */
export const tenancyChangeOf = ({ pk, sk, change, image }: ChangedItem): TenancyChange | undefined => {
  const [kind = '', workspaceId = ''] = pk.split('#');
  const of = (
    subject: string,
    explanations: readonly Explanation[],
    siteId: string | null = null,
  ): TenancyChange => ({ workspaceId, siteId, subject, explanations: [...explanations, RESTORED] });
  if (kind === 'STOP') {
    const type = change === 'REMOVE' ? 'service.resumed' : 'service.stopped';
    const stage = workspaceId === 'stage';
    const found = of(stage ? 'stop of the stage' : 'stop of the workspace', [
      { writer: 'stop', types: [type] },
      { writer: 'break-glass', types: [type] },
    ]);
    return stage ? { ...found, workspaceId: 'platform' } : found;
  }
  if (kind === 'WEBHOOKS') return of(`webhook ${sk}`, webhookExplanations(change));
  if (kind === 'MAIL') return of('mail alerts', mailExplanations(change));
  if (kind !== 'WORKSPACE') return undefined;
  if (sk === 'WORKSPACE') return of('workspace', workspaceExplanations(change));
  const [item = '', id = ''] = [sk.slice(0, sk.indexOf('#')), sk.slice(sk.indexOf('#') + 1)];
  switch (item) {
    case 'MEMBER':
      return of(`member ${id}`, memberExplanations(change, id, image?.['role']));
    case 'INVITATION':
      // An invitation that ends gives nobody a right. It ends by acceptance, which the member's event explains, or by its expiry.
      return change === 'REMOVE' ? undefined : of(`invitation ${id}`, [invited(id, image?.['role'])]);
    case 'API_TOKEN':
      return of(`API token ${id}`, apiTokenExplanations(change, id, image));
    case 'SITE':
      return of(`site ${id}`, siteExplanations(change, id), id);
    case 'REMOVAL':
      // Without it, an invitation from before the removal could be accepted. DynamoDB alone removes it, by its expiry.
      if (change === 'INSERT') return undefined;
      return of(
        'record of a removed person',
        change === 'MODIFY' ? [{ writer: 'manage', types: ['member.removed'] }] : [],
      );
    case 'ARCHIVED_SITE':
      return of(`archived site ${id}`, [{ writer: 'keys', types: ['site.archived'], siteId: id }], id);
    default:
      return undefined;
  }
};

const workspaceExplanations = (change: ChangedItem['change']): readonly Explanation[] => {
  if (change === 'INSERT') return [{ writer: 'manage', types: ['workspace.created'] }];
  if (change === 'REMOVE') return [];
  return [
    // Members and sites are counted in the workspace.
    {
      writer: 'manage',
      types: ['workspace.changed', 'member.saved', 'member.removed', 'site.created'],
    },
    { writer: 'keys', types: ['workspace.deleted', 'site.archived'] },
    { writer: 'set-plan', types: ['workspace.plan_changed'] },
  ];
};

const memberExplanations = (
  change: ChangedItem['change'],
  sub: string,
  role: unknown,
): readonly Explanation[] => {
  if (change === 'REMOVE') return [{ writer: 'manage', types: ['member.removed'], facts: { sub } }];
  const saved: Explanation = {
    writer: 'manage',
    types: ['member.saved'],
    facts: { sub, role: String(role) },
  };
  if (change === 'INSERT' && role === 'owner')
    return [saved, { writer: 'manage', types: ['workspace.created'], actor: sub }];
  return [saved];
};

const invited = (invitation: string, role: unknown): Explanation => ({
  writer: 'manage',
  types: ['member.invited'],
  facts: { invitation, role: String(role) },
});

/** A token never changes: it is created once and revoked once. */
const apiTokenExplanations = (
  change: ChangedItem['change'],
  token: string,
  image: ChangedItem['image'],
): readonly Explanation[] => {
  if (change === 'MODIFY') return [];
  if (change === 'REMOVE') return [{ writer: 'manage', types: ['api_token.revoked'], facts: { token } }];
  const [role, expiresAt] = [String(image?.['role']), String(image?.['expiresAt'])];
  return [{ writer: 'manage', types: ['api_token.created'], facts: { token, role, valid_until: expiresAt } }];
};

const siteExplanations = (change: ChangedItem['change'], siteId: string): readonly Explanation[] => {
  if (change === 'INSERT') return [{ writer: 'manage', types: ['site.created'], siteId }];
  if (change === 'REMOVE') return [{ writer: 'keys', types: ['site.archived'], siteId }];
  return [
    { writer: 'manage', types: ['site.changed', 'embed_key.stored', 'embed_key.removed'], siteId },
    { writer: 'retire-models', types: ['site.model_retiring', 'site.model_moved'], siteId },
  ];
};

const webhookExplanations = (change: ChangedItem['change']): readonly Explanation[] => {
  if (change === 'INSERT') return [{ writer: 'manage', types: ['webhook.created'] }];
  if (change === 'REMOVE') return [{ writer: 'manage', types: ['webhook.removed'] }];
  return [{ writer: 'manage', types: ['webhook.changed', 'webhook.secret_rotated'] }];
};

/** The product never removes the item. An address that the workspace no longer has gets no mail. */
const mailExplanations = (change: ChangedItem['change']): readonly Explanation[] =>
  change === 'REMOVE' ? [] : [{ writer: 'manage', types: ['mail_alerts.verified', 'mail_alerts.changed'] }];
