import { type Member, useMembers, useRoute } from '../api/queries.ts';
import { useSession } from '../session.tsx';
import { useWorkspace } from '../workspace.tsx';
import { machineName, TOKEN } from './actor-names.ts';
import { personName } from './words.ts';

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
