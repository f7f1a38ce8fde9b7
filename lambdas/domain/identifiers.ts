/**
 * Ids of this product. They are random, lower-case base32 (Crockford's alphabet: no i, l, o, u), and a site id
 * starts with the id of its workspace: a site never changes workspace, so everything that a token request
 * needs can be read in one call from the site id alone (docs/decisions/0002).
 */

declare const brand: unique symbol;
type Branded<Name extends string> = string & { readonly [brand]: Name };

export type WorkspaceId = Branded<'WorkspaceId'>;
export type SiteId = Branded<'SiteId'>;
export type SessionId = Branded<'SessionId'>;

/** Cryptographically strong bytes. Throws when the source of randomness fails; nothing may continue without it. */
export type RandomBytes = (size: number) => Buffer;

const ALPHABET = '0123456789abcdefghjkmnpqrstvwxyz';
const WORKSPACE_ID_LENGTH = 12;
const SITE_ID_LENGTH = 24;
const TIME_LENGTH = 10;

/** `length` characters of five random bits each. */
export const base32 = (random: RandomBytes, length: number): string => {
  const bytes = random(length);
  if (bytes.byteLength !== length) throw new Error('The source of randomness gave too few bytes.');
  return Array.from(bytes, (byte) => ALPHABET[byte % 32]).join('');
};

export const newWorkspaceId = (random: RandomBytes): WorkspaceId =>
  base32(random, WORKSPACE_ID_LENGTH) as WorkspaceId;

export const newSiteId = (workspaceId: WorkspaceId, random: RandomBytes): SiteId =>
  `${workspaceId}${base32(random, SITE_ID_LENGTH - WORKSPACE_ID_LENGTH)}` as SiteId;

const base32Time = (at: Date): string => {
  let time = '';
  for (let rest = Math.max(0, at.getTime()), i = 0; i < TIME_LENGTH; i++, rest = Math.floor(rest / 32))
    time = `${ALPHABET[rest % 32]}${time}`;
  return time;
};

/** Sorts by the time at which it was made (milliseconds, 50 bits), then at random (80 bits). */
const sortableId = (now: Date, random: RandomBytes): string => `${base32Time(now)}${base32(random, 16)}`;

export const newSessionId = (now: Date, random: RandomBytes): SessionId =>
  `ses_${sortableId(now, random)}` as SessionId;

const SESSION_ID = new RegExp(`^ses_[${ALPHABET}]{${TIME_LENGTH + 16}}$`);

/** True if this product can have issued the ID. */
export const isSessionId = (text: string): text is SessionId => SESSION_ID.test(text);

/** Sorts before the id of every session minted at `at` or later, and after all earlier ones. */
export const sessionIdsFrom = (at: Date): SessionId => `ses_${base32Time(at)}` as SessionId;

export const newEventId = (now: Date, random: RandomBytes): string => `evt_${sortableId(now, random)}`;

/** Sorts before the id of every event made at `at` or later, and after all earlier ones. */
export const eventIdsFrom = (at: Date): string => `evt_${base32Time(at)}`;

/** The contract's public shape of a site id. A well-formed id need not exist. */
export const isSiteId = (text: string): text is SiteId => /^[a-z0-9]{8,32}$/.test(text);

export const isWorkspaceId = (text: string): text is WorkspaceId => /^[a-z0-9]{12}$/.test(text);

const ISSUED_SITE_ID = new RegExp(`^[${ALPHABET}]{${SITE_ID_LENGTH}}$`);

/** The digits of base64url, in order of their values (RFC 4648, section 5). */
export const BASE64URL = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';
const ISSUED_WORKSPACE_ID = new RegExp(`^[${ALPHABET}]{${WORKSPACE_ID_LENGTH}}$`);
/** So many characters of five bits are as many bits as this number of characters of six. */
const [HALF_OF_BASE32, HALF_OF_BASE64] = [6, 5];

/**
 * The same id in ten characters instead of twelve, for keys of items that every mint reads. No two ids have the same; one that
 * this product cannot have issued stays as it is.
 */
export const compactWorkspaceId = (id: WorkspaceId): string => {
  if (!ISSUED_WORKSPACE_ID.test(id)) return id;
  let compact = '';
  for (let from = 0; from < WORKSPACE_ID_LENGTH; from += HALF_OF_BASE32) {
    let bits = 0;
    for (let i = from; i < from + HALF_OF_BASE32; i++) bits = bits * 32 + ALPHABET.indexOf(id.charAt(i));
    for (let i = HALF_OF_BASE64 - 1; i >= 0; i--)
      compact += BASE64URL.charAt(Math.floor(bits / 64 ** i) % 64);
  }
  return compact;
};

/** The part of a site ID that distinguishes the sites of one workspace. */
export const ownPartOf = (siteId: SiteId): string => siteId.slice(WORKSPACE_ID_LENGTH);

/** The workspace a site belongs to; undefined for a well-formed id that this product cannot have issued. */
export const workspaceOfSite = (siteId: SiteId): WorkspaceId | undefined =>
  ISSUED_SITE_ID.test(siteId) ? (siteId.slice(0, WORKSPACE_ID_LENGTH) as WorkspaceId) : undefined;
