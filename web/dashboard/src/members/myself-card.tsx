import { useState } from 'react';
import { useNavigate } from 'react-router';
import { useChange, useMembers, useRoute } from '../api/queries.ts';
import { useSession } from '../session.tsx';
import { Button } from '../ui/button.tsx';
import { ConfirmDialog } from '../ui/dialog.tsx';
import { TextField } from '../ui/field.tsx';
import { CopyButton } from '../ui/snippet.tsx';
import { FailureNote } from '../ui/states.tsx';
import { Bullets, Card } from '../ui/surface.tsx';
import { useToast } from '../ui/toasts.tsx';
import css from '../ui/ui.module.css';
import { useWorkspace } from '../workspace.tsx';
import { isLastOwner } from './words.ts';

/** The signed-in person's own membership: user ID, name, and the way out. */
export const MyselfCard = () => {
  const { workspace_id: workspaceId, name: workspaceName, may } = useWorkspace();
  const { person } = useSession();
  const navigate = useNavigate();
  const say = useToast();
  const members = useMembers(workspaceId, { enabled: may('owner') });
  const myself = members.data?.find(({ sub }) => sub === person.sub);
  const own = useRoute('readMyself', { path: { workspaceId } });
  const stored = own.data?.name ?? '';
  const isLast = myself !== undefined && isLastOwner(myself, members.data ?? []);
  const [typed, setTyped] = useState<string>();
  const name = typed ?? stored;
  const [leaving, setLeaving] = useState(false);
  const save = useChange((api) =>
    api.call('nameMyself', { path: { workspaceId }, body: { name: name.trim() === '' ? null : name } }),
  );
  const leave = useChange((api) => api.call('removeMember', { path: { workspaceId, sub: person.sub } }));
  return (
    <Card
      title="You"
      lead={`Owners see your name in the list of members.${
        isLast
          ? ' You are the only owner. To leave, make another member an owner first, or delete the workspace.'
          : ''
      }`}
      aside={
        <Button kind="dangerQuiet" disabled={isLast} onClick={() => setLeaving(true)}>
          Leave this workspace
        </Button>
      }
    >
      <div className={css['actions']}>
        Your user ID: <code>{person.sub}</code> <CopyButton text={person.sub} label="Copy user ID" />
      </div>
      <form
        style={{ display: 'grid', gap: 12 }}
        onSubmit={(event) => {
          event.preventDefault();
          save.mutate(undefined, {
            onSuccess: () =>
              say(name.trim() === '' ? 'Your name is removed.' : `Your name here is ${name.trim()} now.`),
          });
        }}
      >
        <TextField
          label="Your name in this workspace"
          value={name}
          maxLength={100}
          autoComplete="name"
          placeholder="for example Ada Lovelace"
          {...(own.isLoadingError && { hint: 'The stored name could not be loaded. Saving replaces it.' })}
          onChange={(event) => setTyped(event.target.value)}
        />
        {save.error !== null && <FailureNote failure={save.error} />}
        <div>
          <Button type="submit" working={save.isPending} disabled={name.trim() === stored}>
            Save your name
          </Button>
        </div>
      </form>
      {leaving && (
        <ConfirmDialog
          title={`Leave ${workspaceName}?`}
          confirm="Leave"
          danger
          act={async () => {
            await leave.mutateAsync(undefined);
            say(`You have left ${workspaceName}.`);
            void navigate('/');
          }}
          onClose={() => setLeaving(false)}
        >
          <Bullets items={['Your next request is refused.', 'Only an owner can invite you again.']} />
        </ConfirmDialog>
      )}
    </Card>
  );
};
