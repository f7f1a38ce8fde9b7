import { createHash } from 'node:crypto';

/**
 * Ways in which a table shows that something other than the product wrote to it:
 *
 * - `key_put_back`: a stored key does not match its mark, so an older one was put back or an attribute was changed.
 * - `mark_put_back`: the key and its mark match, and are older than a state that was seen before, or gone.
 */
export const TAMPERING_KINDS = ['key_put_back', 'mark_put_back'] as const;
export type TamperingKind = (typeof TAMPERING_KINDS)[number];

export interface Tampering {
  /** The same for the same finding, however often it is made. */
  readonly incidentId: string;
  readonly kind: TamperingKind;
  readonly workspaceId: string;
  readonly siteId: string | null;
  /** The item in words of the product, for example `key of site s1`. */
  readonly subject: string;
  /** RFC 3339. */
  readonly at: string;
}

/** `found`: the state in which the item was found, so that a later change is another incident. */
export const tampering = (found: Omit<Tampering, 'incidentId'>, ...state: readonly string[]): Tampering => ({
  ...found,
  incidentId: `tmp_${createHash('sha256')
    .update(JSON.stringify([found.kind, found.workspaceId, found.subject, ...state]))
    .digest('hex')
    .slice(0, 40)}`,
});

const MEANING: Readonly<Record<TamperingKind, string>> = {
  key_put_back:
    'was changed in the table and not by this service. It is refused until its owner stores the key again.',
  mark_put_back:
    'and its mark were removed or put back to an older state in the tables. Suspend it and find out who wrote the tables.',
};

/** One line for a person. */
export const tamperingSummary = ({ kind, subject }: Tampering): string => `The ${subject} ${MEANING[kind]}`;
