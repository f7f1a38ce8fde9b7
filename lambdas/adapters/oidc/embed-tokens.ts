import { decodeJwt, errors, exportJWK, importJWK, importSPKI, type JWTPayload, jwtVerify } from 'jose';
import * as z from 'zod';
import {
  EMBED_CLOCK_SKEW_SECONDS,
  type EmbedClaims,
  LONGEST_EMBED_SECONDS,
  MAX_EMBED_TOKEN_LENGTH,
  MAX_VARIABLE_LENGTH,
  MAX_VARIABLES,
  VARIABLE_NAME,
} from '../../domain/sessions/embed-token.ts';
import type { EmbedPublicKeys, EmbedTokens } from '../../use-cases/ports/sessions.ts';

const name = z.string().min(1).max(256);

const claims: z.ZodType<EmbedClaims> = z.object({
  sub: name,
  jti: name,
  exp: z.number(),
  variables: z
    .record(z.string().regex(VARIABLE_NAME), z.string().max(MAX_VARIABLE_LENGTH))
    .refine((variables) => Object.keys(variables).length <= MAX_VARIABLES)
    .default({}),
});

/**
 * Verifies embed tokens with `jose`. The key and the algorithm that a token names are ignored: the site's key determines
 * both.
 */
export const joseEmbedTokens = (): EmbedTokens => ({
  peek: (token) => {
    if (token.length > MAX_EMBED_TOKEN_LENGTH) return undefined;
    try {
      return claims.safeParse(decodeJwt(token)).data;
    } catch {
      return undefined;
    }
  },

  verify: async (token, { key, secret, siteId, now, expiryIgnored }) => {
    const nowSeconds = Math.floor(now.getTime() / 1_000);
    try {
      const { payload } = await jwtVerify(token, await keyOf(key, secret), {
        algorithms: [key.algorithm],
        audience: siteId,
        currentDate: expiryIgnored ? new Date(judgedAtMs(token, now)) : now,
        requiredClaims: ['sub', 'jti', 'exp'],
      });
      const proven = claims.safeParse(payload).data;
      if (proven === undefined || !isForThisSiteAlone(payload)) return 'signature';
      const lastsTooLong = proven.exp > nowSeconds + LONGEST_EMBED_SECONDS + EMBED_CLOCK_SKEW_SECONDS;
      return lastsTooLong ? 'signature' : proven;
    } catch (error) {
      if (error instanceof errors.JWTExpired) return 'expired';
      if (error instanceof errors.JOSEError || error instanceof TypeError) return 'signature';
      throw error;
    }
  },
});

/** A list of audiences would let one token open sessions of several sites. */
const isForThisSiteAlone = ({ aud }: JWTPayload): boolean => typeof aud === 'string';

/** A moment at which the token has not expired. */
const judgedAtMs = (token: string, now: Date): number => {
  const { exp } = decodeJwt(token);
  return Math.min(now.getTime(), ((exp ?? 0) - 1) * 1_000);
};

const keyOf = async (
  { publicKey }: Parameters<EmbedTokens['verify']>[1]['key'],
  secret: string,
): Promise<Parameters<typeof jwtVerify>[1]> =>
  publicKey === null
    ? new TextEncoder().encode(secret)
    : importJWK({ kty: 'EC', crv: 'P-256', ...publicKey }, 'ES256');

/** Reads the public keys that customers store. */
export const josePublicKeys = (): EmbedPublicKeys => ({
  parsePublicKey: async (pem) => {
    if (!/^\s*-----BEGIN PUBLIC KEY-----[A-Za-z0-9+/=\s]+-----END PUBLIC KEY-----\s*$/.test(pem))
      return undefined;
    try {
      const { x, y } = await exportJWK(await importSPKI(pem, 'ES256', { extractable: true }));
      return x === undefined || y === undefined ? undefined : { x, y };
    } catch {
      return undefined;
    }
  },
});
