import { useState } from 'react';
import { ApiFailure } from '../api/failure.ts';
import { type Site, useChange } from '../api/queries.ts';
import { TextArea, TextField } from '../ui/field.tsx';
import { FormDialog } from '../ui/form-dialog.tsx';
import { FailureNote } from '../ui/states.tsx';
import { useToast } from '../ui/toasts.tsx';
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
  const [name, setName] = useState(tool?.name ?? '');
  const [description, setDescription] = useState(tool?.description ?? '');
  const [schemaText, setSchemaText] = useState(textOf(tool?.parameters ?? NO_ARGUMENTS));
  const [schemaFault, setSchemaFault] = useState<string>();
  const path = { siteId: site.site_id };
  const save = useChange(async (api, sent: FunctionTool) => {
    // Another person may have changed the other functions since the page was loaded.
    const { tools } = await api.call('readSite', { path });
    return api.call('changeSite', { path, body: { tools: withTool(tools, sent, tool?.name) } });
  });
  const ofAll =
    save.error instanceof ApiFailure ? save.error.details.find(({ path: at }) => at === 'tools') : undefined;
  return (
    <FormDialog
      title={tool === undefined ? 'Add a function' : `Change ${tool.name}`}
      submit="Save the function"
      working={save.isPending}
      onSubmit={() => {
        const read = schemaOf(schemaText);
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
        value={name}
        required
        maxLength={64}
        spellCheck={false}
        autoCapitalize="none"
        hint="Letters, digits, underscores and hyphens. The page answers the function by this name."
        fault={faultIn(save.error, 'name')}
        onChange={(event) => setName(event.target.value)}
      />
      <TextArea
        label="Description"
        value={description}
        maxLength={1_024}
        rows={3}
        hint="When the assistant should call it, and what it gets back."
        fault={faultIn(save.error, 'description')}
        onChange={(event) => setDescription(event.target.value)}
      />
      <TextArea
        label="Arguments, JSON Schema"
        value={schemaText}
        rows={10}
        spellCheck={false}
        style={{ fontFamily: 'var(--mono)', fontSize: 13 }}
        hint="A schema with “type”: “object”. Each name under “properties” is one argument."
        fault={schemaFault ?? faultIn(save.error, 'parameters') ?? ofAll?.message}
        onChange={(event) => setSchemaText(event.target.value)}
      />
      {save.error !== null && <FailureNote failure={save.error} />}
    </FormDialog>
  );
};
