import { useState } from 'react';
import { DEFAULT_API_TOKEN_DAYS, MAX_API_TOKEN_DAYS } from '../../../../lambdas/domain/tenancy/api-token.ts';
import { API_TOKEN_ROLES, type ApiTokenRole } from '../../../../lambdas/domain/tenancy/workspace.ts';
import { ApiFailure } from '../api/failure.ts';
import { useChange, useSites } from '../api/queries.ts';
import { FieldRow, SelectField, TextField } from '../ui/field.tsx';
import { FormDialog } from '../ui/form-dialog.tsx';
import { FailureNote } from '../ui/states.tsx';
import { useWorkspace } from '../workspace.tsx';
import { TOKEN_RIGHTS, tokenRoleName } from './words.ts';

/** Creates an API token. `onCreated` takes its text, which is shown once. */
export const CreateTokenDialog = ({
  onCreated,
  onClose,
}: {
  readonly onCreated: (token: string) => void;
  readonly onClose: () => void;
}) => {
  const { workspace_id: workspaceId } = useWorkspace();
  const sites = useSites(workspaceId);
  const [name, setName] = useState('');
  const [role, setRole] = useState<ApiTokenRole>('viewer');
  const [days, setDays] = useState(String(DEFAULT_API_TOKEN_DAYS));
  const [chosen, setChosen] = useState<readonly string[]>([]);
  const isWholeWorkspace = role === 'auditor' || chosen.length === 0;
  const create = useChange((api) =>
    api.call('createApiToken', {
      path: { workspaceId },
      body: {
        name,
        role,
        site_ids: isWholeWorkspace ? null : [...chosen],
        expires_in_days: Number(days),
      },
    }),
  );
  const detail = (field: string): string | undefined =>
    create.error instanceof ApiFailure ? create.error.detail(field) : undefined;
  const isExplained = detail('name') !== undefined || detail('expires_in_days') !== undefined;
  return (
    <FormDialog
      title="Create an API token"
      submit="Create the token"
      working={create.isPending}
      onSubmit={() => create.mutate(undefined, { onSuccess: ({ token }) => onCreated(token) })}
      onClose={onClose}
    >
      <TextField
        label="Name"
        required
        maxLength={50}
        autoComplete="off"
        placeholder="Nightly export"
        value={name}
        hint="Name the program that uses it. The audit trail shows this name."
        fault={detail('name')}
        onChange={(event) => setName(event.target.value)}
      />
      <FieldRow>
        <SelectField
          label="Role"
          value={role}
          hint={TOKEN_RIGHTS[role]}
          onChange={(event) => setRole(event.target.value as ApiTokenRole)}
        >
          {API_TOKEN_ROLES.map((each) => (
            <option key={each} value={each}>
              {tokenRoleName(each)}
            </option>
          ))}
        </SelectField>
        <TextField
          label="Days until it expires"
          type="number"
          required
          min={1}
          max={MAX_API_TOKEN_DAYS}
          value={days}
          hint={`At most ${MAX_API_TOKEN_DAYS}.`}
          fault={detail('expires_in_days')}
          onChange={(event) => setDays(event.target.value)}
        />
      </FieldRow>
      {role !== 'auditor' && (sites.data ?? []).length > 0 && (
        <fieldset style={{ border: 0, padding: 0, margin: 0, display: 'grid', gap: 8 }}>
          <legend>Sites that the token can access. Select none to allow the whole workspace.</legend>
          {(sites.data ?? []).map(({ site_id, name: siteName }) => (
            <label key={site_id}>
              <input
                type="checkbox"
                checked={chosen.includes(site_id)}
                onChange={({ target }) =>
                  setChosen(target.checked ? [...chosen, site_id] : chosen.filter((id) => id !== site_id))
                }
              />{' '}
              {siteName}
            </label>
          ))}
        </fieldset>
      )}
      {create.error !== null && !isExplained && <FailureNote failure={create.error} />}
    </FormDialog>
  );
};
