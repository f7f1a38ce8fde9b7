import { useRef, useState } from 'react';
import { ApiFailure } from '../api/failure.ts';
import { type Site, useChange } from '../api/queries.ts';
import { refuseOverwrite } from '../ui/changed-meanwhile.ts';
import { TextArea, TextField } from '../ui/field.tsx';
import { FormDialog } from '../ui/form-dialog.tsx';
import { FailureNote } from '../ui/states.tsx';
import { useToast } from '../ui/toasts.tsx';
import { useDraft } from '../ui/unsaved.tsx';
import { type FunctionTool, NO_ARGUMENTS, schemaOf, textOf } from './schema-text.ts';

/** The stored functions with `tool` in place of the one called `former`, or at the end if there is none. */
const withTool = (
  stored: readonly FunctionTool[],
  tool: FunctionTool,
  former: string | undefined,
): FunctionTool[] =>
  stored.some(({ name }) => name === former)
    ? stored.map((other) => (other.name === former ? tool : other))
    : [...stored, tool];

interface Draft {
  readonly name: string;
  readonly description: string;
  /** The JSON Schema as text. */
  readonly arguments: string;
}

const draftOf = (tool: FunctionTool | undefined): Draft => ({
  name: tool?.name ?? '',
  description: tool?.description ?? '',
  arguments: textOf(tool?.parameters ?? NO_ARGUMENTS),
});

const MOVED = 'Another person removed this function or changed its name while you edited it.';

/** The other functions are already stored, so a refusal of any function is about the one that is sent. */
const faultIn = (error: unknown, field: 'name' | 'description' | 'parameters'): string | undefined =>
  error instanceof ApiFailure
    ? error.details.find(({ path }) => new RegExp(`^tools\\.\\d+\\.${field}(\\.|$)`).test(path))?.message
    : undefined;

/** Adds or changes a function. Stays open, with the API's reason next to its field, while it is refused. */
export const FunctionDialog = ({
  site,
  tool,
  onClose,
}: {
  readonly site: Site;
  /** undefined: a new one. */
  readonly tool: FunctionTool | undefined;
  readonly onClose: () => void;
}) => {
  const say = useToast();
  const { draft, set, send, changedByOthers } = useDraft(draftOf(tool), tool?.name);
  const isTold = useRef(false);
  const [schemaFault, setSchemaFault] = useState<string>();
  const path = { siteId: site.site_id };
  const save = useChange(async (api, sent: FunctionTool) => {
    // Another person may have changed this function or the others since the page was loaded.
    const { tools } = await api.call('readSite', { path });
    const now = tools.find(({ name }) => name === tool?.name);
    if (now !== undefined) refuseOverwrite(changedByOthers(draftOf(now)));
    else if (tool !== undefined && !isTold.current) {
      isTold.current = true;
      throw new ApiFailure('changed_meanwhile', MOVED, { status: 409 });
    }
    const edits = send();
    const merged: FunctionTool = {
      name: edits.name ?? now?.name ?? sent.name,
      description: edits.description ?? now?.description ?? sent.description,
      parameters: edits.arguments === undefined && now !== undefined ? now.parameters : sent.parameters,
    };
    return api.call('changeSite', { path, body: { tools: withTool(tools, merged, tool?.name) } });
  });
  const ofAll =
    save.error instanceof ApiFailure ? save.error.details.find(({ path: at }) => at === 'tools') : undefined;
  return (
    <FormDialog
      title={tool === undefined ? 'Add a function' : `Change ${tool.name}`}
      submit="Save the function"
      working={save.isPending}
      onSubmit={() => {
        const { name, description } = draft;
        const read = schemaOf(draft.arguments);
        setSchemaFault('fault' in read ? read.fault : undefined);
        if ('fault' in read) return;
        save.mutate(
          { name, description, parameters: read.schema },
          {
            onSuccess: () => {
              say(`The function ${name} is saved.`);
              onClose();
            },
          },
        );
      }}
      onClose={onClose}
    >
      <TextField
        label="Name"
        value={draft.name}
        required
        maxLength={64}
        spellCheck={false}
        autoCapitalize="none"
        hint="Letters, digits, underscores and hyphens. The page answers the function by this name."
        fault={faultIn(save.error, 'name')}
        onChange={(event) => set('name', event.target.value)}
      />
      <TextArea
        label="Description"
        value={draft.description}
        maxLength={1_024}
        rows={3}
        hint="When the assistant should call it, and what it gets back."
        fault={faultIn(save.error, 'description')}
        onChange={(event) => set('description', event.target.value)}
      />
      <TextArea
        label="Arguments, JSON Schema"
        value={draft.arguments}
        rows={10}
        spellCheck={false}
        style={{ fontFamily: 'var(--mono)', fontSize: 13 }}
        hint="A schema with “type”: “object”. Each name under “properties” is one argument."
        fault={schemaFault ?? faultIn(save.error, 'parameters') ?? ofAll?.message}
        onChange={(event) => set('arguments', event.target.value)}
      />
      {save.error !== null && <FailureNote failure={save.error} />}
    </FormDialog>
  );
};
