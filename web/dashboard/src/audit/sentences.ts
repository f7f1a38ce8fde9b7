import type { AuditRow } from '../api/queries.ts';

type Type = AuditRow['type'];

const SENTENCES: Readonly<Record<Type, string>> = {
  'session.reserved': 'Key about to be used for a visitor',
  'session.issued': 'Key used, a client secret issued',
  'session.used': 'Key used by a person',
  'key.use_intended': 'Key about to be opened for a call',
  'key.use_settled': 'Key opened for a call',
  'session.end_requested': 'Call ended by a person',
  'service.stopped': 'Voice stopped by the operator',
  'service.resumed': 'Voice resumed by the operator',
  'service.heartbeat': 'Heartbeat',
  'session.refused': 'Session refused',
  'usage.corrected': 'Usage totals corrected from the sessions',
  'plan.threshold_reached': 'Threshold of the plan’s minutes reached',
  'budget.changed': 'Budget set',
  'budget.removed': 'Budget removed',
  'budget.threshold_reached': 'Threshold of a budget reached',
  'embed_key.stored': 'Embed key stored',
  'embed_key.removed': 'Embed key removed',
  'workspace.created': 'Workspace created',
  'workspace.changed': 'Workspace changed',
  'workspace.plan_changed': 'Moved to another plan',
  'workspace.deleted': 'Workspace deleted',
  'workspace.restored': 'Items copied back from a backup',
  'member.saved': 'Member joined or changed',
  'member.invited': 'Person invited',
  'member.invitation_removed': 'Invitation withdrawn',
  'member.removed': 'Member removed',
  'api_token.created': 'API token created',
  'api_token.revoked': 'API token revoked',
  'site.created': 'Site created',
  'site.changed': 'Site changed',
  'site.archived': 'Site archived',
  'site.model_retiring': 'OpenAI is shutting down a site’s model',
  'site.model_moved': 'Site moved to a newer model',
  'key.stored': 'OpenAI key stored',
  'key.deleted': 'OpenAI key deleted',
  'key.suspended': 'OpenAI key suspended',
  'key.resumed': 'OpenAI key resumed',
  'key.rolled_back': 'Rolled back to the previous OpenAI key',
  'key.reencrypted': 'OpenAI key re-encrypted',
  'key.rewrapped': 'Data key wrapped under a new master key',
  'key.marked': 'Mark of an OpenAI key written',
  'key.item_written': 'Key record written in the table',
  'key.retained_removed': 'Retained version destroyed',
  'tampering.detected': 'Changed past this service',
  'anomaly.detected': 'Unusual use found',
  'mail_alerts.verified': 'Mail address for alerts verified',
  'mail_alerts.changed': 'Mail alerts changed',
  'webhook.created': 'Webhook added',
  'webhook.changed': 'Webhook changed',
  'webhook.removed': 'Webhook removed',
  'webhook.secret_rotated': 'Signing secret of a webhook replaced',
  'row.damaged': 'Row that can no longer be read',
};

export const sentenceOf = (type: Type): string => SENTENCES[type];
export const AUDIT_TYPES = Object.keys(SENTENCES).filter(
  (type): type is Exclude<Type, 'row.damaged'> => type !== 'row.damaged',
);

/** Who caused a row, in words: `visitor`, `system:rotate`, `token:<ID>` of an API token, or the `sub` of a person. */
export const actorOf = ({ actor, facts }: Pick<AuditRow, 'actor' | 'facts'>): string => {
  if (actor === 'visitor') return 'A visitor';
  if (actor.startsWith('system:')) return `The service (${actor.slice(7)})`;
  const name = facts['token_name'];
  return actor.startsWith('token:') && name !== undefined
    ? `API token ${name} (${actor.slice('token:'.length)})`
    : actor;
};
