import { createHash } from 'node:crypto';
import { base32, type RandomBytes, type WorkspaceId } from '../identifiers.ts';
import { API_TOKEN_PREFIX } from './api-token.ts';

/**
 * The text of an API token: prefix, ID of the workspace, ID of the token, secret, checksum. The IDs locate its item
 * without a search. The checksum is public: it refuses mistyped and invented texts without a read, but does not stop a forger.
 */

const WORKSPACE = 12;
const ID = 16;
/** 260 bits. */
const SECRET = 52;
/** 30 bits. */
const CHECKSUM = 6;
const TEXT = new RegExp(
  `^${API_TOKEN_PREFIX}([a-z0-9]{${WORKSPACE}})([0-9a-hjkmnp-tv-z]{${ID}})[0-9a-hjkmnp-tv-z]{${SECRET + CHECKSUM}}$`,
);

const TOKEN_ID = new RegExp(`^tok_[0-9a-hjkmnp-tv-z]{${ID}}$`);
export const isApiTokenId = (text: string): boolean => TOKEN_ID.test(text);

const sha256 = (text: string) => createHash('sha256').update(text, 'utf8');

const checksumOf = (text: string): string =>
  base32(() => sha256(text).digest().subarray(0, CHECKSUM), CHECKSUM);

/** SHA-256 is enough for a secret of 260 random bits: there is nothing to guess. */
export const hashOfApiToken = (text: string): string => sha256(text).digest('hex');

/** A new token of this workspace: its ID, and the text that is shown once. */
export const newApiToken = (
  workspaceId: WorkspaceId,
  random: RandomBytes,
): { readonly tokenId: string; readonly text: string } => {
  const id = base32(random, ID);
  const unchecked = `${API_TOKEN_PREFIX}${workspaceId}${id}${base32(random, SECRET)}`;
  return { tokenId: `tok_${id}`, text: `${unchecked}${checksumOf(unchecked)}` };
};

/** The IDs that locate the item of a token; undefined for a text that is mistyped or not an API token. */
export const parseApiToken = (
  text: string,
): { readonly workspaceId: WorkspaceId; readonly tokenId: string } | undefined => {
  const [, workspaceId, id] = TEXT.exec(text) ?? [];
  const isSound = checksumOf(text.slice(0, -CHECKSUM)) === text.slice(-CHECKSUM);
  return isSound && id !== undefined
    ? { workspaceId: workspaceId as WorkspaceId, tokenId: `tok_${id}` }
    : undefined;
};
