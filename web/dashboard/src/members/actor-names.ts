/** A member, as far as names are concerned. */
interface Named {
  readonly sub: string;
  readonly name: string | null;
  readonly email: string | null;
}

/** How the actor of an API token begins. */
export const TOKEN = 'token:';
const SERVICE = 'system:';
const OPERATOR = 'operator:';

/** An actor that is no person, in words; undefined for a person. */
export const machineName = (actor: string, tokenName?: string): string | undefined => {
  if (actor === 'visitor') return 'A visitor';
  if (actor.startsWith(SERVICE)) return `Spelo (${actor.slice(SERVICE.length)})`;
  if (actor.startsWith(OPERATOR)) return `Operator (${actor.slice(OPERATOR.length)})`;
  if (!actor.startsWith(TOKEN)) return undefined;
  return `API token ${tokenName ?? actor.slice(TOKEN.length)}`;
};

/** A search for an actor by what a person knows of them. */
export interface ActorSearch {
  /** The ID that the API asks for. */
  readonly actor: string;
  /** More than one member has this name. */
  readonly isAmbiguous: boolean;
}

/**
 * Turns the name or the address of a member into their ID. Any other text is an ID already, and so is a name that more than one
 * member has: it matches nothing, rather than one of them.
 */
export const actorIn = (text: string, members: readonly Named[]): ActorSearch => {
  const asked = text.trim();
  const is = (value: string | null): boolean => value?.toLowerCase() === asked.toLowerCase();
  const found = members.filter(({ name, email }) => is(name) || is(email));
  const [first] = found;
  const isAmbiguous = found.length > 1;
  return { actor: isAmbiguous ? asked : (first?.sub ?? asked), isAmbiguous };
};
