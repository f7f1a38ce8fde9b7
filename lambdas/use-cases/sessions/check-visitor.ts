import { BrokerError } from '../../domain/broker-error.ts';
import type { SiteId } from '../../domain/identifiers.ts';
import {
  type EmbedClaims,
  type EmbedFault,
  secondsToNextVisitorDay,
  type VisitorDay,
  type VisitorLimits,
  visitorIsDone,
} from '../../domain/sessions/embed-token.ts';
import { embedTokenTag } from '../../domain/sessions/embed-token-tag.ts';
import type { EmbedFacts } from '../../domain/sessions/token-context.ts';
import type { Site } from '../../domain/tenancy/workspace.ts';
import type { EmbedSecrets, EmbedTags, EmbedTokens } from '../ports/sessions.ts';

export interface EmbedPorts {
  readonly embedTokens: EmbedTokens;
  readonly embedSecrets: EmbedSecrets;
}

/** A visitor whom the site's server has vouched for. */
export interface KnownVisitor {
  readonly tag: string;
  /** undefined if the call replaces another one that the token opened. */
  readonly token: { readonly tag: string; readonly exp: number } | undefined;
  readonly limits: VisitorLimits;
  /** The visitor, for OpenAI's safety identifier. */
  readonly sub: string | undefined;
  readonly variables: EmbedClaims['variables'];
}

/** The items that count the token's use and the visitor's day, before verification. undefined without a readable token. */
export const embedTagsOf = async (
  { embedTokens, embedSecrets }: EmbedPorts,
  siteId: SiteId,
  token: string | undefined,
): Promise<EmbedTags | undefined> => {
  const claimed = token === undefined ? undefined : embedTokens.peek(token);
  if (claimed === undefined) return undefined;
  return {
    token: embedTokenTag(claimed.jti),
    visitor: await embedSecrets.visitorTag(siteId, claimed.sub),
  };
};

const SENTENCES: Readonly<Record<EmbedFault, string>> = {
  missing: 'Send embed_token: a token that your server signs for this visitor.',
  expired: 'The token has expired. Ask your server for a new one.',
  replayed: 'The token has opened a session already. Ask your server for a new one.',
  signature: 'The token was not signed for this site with its embed key, or one of its claims is not valid.',
};

export const embedRefusal = (fault: EmbedFault): BrokerError =>
  new BrokerError('embed_token_invalid', { details: [{ path: fault, message: SENTENCES[fault] }] });

/** Throws if the token was used, or the visitor has reached a daily limit. */
export const refuseVisitor = (
  { token, limits }: Pick<KnownVisitor, 'token' | 'limits'>,
  { tokenUsed, visitorDay }: { readonly tokenUsed: boolean; readonly visitorDay: VisitorDay },
  now: Date,
): void => {
  if (token !== undefined && tokenUsed) throw embedRefusal('replayed');
  // A call that replaces another one is not an additional call.
  const judged = token === undefined ? { ...limits, callsPerDay: null } : limits;
  if (visitorIsDone(judged, visitorDay))
    throw new BrokerError('visitor_limit', { retryAfterSeconds: secondsToNextVisitorDay(now) });
};

interface Check {
  readonly site: Site;
  readonly token: string | undefined;
  readonly tags: EmbedTags | undefined;
  readonly facts: EmbedFacts;
  /** The visitor of the replaced call; undefined: no call is replaced. */
  readonly replaced: { readonly visitorTag: string | undefined } | undefined;
  readonly now: Date;
}

/**
 * The visitor of a request. A site that requires embed tokens refuses requests without one; on other sites, a token that is
 * sent must still be valid. A call that replaces another one needs no second token; with the first one, even used
 * and expired, it gets its variables again.
 *
 * @throws {BrokerError} `embed_token_invalid` or `visitor_limit`
 */
export const checkVisitor = async (
  ports: EmbedPorts,
  { site, token, tags, facts, replaced, now }: Check,
): Promise<KnownVisitor | undefined> => {
  const { siteId, embedKey, visitorLimits: limits } = site;
  if (token === undefined) {
    if (replaced === undefined && site.requireEmbedToken) throw embedRefusal('missing');
    const tag = replaced?.visitorTag;
    return tag === undefined ? undefined : { tag, token: undefined, limits, sub: undefined, variables: {} };
  }
  if (tags === undefined || embedKey === null) throw embedRefusal('signature');
  const secret =
    embedKey.algorithm === 'HS256' ? await ports.embedSecrets.embedSecret(siteId, embedKey.keyId) : '';
  const expiryIgnored = replaced !== undefined && replaced.visitorTag === tags.visitor;
  const claims = await ports.embedTokens.verify(token, { key: embedKey, secret, siteId, now, expiryIgnored });
  if (typeof claims === 'string') throw embedRefusal(claims);
  const visitor: KnownVisitor = {
    tag: tags.visitor,
    token: expiryIgnored ? undefined : { tag: tags.token, exp: claims.exp },
    limits,
    sub: claims.sub,
    variables: claims.variables,
  };
  refuseVisitor(visitor, facts, now);
  return visitor;
};
