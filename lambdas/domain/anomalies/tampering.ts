import { createHash } from 'node:crypto';
import { isSiteId, isWorkspaceId } from '../identifiers.ts';

/**
 * Ways in which a table shows that something other than the product wrote to it:
 *
 * - `key_put_back`: a stored key does not match its mark, so an older one was put back or an attribute was changed.
 * - `mark_put_back`: the key and its mark match, and are older than a state that was seen before, or gone.
 * - `unexplained_change`: a workspace, member, site, stop, webhook or budget was changed, and no audit event explains it; or the
 *   spent amount of a budget was lowered below the usage.
 * - `foreign_event`: an audit event lies in the partition of a writer who may not write it.
 */
export const TAMPERING_KINDS = [
  'key_put_back',
  'mark_put_back',
  'unexplained_change',
  'foreign_event',
] as const;
export type TamperingKind = (typeof TAMPERING_KINDS)[number];

export interface Tampering {
  /** The same for the same finding, however often it is found. */
  readonly incidentId: string;
  readonly kind: TamperingKind;
  readonly workspaceId: string;
  readonly siteId: string | null;
  /** The item in words of the product, for example `key of site s1`. */
  readonly subject: string;
  /** RFC 3339. */
  readonly at: string;
}

/** The workspace ID of an incident that names no workspace of ours. */
const PLATFORM = 'platform';
const MAX_SUBJECT = 128;

/**
 * The incident of a finding. `state`: the state of the item, so that a later change is another incident. Ids and subject
 * come from a table that others can write: text that is not an id of ours is dropped, and no character starts a new line.
 */
export const tampering = (
  { kind, workspaceId, siteId, subject, at }: Omit<Tampering, 'incidentId'>,
  ...state: readonly string[]
): Tampering => ({
  kind,
  at,
  workspaceId: isWorkspaceId(workspaceId) ? workspaceId : PLATFORM,
  siteId: siteId !== null && isSiteId(siteId) ? siteId : null,
  subject: subject.replace(/[^\x20-\x7e]/g, '?').slice(0, MAX_SUBJECT),
  incidentId: `tmp_${createHash('sha256')
    .update(JSON.stringify([kind, workspaceId, subject, ...state]))
    .digest('hex')
    .slice(0, 40)}`,
});

const MEANING: Readonly<Record<TamperingKind, string>> = {
  key_put_back:
    'was changed in the table and not by this service. It is refused until its owner stores the key again.',
  mark_put_back:
    'and its mark were removed or put back to an older state in the tables. Suspend it and find out who wrote the tables.',
  unexplained_change:
    'was changed in the table, and no audit event explains it. Find out who wrote the table.',
  foreign_event: 'was put into the partition of a writer who may not write it. It is not on the audit trail.',
};

/** One line for a person. */
export const tamperingSummary = ({ kind, subject }: Tampering): string => `The ${subject} ${MEANING[kind]}`;
