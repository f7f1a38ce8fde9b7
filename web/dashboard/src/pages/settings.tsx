import { useState } from 'react';
import { useNavigate } from 'react-router';
import { MAX_CONCURRENCY } from '../../../../lambdas/domain/limits.ts';
import { DATA_RESIDENCIES } from '../../../../lambdas/domain/openai-models.ts';
import type { AnomalyResponse } from '../../../../lambdas/domain/tenancy/workspace.ts';
import { ApiFailure } from '../api/failure.ts';
import { useChange } from '../api/queries.ts';
import type { BodyOf, DataOf } from '../api/routes.ts';
import { endingInWords } from '../calls/live-calls.ts';
import { StoppedNote } from '../calls/stopped-note.tsx';
import { RetentionFields } from '../retention-fields.tsx';
import { Button } from '../ui/button.tsx';
import { refuseOverwrite } from '../ui/changed-meanwhile.ts';
import { ConfirmDialog } from '../ui/dialog.tsx';
import { FieldRow, SelectField, TextField } from '../ui/field.tsx';
import { formatTime } from '../ui/format.ts';
import { FailureNote, Note } from '../ui/states.tsx';
import { Bullets, Card, Page } from '../ui/surface.tsx';
import { useToast } from '../ui/toasts.tsx';
import { UnsavedGuard, useDraft } from '../ui/unsaved.tsx';
import { useWorkspace } from '../workspace.tsx';
import { residencyName, TIERS } from '../workspace-settings.ts';

const RESPONSES: Readonly<Record<AnomalyResponse, string>> = {
  notify: 'List it under Audit',
  rotate: 'List it and re-encrypt the key',
  suspend: 'List it and suspend the key',
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

const draftOf = ({
  name,
  openai_tier,
  concurrency_limit,
  anomaly_response,
  data_residency,
  alert_email,
  retention,
}: DataOf<'readWorkspace'>) => ({
  name,
  openai_tier,
  concurrency_limit,
  anomaly_response,
  data_residency,
  alert_email,
  retention,
});
type Draft = ReturnType<typeof draftOf>;

const WorkspaceForm = () => {
  const workspace = useWorkspace();
  const say = useToast();
  const { draft, dirty, set, send, adopt, changedByOthers } = useDraft(draftOf(workspace));
  const change = useChange(async (api, body: BodyOf<'changeWorkspace'>) => {
    const path = { workspaceId: workspace.workspace_id };
    refuseOverwrite(changedByOthers(draftOf(await api.call('readWorkspace', { path }))));
    return api.call('changeWorkspace', { path, body });
  });
  const faultOf = (field: string): string | undefined =>
    change.error instanceof ApiFailure ? change.error.detail(field) : undefined;
  const slots = TIERS.find(({ tier }) => tier === draft.openai_tier)?.slots;
  return (
    <Card title="Workspace">
      <form
        style={{ display: 'grid', gap: 20 }}
        onSubmit={(event) => {
          event.preventDefault();
          change.mutate(send(), {
            onSuccess: (saved) => {
              adopt(draftOf(saved));
              say(`The settings of ${saved.name} are saved.`);
            },
          });
        }}
      >
        <UnsavedGuard dirty={dirty} />
        <TextField
          label="Name"
          value={draft.name}
          required
          maxLength={100}
          fault={faultOf('name')}
          onChange={(event) => set('name', event.target.value)}
        />
        <FieldRow>
          <SelectField
            label="OpenAI usage tier"
            value={draft.openai_tier}
            hint="OpenAI shows it under Settings → Limits."
            onChange={(event) => set('openai_tier', Number(event.target.value))}
          >
            {TIERS.map((each) => (
              <option key={each.tier} value={each.tier}>
                Tier {each.tier}: {each.slots} at a time
              </option>
            ))}
          </SelectField>
          <TextField
            label="Custom limit"
            type="number"
            min={1}
            max={MAX_CONCURRENCY}
            value={draft.concurrency_limit ?? ''}
            placeholder={slots === undefined ? '' : `${slots}, from the tier`}
            hint="Live sessions on one OpenAI key. Leave empty to use the tier limit."
            fault={faultOf('concurrency_limit')}
            onChange={(event) =>
              set('concurrency_limit', event.target.value === '' ? null : Number(event.target.value))
            }
          />
        </FieldRow>
        <FieldRow>
          <SelectField
            label="On unusual activity"
            value={draft.anomaly_response}
            hint="For example bursts, new origins or repeated refusals. The Audit page lists what was found."
            onChange={(event) => set('anomaly_response', event.target.value as AnomalyResponse)}
          >
            {Object.entries(RESPONSES).map(([id, title]) => (
              <option key={id} value={id}>
                {title}
              </option>
            ))}
          </SelectField>
          <TextField
            label="Alert email"
            type="email"
            value={draft.alert_email ?? ''}
            placeholder="none"
            hint="Alerts are mailed to it once it is verified under Alerts. Audit lists every alert."
            fault={faultOf('alert_email')}
            onChange={(event) => set('alert_email', event.target.value === '' ? null : event.target.value)}
          />
        </FieldRow>
        <SelectField
          label="Data residency of your OpenAI project"
          value={draft.data_residency}
          hint="The default for new sites. A key that no site uses yet is tested there."
          onChange={(event) => set('data_residency', event.target.value as Draft['data_residency'])}
        >
          {DATA_RESIDENCIES.map((id) => (
            <option key={id} value={id}>
              {residencyName(id)}
            </option>
          ))}
        </SelectField>
        <RetentionFields
          shown={workspace.retention}
          value={draft.retention}
          faultOf={faultOf}
          onChange={(retention) => set('retention', retention)}
        />
        {draft.anomaly_response === 'suspend' && (
          <Note tone="warn" title="Suspending protects your money, not your visitors.">
            <p>A stranger who floods your site can stop voice on it until someone resumes the key.</p>
          </Note>
        )}
        {change.error !== null && <FailureNote failure={change.error} />}
        <div>
          <Button type="submit" kind="primary" working={change.isPending} disabled={!dirty}>
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
  const say = useToast();
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
            const { calls_ending } = await remove.mutateAsync(undefined);
            say(`${name} is deleted. ${endingInWords(calls_ending)}`);
            void navigate('/');
          }}
          onClose={() => setAsking(false)}
        >
          <Bullets
            items={[
              'No new session can start on any of its sites.',
              'All its OpenAI keys are destroyed. Nobody can restore them.',
              'Sessions, usage and the audit trail are kept for their retention periods.',
            ]}
          />
          <StoppedNote stopped={{ all: true }} />
        </ConfirmDialog>
      )}
    </Card>
  );
};
