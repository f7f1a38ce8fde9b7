import { type Member, useMembers, useRoute } from '../api/queries.ts';
import { useSession } from '../session.tsx';
import { useWorkspace } from '../workspace.tsx';
import { machineName, TOKEN } from './actor-names.ts';
import { personName } from './words.ts';

/** The member with this ID: anyone for an owner, only themselves for everyone else, who may not list the members. */
const useKnownPerson = (id: string): Member | undefined => {
  const { workspace_id: workspaceId, may } = useWorkspace();
  const { person } = useSession();
  const mayList = may('owner');
  const members = useMembers(workspaceId, { enabled: mayList });
  const isMyself = id === person.sub;
  const own = useRoute('readMyself', { path: { workspaceId } }, { enabled: isMyself && !mayList });
  return mayList ? members.data?.find(({ sub }) => sub === id) : isMyself ? own.data : undefined;
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
  const known = useKnownPerson(id);
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
