import { createHash } from 'node:crypto';

/** Names the use of one token, by its `jti`, without storing what the customer wrote there. */
export const embedTokenTag = (jti: string): string =>
  createHash('sha256').update(jti, 'utf8').digest('base64url');
