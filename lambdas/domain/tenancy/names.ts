/** Characters that take no room on a screen, and the blanks that count as letters or symbols. */
const SHOWS_NOTHING = /[\p{Cf}\p{Default_Ignorable_Code_Point}\u2800\u{1D159}]/gu;
const VISIBLE = /[\p{L}\p{N}\p{P}\p{S}]/u;

/** Embeddings, overrides and isolates: they reverse the text next to a name. Marks (U+200E, U+200F) do not. */
const TURNS_AROUND = /[\u202A-\u202E\u2066-\u2069]/u;

/** Returns whether a text has any visible character. */
export const isVisible = (text: string): boolean => VISIBLE.test(text.replace(SHOWS_NOTHING, ''));

/** Returns whether a text changes the reading order of the text around it. */
export const turnsTextAround = (text: string): boolean => TURNS_AROUND.test(text);

/** Returns whether two texts look the same, ignoring composition, spacing and invisible characters. */
export const looksLike = (one: string, other: string): boolean => asSeen(one) === asSeen(other);

const asSeen = (text: string): string =>
  text.replace(SHOWS_NOTHING, '').replace(/\s+/gu, ' ').trim().normalize('NFC');

/** Actors of the audit trail that are no people: `visitor`, `system:<service>`, `operator:<AWS identity>`, `token:<ID>`. */
const RESERVED_ACTOR = /^(?:visitor$|unknown$|(?:system|operator|token):)/u;

/** Returns whether a person with this `sub` could be mistaken for another kind of actor in the audit trail. */
export const looksLikeReservedActor = (sub: string): boolean =>
  RESERVED_ACTOR.test(sub.replace(SHOWS_NOTHING, '').normalize('NFKC').replace(/\s+/gu, '').toLowerCase());
