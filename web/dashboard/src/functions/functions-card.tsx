import { lazy, Suspense, useState } from 'react';
import { MAX_TOOLS, MAX_TOOLS_LENGTH } from '../../../../lambdas/domain/tenancy/function-tool.ts';
import { type Site, useChange } from '../api/queries.ts';
import { Button } from '../ui/button.tsx';
import { ConfirmDialog } from '../ui/dialog.tsx';
import { formatWhole } from '../ui/format.ts';
import { Snippet } from '../ui/snippet.tsx';
import { Empty, Note } from '../ui/states.tsx';
import { Bullets, Card } from '../ui/surface.tsx';
import { Table } from '../ui/table.tsx';
import { useToast } from '../ui/toasts.tsx';
import ui from '../ui/ui.module.css';
import { useWorkspace } from '../workspace.tsx';
import { argumentsOf, type FunctionTool, pageCode, textOf } from './schema-text.ts';

const FunctionDialog = lazy(async () => ({
  default: (await import('./function-dialog.tsx')).FunctionDialog,
}));

type Asking = { readonly what: 'add' } | { readonly what: 'change' | 'remove'; readonly tool: FunctionTool };

/** The functions of the page that the assistant can call: a list, and for admins the dialogs that change it. */
export default function FunctionsCard({ site }: { readonly site: Site }) {
  const { may } = useWorkspace();
  const [asking, setAsking] = useState<Asking>();
  const { tools } = site;
  const isLocked = site.control === 'locked';
  const isFull = tools.length >= MAX_TOOLS;
  const close = (): void => setAsking(undefined);
  return (
    <>
      <Card
        title="Functions"
        lead="The assistant calls these functions during a conversation, and your page answers, for example to look something up or to start an action. Changes apply to new sessions."
        aside={
          may('admin') &&
          !isLocked && (
            <Button kind="primary" disabled={isFull} onClick={() => setAsking({ what: 'add' })}>
              Add a function
            </Button>
          )
        }
        {...(tools.length > 0 && {
          foot: `${tools.length} of ${MAX_TOOLS} functions, ${formatWhole(JSON.stringify(tools).length)} of ${formatWhole(MAX_TOOLS_LENGTH)} characters. They are sent with every session, so they cost tokens.`,
        })}
      >
        {!may('admin') && <Note title="Your role can view this page but cannot change it." />}
        {isLocked ? (
          <Note title="A locked site has no functions.">
            <p>
              Its calls have no data channel, which functions need. To add functions, choose Brokered as the
              control under Settings.
            </p>
          </Note>
        ) : (
          <>
            {isFull && may('admin') && (
              <Note
                tone="warn"
                title="The site has the maximum number of functions. Remove one to add another."
              />
            )}
            <List tools={tools} mayChange={may('admin')} onAsk={setAsking} />
          </>
        )}
      </Card>
      {tools.length > 0 && (
        <Card
          title="Code of your page"
          lead="This code answers the function calls. Put it after the embed snippet."
        >
          <Snippet code={pageCode(tools)} label="Copy page code" />
          <p className={ui['meta']}>
            The arguments come from what a visitor says. Your server decides what this visitor may see or do.
          </p>
        </Card>
      )}
      {asking?.what === 'remove' ? (
        <RemoveDialog site={site} name={asking.tool.name} onClose={close} />
      ) : (
        asking !== undefined && (
          <Suspense>
            <FunctionDialog
              site={site}
              tool={
                asking.what === 'change'
                  ? (tools.find(({ name }) => name === asking.tool.name) ?? asking.tool)
                  : undefined
              }
              onClose={close}
            />
          </Suspense>
        )
      )}
    </>
  );
}

const List = ({
  tools,
  mayChange,
  onAsk,
}: {
  readonly tools: readonly FunctionTool[];
  readonly mayChange: boolean;
  readonly onAsk: (asking: Asking) => void;
}) =>
  tools.length === 0 ? (
    <Empty title="No functions yet">Without functions, the assistant knows only its instructions.</Empty>
  ) : (
    <Table
      caption="Functions of the site"
      rows={tools}
      keyOf={({ name }) => name}
      columns={[
        { head: 'Name', cell: ({ name }) => <code>{name}</code> },
        { head: 'Description', cell: ({ description }) => description || '–' },
        { head: 'Arguments', cell: ({ parameters }) => <Arguments schema={parameters} /> },
        ...(mayChange
          ? [
              {
                head: 'Change',
                cell: (tool: FunctionTool) => (
                  <div className={ui['actions']}>
                    <Button
                      small
                      aria-label={`Change ${tool.name}`}
                      onClick={() => onAsk({ what: 'change', tool })}
                    >
                      Change
                    </Button>
                    <Button
                      small
                      kind="dangerQuiet"
                      aria-label={`Remove ${tool.name}`}
                      onClick={() => onAsk({ what: 'remove', tool })}
                    >
                      Remove
                    </Button>
                  </div>
                ),
              },
            ]
          : []),
      ]}
    />
  );

const Arguments = ({ schema }: { readonly schema: FunctionTool['parameters'] }) => (
  <details>
    <summary>{argumentsOf(schema).join(', ') || 'none'}</summary>
    <pre className={ui['mono']}>{textOf(schema)}</pre>
  </details>
);

const RemoveDialog = ({
  site,
  name,
  onClose,
}: {
  readonly site: Site;
  readonly name: string;
  readonly onClose: () => void;
}) => {
  const say = useToast();
  const path = { siteId: site.site_id };
  const remove = useChange(async (api) => {
    const { tools } = await api.call('readSite', { path });
    return api.call('changeSite', { path, body: { tools: tools.filter((tool) => tool.name !== name) } });
  });
  return (
    <ConfirmDialog
      title={`Remove ${name}?`}
      confirm="Remove the function"
      danger
      act={async () => {
        await remove.mutateAsync(undefined);
        say(`The function ${name} is removed.`);
      }}
      onClose={onClose}
    >
      <Bullets
        items={[
          'In new sessions, the assistant can no longer call the function.',
          'Sessions that have already started can still call it.',
        ]}
      />
    </ConfirmDialog>
  );
};
