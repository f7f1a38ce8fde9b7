import { useState } from 'react';
import { Link, useLocation, useNavigate } from 'react-router';
import { useChange } from '../api/queries.ts';
import type { DataOf } from '../api/routes.ts';
import { Brand } from '../layout/brand.tsx';
import { personName, RIGHTS, roleName } from '../members/words.ts';
import { Button } from '../ui/button.tsx';
import { TextField } from '../ui/field.tsx';
import { formatTime } from '../ui/format.ts';
import { FailureNote } from '../ui/states.tsx';
import { Facts, Page } from '../ui/surface.tsx';
import css from './first-run.module.css';

/** A code is the ID of the invitation and, for one by mail, a full stop and its secret. */
const readCode = (text: string): { readonly invitationId: string; readonly secret: string | undefined } => {
  const [invitationId = '', secret] = text.trim().split('.');
  return { invitationId, secret };
};

/** The code in the address, unchanged even if it is damaged: the API then finds no invitation. */
const codeIn = (hash: string): string => {
  try {
    return decodeURIComponent(hash.slice(1));
  } catch {
    return hash.slice(1);
  }
};

/** The invited person sees who invites them to what, and decides. Opening the link accepts nothing. */
export default function InvitationPage() {
  const { hash } = useLocation();
  const [code, setCode] = useState(() => codeIn(hash));
  const preview = useChange((api) => {
    const { invitationId, secret } = readCode(code);
    return api.call('readOffer', { path: { invitationId }, body: secret === undefined ? {} : { secret } });
  });
  return (
    <main className={css['page']}>
      <div className={css['column']}>
        <Brand />
        <Page
          title="Accept an invitation"
          lead="Enter the code from the email, or the code that the owner gave you."
        >
          {preview.data === undefined ? (
            <form
              className={css['form']}
              onSubmit={(event) => {
                event.preventDefault();
                preview.mutate(undefined);
              }}
            >
              <TextField
                label="Code"
                value={code}
                required
                autoComplete="off"
                spellCheck={false}
                placeholder="inv_…"
                onChange={(event) => setCode(event.target.value)}
              />
              {preview.error !== null && <FailureNote failure={preview.error} />}
              <div>
                <Button type="submit" kind="primary" working={preview.isPending}>
                  Show the invitation
                </Button>
              </div>
            </form>
          ) : (
            <Offer offer={preview.data} code={code} />
          )}
        </Page>
        <Link to="/">Go to my workspaces</Link>
      </div>
    </main>
  );
}

const Offer = ({ offer, code }: { readonly offer: DataOf<'readOffer'>; readonly code: string }) => {
  const navigate = useNavigate();
  const [name, setName] = useState('');
  const accept = useChange((api) => {
    const { invitationId, secret } = readCode(code);
    const body = { ...(secret !== undefined && { secret }), ...(name.trim() !== '' && { name }) };
    return api.call('acceptInvitation', { path: { invitationId }, body });
  });
  return (
    <form
      className={css['form']}
      onSubmit={(event) => {
        event.preventDefault();
        accept.mutate(undefined, {
          onSuccess: ({ workspace_id }) => void navigate(`/w/${workspace_id}`),
        });
      }}
    >
      <Facts
        items={[
          ['Workspace', `${offer.workspace_name} (${offer.workspace_id})`],
          ['Your role', `${roleName(offer.role)}. ${RIGHTS[offer.role]}`],
          [
            'Invited by',
            personName({
              sub: offer.invited_by,
              name: offer.invited_by_name,
              email: offer.invited_by_email,
            }),
          ],
          ['Valid until', formatTime(offer.expires_at)],
        ]}
      />
      <TextField
        label="Your name in this workspace"
        value={name}
        maxLength={100}
        autoComplete="name"
        placeholder="optional"
        onChange={(event) => setName(event.target.value)}
      />
      {accept.error !== null && <FailureNote failure={accept.error} />}
      <div>
        <Button type="submit" kind="primary" working={accept.isPending}>
          Accept the invitation
        </Button>
      </div>
    </form>
  );
};
