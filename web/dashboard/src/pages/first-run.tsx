import { useState } from 'react';
import { Link, useNavigate } from 'react-router';
import { ApiFailure } from '../api/failure.ts';
import { useChange, useWorkspaces } from '../api/queries.ts';
import { Brand } from '../layout/brand.tsx';
import { useSession } from '../session.tsx';
import { Button } from '../ui/button.tsx';
import { SelectField, TextField } from '../ui/field.tsx';
import { CopyButton } from '../ui/snippet.tsx';
import { FailureNote } from '../ui/states.tsx';
import { Page } from '../ui/surface.tsx';
import { TIERS } from '../workspace-settings.ts';
import css from './first-run.module.css';

/** The first thing a new person sees: a workspace is one customer, with its members, keys, sites and bill. */
export default function FirstRunPage() {
  const navigate = useNavigate();
  const { person, signIn } = useSession();
  const workspaces = useWorkspaces();
  const [name, setName] = useState('');
  const [tier, setTier] = useState(1);
  const create = useChange((api, input: { readonly name: string; readonly openai_tier: number }) =>
    api.call('createWorkspace', { body: input }),
  );
  const isFirst = workspaces.data?.length === 0;
  return (
    <main className={css['page']}>
      <div className={css['column']}>
        <Brand />
        <Page
          title={isFirst ? 'Create your workspace' : 'New workspace'}
          lead="A workspace holds your OpenAI key, your sites, the people who may change them, and one bill."
        >
          <form
            className={css['form']}
            onSubmit={(event) => {
              event.preventDefault();
              create.mutate(
                { name, openai_tier: tier },
                { onSuccess: (made) => void navigate(`/w/${made.workspace_id}/home`) },
              );
            }}
          >
            <TextField
              label="Name"
              value={name}
              required
              maxLength={100}
              autoComplete="organization"
              placeholder="Your company or project"
              onChange={(event) => setName(event.target.value)}
              fault={create.error instanceof ApiFailure ? create.error.detail('name') : undefined}
            />
            <SelectField
              label="Your OpenAI usage tier"
              value={tier}
              onChange={(event) => setTier(Number(event.target.value))}
              hint="It decides how many visitors can talk at the same time. OpenAI shows it under Settings → Limits; you can change it later."
            >
              {TIERS.map(({ tier: value, slots }) => (
                <option key={value} value={value}>
                  Tier {value}: {slots} at a time
                </option>
              ))}
            </SelectField>
            {create.error !== null && <FailureNote failure={create.error} />}
            <div className={css['actions']}>
              <Button type="submit" kind="primary" working={create.isPending}>
                Create workspace
              </Button>
              {!isFirst && <Link to="/">Cancel</Link>}
            </div>
          </form>
        </Page>
        <div className={css['note']}>
          {isFirst && (
            <p>
              Is there a workspace already? Its owner can invite you under Members. Then{' '}
              <Link to="/invitation">accept the invitation</Link>.
            </p>
          )}
          <p className={css['person']}>
            Your user ID: <code>{person.sub}</code>
          </p>
          <div className={css['person']}>
            <CopyButton text={person.sub} label="Copy user ID" />
            <Button small onClick={() => void signIn.end()}>
              Sign out
            </Button>
          </div>
        </div>
      </div>
    </main>
  );
}
