import { type Member, useMembers, useRoute } from '../api/queries.ts';
import { useSession } from '../session.tsx';
import { formatCode } from '../ui/format.ts';
import { useWorkspace } from '../workspace.tsx';
import { personName } from './words.ts';

const TOKEN = 'token:';
const SERVICE = 'system:';
const OPERATOR = 'operator:';

/** An actor that is no person, in words; undefined for a person. */
export const machineName = (actor: string, tokenName?: string): string | undefined => {
  if (actor === 'visitor') return 'A visitor';
  if (actor.startsWith(SERVICE)) return `Spelo (${formatCode(actor.slice(SERVICE.length)).toLowerCase()})`;
  if (actor.startsWith(OPERATOR)) return `Operator (${actor.slice(OPERATOR.length)})`;
  if (!actor.startsWith(TOKEN)) return undefined;
  return `API token ${tokenName ?? actor.slice(TOKEN.length)}`;
};

/** The members, for an owner. Nobody else may list them. */
const useKnownPeople = (): readonly Member[] => {
  const { workspace_id, may } = useWorkspace();
  return useMembers(workspace_id, { enabled: may('owner') }).data ?? [];
};

/**
 * Who did something: the name or the address of a person, the name of an API token, or the part of the service. Shows the ID of
 * a person who has no name here, or who left. The ID is in the title.
 */
export const Actor = ({
  id,
  tokenName,
}: {
  readonly id: string;
  /** The name that an API token had then; undefined: looked up. */
  readonly tokenName?: string | undefined;
}) => {
  const { workspace_id: workspaceId, may } = useWorkspace();
  const { person } = useSession();
  const known = useKnownPeople().find(({ sub }) => sub === id);
  const isUnnamed = id.startsWith(TOKEN) && tokenName === undefined;
  const tokens = useRoute('listApiTokens', { path: { workspaceId } }, { enabled: isUnnamed && may('owner') });
  const listed = tokens.data?.items.find(({ token_id }) => `${TOKEN}${token_id}` === id)?.name;
  const name = machineName(id, tokenName ?? listed) ?? (known === undefined ? id : personName(known));
  return (
    <span title={id}>
      {name}
      {id === person.sub && ' (you)'}
    </span>
  );
};

/** A search for an actor by what a person knows of them. */
export interface ActorSearch {
  /** The ID that the API asks for. */
  readonly actor: string;
  /** More than one member has this name. */
  readonly isAmbiguous: boolean;
}

/** Turns the name or the address of a member into their ID. Any other text is an ID already. */
export const actorIn = (text: string, members: readonly Member[]): ActorSearch => {
  const asked = text.trim();
  const is = (value: string | null): boolean => value?.toLowerCase() === asked.toLowerCase();
  const found = members.filter(({ name, email }) => is(name) || is(email));
  const [first] = found;
  return { actor: first?.sub ?? asked, isAmbiguous: found.length > 1 };
};
