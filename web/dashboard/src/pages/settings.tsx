import { useState } from 'react';
import { useNavigate } from 'react-router';
import { MAX_CONCURRENCY } from '../../../../lambdas/domain/limits.ts';
import { DATA_RESIDENCIES } from '../../../../lambdas/domain/openai-models.ts';
import type { AnomalyResponse } from '../../../../lambdas/domain/tenancy/workspace.ts';
import { ApiFailure } from '../api/failure.ts';
import { useChange } from '../api/queries.ts';
import type { BodyOf } from '../api/routes.ts';
import { Button } from '../ui/button.tsx';
import { ConfirmDialog } from '../ui/dialog.tsx';
import { FieldRow, SelectField, TextField } from '../ui/field.tsx';
import { formatTime } from '../ui/format.ts';
import { FailureNote, Note } from '../ui/states.tsx';
import { Bullets, Card, Page } from '../ui/surface.tsx';
import { useToast } from '../ui/toasts.tsx';
import { useWorkspace } from '../workspace.tsx';
import { TIERS } from '../workspace-settings.ts';

const RESPONSES: Readonly<Record<AnomalyResponse, string>> = {
  notify: 'Tell me',
  rotate: 'Tell me and encrypt the key anew',
  suspend: 'Tell me and suspend the key',
};

export default function SettingsPage() {
  const workspace = useWorkspace();
  return (
    <Page
      title="Settings"
      lead={`Workspace ${workspace.workspace_id}, created ${formatTime(workspace.created_at)}`}
    >
      {workspace.may('owner') ? (
        <>
          <WorkspaceForm key={workspace.workspace_id} />
          <DeleteWorkspace />
        </>
      ) : (
        <Note title="Only owners change the settings.">
          <p>
            OpenAI tier {workspace.openai_tier}; unusual use:{' '}
            {RESPONSES[workspace.anomaly_response].toLowerCase()}.
          </p>
        </Note>
      )}
    </Page>
  );
}

const WorkspaceForm = () => {
  const workspace = useWorkspace();
  const say = useToast();
  const [name, setName] = useState(workspace.name);
  const [tier, setTier] = useState(workspace.openai_tier);
  const [limit, setLimit] = useState(workspace.concurrency_limit?.toString() ?? '');
  const [response, setResponse] = useState(workspace.anomaly_response);
  const [region, setRegion] = useState(workspace.data_residency);
  const [email, setEmail] = useState(workspace.alert_email ?? '');
  const change = useChange((api, body: BodyOf<'changeWorkspace'>) =>
    api.call('changeWorkspace', { path: { workspaceId: workspace.workspace_id }, body }),
  );
  const faultOf = (field: string): string | undefined =>
    change.error instanceof ApiFailure ? change.error.detail(field) : undefined;
  const slots = TIERS.find((each) => each.tier === tier)?.slots;
  return (
    <Card title="Workspace">
      <form
        style={{ display: 'grid', gap: 20 }}
        onSubmit={(event) => {
          event.preventDefault();
          change.mutate(
            {
              name,
              openai_tier: tier,
              concurrency_limit: limit === '' ? null : Number(limit),
              anomaly_response: response,
              data_residency: region,
              alert_email: email === '' ? null : email,
            },
            { onSuccess: () => say('Saved.') },
          );
        }}
      >
        <TextField
          label="Name"
          value={name}
          required
          maxLength={100}
          fault={faultOf('name')}
          onChange={(event) => setName(event.target.value)}
        />
        <FieldRow>
          <SelectField
            label="OpenAI usage tier"
            value={tier}
            hint="OpenAI shows it under Settings → Limits."
            onChange={(event) => setTier(Number(event.target.value))}
          >
            {TIERS.map((each) => (
              <option key={each.tier} value={each.tier}>
                Tier {each.tier}: {each.slots} at a time
              </option>
            ))}
          </SelectField>
          <TextField
            label="Limit of your own"
            type="number"
            min={1}
            max={MAX_CONCURRENCY}
            value={limit}
            placeholder={slots === undefined ? '' : `${slots}, from the tier`}
            hint="Sessions at a time on one OpenAI key. Empty: what the tier allows."
            fault={faultOf('concurrency_limit')}
            onChange={(event) => setLimit(event.target.value)}
          />
        </FieldRow>
        <FieldRow>
          <SelectField
            label="When use is unusual"
            value={response}
            hint="Bursts, new origins, runs of refusals: the Audit page lists what was found."
            onChange={(event) => setResponse(event.target.value as AnomalyResponse)}
          >
            {Object.entries(RESPONSES).map(([id, title]) => (
              <option key={id} value={id}>
                {title}
              </option>
            ))}
          </SelectField>
          <TextField
            label="Mail address for alerts"
            type="email"
            value={email}
            placeholder="none"
            fault={faultOf('alert_email')}
            onChange={(event) => setEmail(event.target.value)}
          />
        </FieldRow>
        <SelectField
          label="Data residency of your OpenAI project"
          value={region}
          hint="What new sites start with. A key that no site uses yet is tested there."
          onChange={(event) => setRegion(event.target.value as typeof region)}
        >
          {DATA_RESIDENCIES.map((id) => (
            <option key={id} value={id}>
              {id}
            </option>
          ))}
        </SelectField>
        {response === 'suspend' && (
          <Note tone="warn" title="Suspending protects your money, not your visitors.">
            <p>A stranger who floods your site can make its voice stop until somebody resumes the key.</p>
          </Note>
        )}
        {change.error !== null && <FailureNote failure={change.error} />}
        <div>
          <Button type="submit" kind="primary" working={change.isPending}>
            Save changes
          </Button>
        </div>
      </form>
    </Card>
  );
};

const DeleteWorkspace = () => {
  const { workspace_id, name } = useWorkspace();
  const navigate = useNavigate();
  const [asking, setAsking] = useState(false);
  const remove = useChange((api) =>
    api.call('deleteWorkspace', { path: { workspaceId: workspace_id }, body: { confirm: name } }),
  );
  return (
    <Card
      title="Delete this workspace"
      lead="Voice stops on all its sites and every stored key is destroyed."
      aside={
        <Button kind="dangerQuiet" onClick={() => setAsking(true)}>
          Delete the workspace
        </Button>
      }
    >
      {asking && (
        <ConfirmDialog
          title={`Delete ${name}?`}
          confirm="Delete the workspace"
          danger
          typed={name}
          act={async () => {
            await remove.mutateAsync(undefined);
            void navigate('/');
          }}
          onClose={() => setAsking(false)}
        >
          <Bullets
            items={[
              'No new session starts on any of its sites, from the next request on.',
              'All its OpenAI keys are destroyed; nobody can bring them back.',
              'Sessions, usage and the audit trail stay for their retention.',
            ]}
          />
        </ConfirmDialog>
      )}
    </Card>
  );
};
