/**
 * How an access token is distinguished from an ID token. Each rule is a positive sign: a token without it is refused.
 *
 * - `marked`: the header type `at+jwt` (RFC 9068), `token_use: access` (Cognito) or the claim `typ: Bearer` (Keycloak).
 * - `scope`: the token has this scope, in `scope` or `scp`; for issuers whose access tokens carry no such mark.
 */
export type AccessTokenRule =
  | { readonly kind: 'marked' }
  | { readonly kind: 'scope'; readonly scope: string };

const SCOPE = /^scope:([\x21\x23-\x5b\x5d-\x7e]+)$/;

/** Reads `marked` or `scope:<name>`, as in the environment and in the stage's settings; undefined for anything else. */
export const parseAccessTokenRule = (text: string): AccessTokenRule | undefined => {
  if (text === 'marked') return { kind: 'marked' };
  const scope = SCOPE.exec(text)?.[1];
  return scope === undefined ? undefined : { kind: 'scope', scope };
};
